"""Compiles texts with the real catalogue, and tells what was found in few words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from leeward.core.dag import Dag, Task
from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.diagnostics import Report
from leeward.spec.nodes import Node, Table
from leeward.spec.text import parse

NOW = datetime(2024, 5, 17, 13, 45, tzinfo=UTC)


def compiled(
    text: str,
    *,
    env: Mapping[str, str] | None = None,
    defaults: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    pools: Mapping[str, int] | None = None,
) -> Compiled:
    """Compile an indented text."""
    return compile_spec(
        textwrap.dedent(text),
        "spec.yml",
        CATALOGUE,
        now=NOW,
        env=env or {},
        defaults=[(f"defaults{i}.yml", textwrap.dedent(body)) for i, body in enumerate(defaults)],
        variables=None if variables is None else variables.get,
        pools=pools,
    )


def dag(text: str, **more: object) -> Dag:
    """The only DAG of a text without mistakes."""
    found = compiled(text, **more)  # type: ignore[arg-type]
    assert [str(problem) for problem in found.report.errors] == []
    (only,) = found.dags
    return only


def task(keys: str, **more: object) -> Task:
    """The only task of a DAG whose keys are given."""
    body = textwrap.indent(textwrap.dedent(keys), " " * 6)
    return dag(f"d:\n  tasks:\n    t:\n{body}", **more).task("t")


def problems(text: str, **more: object) -> list[str]:
    """Every mistake, as `line CODE`."""
    report = compiled(text, **more).report  # type: ignore[arg-type]
    return [f"{found.mark.line} {found.code}" for found in report.sorted()]


def messages(text: str, **more: object) -> list[str]:
    """Every mistake, whole."""
    return [str(found) for found in compiled(text, **more).report.sorted()]  # type: ignore[arg-type]


def node(text: str, env: Mapping[str, str] | None = None) -> tuple[Node, Report]:
    """The value of the key `v`, and the report of reading it."""
    report = Report()
    table = parse("v: " + text, "x.yml", report, env or {})
    assert isinstance(table, Table), report.found
    return table.items["v"], report
