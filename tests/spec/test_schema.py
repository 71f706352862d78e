"""The JSON Schema and the reference page say what the compiler does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from leeward.operators import CATALOGUE
from leeward.operators.reference import operator_reference
from leeward.spec.keys import KEYS
from leeward.spec.reference import spec_reference
from leeward.spec.schema import json_schema

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema(CATALOGUE)
BASH = "airflow.operators.bash.BashOperator"


def _valid(spec: Any) -> bool:
    return bool(Draft7Validator(SCHEMA).is_valid(spec))


def test_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "dag_specs").glob("*.yml")), ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    assert _valid(yaml.safe_load(path.read_text().replace("2026-01-01", "'2026-01-01'")))


@pytest.mark.parametrize("family", ["mapping", "retries", "task_groups", "trigger_rules", "xcom"])
def test_recorded_specs_are_valid(family: str) -> None:
    cases = json.loads((ROOT / "tests" / "conformance" / f"{family}.json").read_text())
    assert [case["id"] for case in cases if not _valid(case["spec"])] == []


@pytest.mark.parametrize(
    "dag",
    [
        {"tasks": {}, "schedul": None},
        {"tasks": {"t": {"operator": BASH, "bash_command": "x", "bash_comand": "y"}}},
        {"tasks": {"t": {"operator": BASH, "bash_command": "x", "trigger_rule": "all_sucess"}}},
        {"tasks": {"t": {"operator": BASH, "bash_command": 5}}},
        {"tasks": [{"task_id": "t", "operator": BASH, "bash_command": "x", "expand": {"a": [1]}}]},
        {"task_groups": [{"group_name": "g", "colour": "red"}], "tasks": {}},
        {"default_args": {"colour": "red"}, "tasks": {}},
    ],
)
def test_what_is_an_error_is_one_in_the_editor_too(dag: dict[str, Any]) -> None:
    assert not _valid({"d": dag})


def test_reference_pages_name_every_key_and_every_operator() -> None:
    page = spec_reference()
    assert all(f"| `{name}` |" in page for rows in KEYS.values() for name in rows)
    operators = operator_reference(CATALOGUE)
    assert all(f"## {row.name}\n" in operators for row in CATALOGUE.signatures())
