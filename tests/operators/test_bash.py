"""BashOperator, with a real Bash."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import one

BASH = "operator: airflow.providers.standard.operators.bash.BashOperator\n"


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("echo one; echo two", "two"),
        ("true", ""),
        ("echo '  pad  '", "  pad"),
        ("echo err >&2; echo out", "out"),
        ("echo out; echo err >&2", "err"),
        ("printf 'no newline'", "no newline"),
    ],
)
def test_last_line_of_both_outputs_is_the_xcom(command: str, value: str, tmp_path: Path) -> None:
    assert one(f"{BASH}bash_command: {command!r}", tmp_path).xcoms == {"t": value}


@pytest.mark.parametrize(
    ("code", "extra", "state"),
    [
        (99, "", "skipped"),
        (1, "", "failed"),
        (99, "skip_on_exit_code: null", "failed"),
        (42, "skip_on_exit_code: 42", "skipped"),
        (41, "skip_on_exit_code: [41, 42]", "skipped"),
        (99, "skip_on_exit_code: [41, 42]", "failed"),
    ],
)
def test_exit_codes_skip_or_fail(code: int, extra: str, state: str, tmp_path: Path) -> None:
    ended = one(f"{BASH}bash_command: exit {code}\n{extra}", tmp_path)
    assert (ended.states["t"], ended.xcoms) == (state, {})


def test_error_says_the_exit_code(tmp_path: Path) -> None:
    assert "exit code 7" in one(f"{BASH}bash_command: exit 7", tmp_path).errors["t"]


def test_command_knows_its_task(tmp_path: Path) -> None:
    command = "echo $AIRFLOW_CTX_DAG_ID $AIRFLOW_CTX_TASK_ID $AIRFLOW_CTX_TRY_NUMBER $AIRFLOW_CTX_DAG_OWNER"
    assert one(f"{BASH}bash_command: {command}\nowner: me", tmp_path).xcoms == {"t": "d t 1 me"}


def test_environment_replaces_the_workers_or_is_added_to_it(tmp_path: Path) -> None:
    command = '{bash_command: "echo ${A}-${HOME:-none}", env: {A: "{{ ds }}"}, operator: BashOperator, append_env: %s}'
    own = one(command % "false", tmp_path).xcoms["t"]
    added = one(command % "true", tmp_path).xcoms["t"]
    assert own == "2024-01-15-none"
    assert str(added).startswith("2024-01-15-/")


def test_command_runs_in_a_new_folder_or_where_it_is_told(tmp_path: Path) -> None:
    assert one(f"{BASH}bash_command: ls | wc -l | tr -d ' '", tmp_path).xcoms == {"t": "0"}
    assert one(f"{BASH}bash_command: pwd -P\ncwd: {tmp_path}", tmp_path).xcoms == {"t": str(tmp_path.resolve())}
    assert "Can not find the cwd" in one(f"{BASH}bash_command: pwd\ncwd: /nowhere", tmp_path).errors["t"]


def test_script_beside_the_spec_is_a_template(tmp_path: Path) -> None:
    ended = one(f"{BASH}bash_command: say.sh", tmp_path, modules={"say.sh": "echo on {{ ds }}\n"})
    assert ended.xcoms == {"t": "on 2024-01-15"}
    assert "LW404" in one(f"{BASH}bash_command: gone.sh", tmp_path).errors["t"]


def test_command_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    keys = f"{BASH}bash_command: 'sleep 60 & sleep 60'\nexecution_timeout: 0.3"
    assert "AirflowTaskTimeout" in one(keys, tmp_path).errors["t"]


def test_output_is_logged_line_by_line_in_its_encoding(tmp_path: Path) -> None:
    ended = one(f"{BASH}bash_command: \"printf 'caf\\\\351\\\\n'\"\noutput_encoding: latin-1", tmp_path)
    assert ended.log == ["t: café"]


def test_machine_without_bash_gets_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bash is not on the PATH" in one(f"{BASH}bash_command: 'true'", tmp_path).errors["t"]


def test_xcom_is_not_pushed_where_the_task_says_so(tmp_path: Path) -> None:
    assert one(f"{BASH}bash_command: echo x\ndo_xcom_push: false", tmp_path).xcoms == {}
