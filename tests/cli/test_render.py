"""`leeward render`: what it prints, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leeward.cli.main import main

SPEC = """
d:
  params: {p: {__type__: airflow.sdk.Param, default: 1, type: integer}}
  user_defined_macros: {double: %s}
  tasks:
    say: {operator: BashOperator, bash_command: "echo {{ ds }} {{ ti.map_index }}", env: {A: "{{ params.p }}"}}
    call:
      operator: airflow.providers.standard.operators.python.PythonOperator
      python_callable: m.f
      op_args: ["{{ ti.xcom_pull('say') }}", 5]
    own: {operator: m.Op, a: "{{ var.value.v }}"}
    store: {operator: AwsApiOperator, service: s3, action: "{{ params.p }}Buckets", idempotency_token: "{{ x }}"}
    wrong: {operator: BashOperator, bash_command: "{{ nobody }}"}
"""


def _render(folder: Path, *arguments: str, macro: str = "2") -> Result:
    path = folder / "spec.yml"
    path.write_text(SPEC % macro)
    (folder / "m.py").write_text("def double(x):\n    return 2 * x\n")
    return CliRunner().invoke(main, ["render", str(path), *arguments], env={"AIRFLOW_VAR_V": "value"})


def test_fields_are_printed_one_after_the_other_as_airflow_does(tmp_path: Path) -> None:
    line = "# " + "-" * 58
    result = _render(tmp_path, "say", "--logical-date", "2026-01-31", "--map-index", "2", "--conf", '{"p": 7}')
    assert result.output == (
        f"{line}\n# property: bash_command\n{line}\necho 2026-01-31 2\n\n{line}\n# property: env\n{line}\n"
        '{\n  "A": "7"\n}\n\n'
    )


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("call", {"op_args": ["None", 5]}),
        ("own", {"a": "value"}),
        ("store", {"service": "s3", "action": "1Buckets"}),
        ("say", {"bash_command": "echo 2026-01-31 -1", "env": {"A": "1"}}),
    ],
)
@pytest.mark.parametrize("macro", ["2", "m.double"])
def test_templated_fields_of_any_operator_are_rendered(task: str, fields: object, macro: str, tmp_path: Path) -> None:
    result = _render(tmp_path, task, "--logical-date", "2026-01-31", "--json", macro=macro)
    assert json.loads(result.stdout) == fields, result.stderr


@pytest.mark.parametrize("macro", ["2", "m.double"])
def test_template_that_cannot_be_rendered_exits_with_one(macro: str, tmp_path: Path) -> None:
    result = _render(tmp_path, "wrong", macro=macro)
    assert result.exit_code == 1
    assert result.stderr.count("LW401") == 1
    assert "'nobody' is undefined" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sya"], "there is no task 'sya' in d, did you mean 'say'?"),
        (["say", "--dag-id", "e"], "there is no DAG 'e'"),
        (["say", "--conf", '{"p": "x"}'], "LW305"),
        (["say", "--conf", "["], "--conf is not JSON"),
        (["say", "--logical-date", "soon"], "'soon' is not an ISO 8601 date"),
        (["say", "--map-index", "-2"], "not in the range"),
    ],
)
def test_bad_usage_exits_with_two(arguments: list[str], words: str, tmp_path: Path) -> None:
    result = _render(tmp_path, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
