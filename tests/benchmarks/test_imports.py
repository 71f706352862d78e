"""What a cold start does not import: libraries that only the compiler, or only a template, needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import traced
from tasks import AWS_CALL, PYTHON, dag_of

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("pydantic", "jinja2", "pendulum", "jsonschema", "yaml", "croniter")


def _loaded(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("function", ["executor", "scheduler", "worker"])
def test_handler_imports_no_library_of_the_compiler_or_of_templates(function: str) -> None:
    code = (
        f"import json, sys, lambdas.{function}.handler; print(json.dumps([m for m in {LIBRARIES} if m in sys.modules]))"
    )
    assert _loaded(code) == []


@pytest.mark.parametrize("body", [AWS_CALL, PYTHON])
def test_run_needs_no_library_of_the_compiler_or_of_templates(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    dag = dag_of("d", 3, [(0, 1), (1, 2)], body)
    for library in LIBRARIES:
        monkeypatch.setitem(sys.modules, library, None)
    traced.ran(dag, cold=True, by_hand=True)


def test_template_needs_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    templated = AWS_CALL.replace("'{seconds}'", "'{{{{ 0.0 }}}}'")
    dag = dag_of("d", 1, [], templated)
    traced.ran(dag, by_hand=True)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(RuntimeError, match="a message failed"):
        traced.ran(dag, by_hand=True)
