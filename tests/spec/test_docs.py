"""Documentation of a DAG: from the spec, or from a file beside it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.docs import MAX_DOC
from tests.spec.reading import NOW

FILES = {"about.md": "# About", "docs/more.md": "More", "long.md": "x" * (MAX_DOC + 1)}


def _compiled(keys: str, env: Mapping[str, str] | None = None) -> Compiled:
    text = f"d: {{tasks: {{}}, {keys}}}"
    return compile_spec(text, "s.yml", CATALOGUE, now=NOW, env=env or {}, read=FILES.get)


@pytest.mark.parametrize(
    ("keys", "doc"),
    [
        ("doc_md: text", "text"),
        ("doc_md_file_path: about.md", "# About"),
        ("doc_md_file_path: about.md, doc_md: text", "# About"),
        ("doc_md_file_path: $CONFIG_ROOT_DIR/docs/more.md", "More"),
        ("doc_md_file_path: null", None),
    ],
)
def test_file_beside_the_spec_goes_before_the_text(keys: str, doc: str | None) -> None:
    assert _compiled(keys, {"CONFIG_ROOT_DIR": "/dags"}).dags[0].doc_md == doc


@pytest.mark.parametrize(
    ("path", "code"),
    [("gone.md", "LW151"), ("long.md", "LW151"), ("/etc/hostname", "LW149"), ("../about.md", "LW149")],
)
def test_file_that_is_not_there_or_elsewhere_is_told(path: str, code: str) -> None:
    assert [each.code for each in _compiled(f"doc_md_file_path: {path}").report.errors] == [code]


def test_callable_is_not_run_and_that_is_told() -> None:
    found = _compiled(
        "doc_md_python_callable_name: f, doc_md_python_callable_file: /m.py, doc_md_python_arguments: {x: 1}"
    )
    assert len(found.dags) == 1
    assert [each.code for each in found.report.warnings] == ["LW201"] * 3
