"""The command line as people use it: output, JSON, exit codes, errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leeward.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "dag_specs"
BASH = "{operator: BashOperator, bash_command: %s}"


def leeward(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def _spec(folder: Path, text: str, name: str = "spec.yml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _bash(command: str) -> str:
    return f"d: {{tasks: {{t: {{operator: BashOperator, bash_command: '{command}'}}}}}}"


def test_help_names_every_command_and_every_command_has_help() -> None:
    shown = leeward("--help").output
    for name, words in COMMANDS.items():
        assert name in shown
        assert words in shown
        assert leeward(name, "--help").exit_code == 0
    assert leeward("--version").exit_code == 0
    assert leeward("dance").exit_code == 2


def test_demo_shows_progress_and_a_table() -> None:
    result = leeward("run", EXAMPLES / "demo.yml")
    assert result.exit_code == 0, result.output
    assert "↻ flaky_check  up_for_retry  (try 1)  body failed, tries left" in result.stderr
    assert "enrich | enriching 3 rows" in result.stderr
    rows = {line.split()[0]: line.split()[1:4] for line in result.stdout.splitlines() if line}
    assert rows["flaky_check"] == ["✔", "success", "2"]
    assert rows["empty_report"] == ["»", "skipped", "0"]
    assert ": success in " in result.stdout


def test_json_is_all_that_standard_output_holds() -> None:
    result = leeward("run", EXAMPLES / "demo.yml", "--json", "--logical-date", "2026-03-01", "--run-id", "r1")
    found = json.loads(result.stdout)
    assert result.stderr == ""
    assert (found["dag_id"], found["run_id"], found["dag_run_state"]) == ("demo", "r1", "success")
    assert ["flaky_check", -1, "success", 2] in found["tasks"]
    assert ["flaky_check", -1, "try 2 of the check for 2026-03-01"] in found["xcom"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.name)
def test_example_runs_to_its_end(path: Path) -> None:
    answers = path.with_name(f"{path.stem}_answers.json")
    more = ["--aws", answers] if answers.exists() else []
    result = leeward("run", path, "--json", "--logical-date", "2026-01-31", *more)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["dag_run_state"] == "success"


def test_example_of_aws_runs_on_moto() -> None:
    result = leeward("run", EXAMPLES / "aws_api.yml", "--json", "--aws", "moto")
    assert result.exit_code == 0, result.output


def test_run_that_fails_exits_with_one_and_says_why(tmp_path: Path) -> None:
    result = leeward("run", _spec(tmp_path, _bash("exit 3")))
    assert result.exit_code == 1
    assert "t: Bash command failed. The command returned a non-zero exit code 3." in result.stdout


def test_run_gets_its_dates_conf_and_variables(tmp_path: Path) -> None:
    command = "{{ ds }} {{ data_interval_start }} {{ data_interval_end }} {{ dag_run.conf.k }} {{ var.value.v }}"
    path = _spec(tmp_path, _bash(f"echo {command}"))
    more = (
        "--logical-date",
        "2026-01-31T06:00:00+02:00",
        "--data-interval",
        "2026-01-30/2026-01-31",
        "--conf",
        '{"k": 1}',
    )
    found = json.loads(leeward("run", path, "--json", *more, env={"AIRFLOW_VAR_V": "x"}).stdout)
    assert found["run_id"] == "manual__2026-01-31T04:00:00+00:00"
    assert found["xcom"] == [["t", -1, "2026-01-31 2026-01-30 00:00:00+00:00 2026-01-31 00:00:00+00:00 1 x"]]


def test_every_change_is_a_line_of_the_event_log(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    leeward("run", _spec(tmp_path, _bash("true")), "--json", "--events", events)
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(line.get("task_id"), line["from"], line["to"]) for line in lines] == [
        (None, None, "running"),
        ("t", "none", "queued"),
        ("t", "queued", "running"),
        ("t", "running", "success"),
        (None, "running", "success"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--logical-date", "soon"], "'soon' is not an ISO 8601 date"),
        (["--data-interval", "2026-01-01"], "START/END"),
        (["--conf", "{"], "--conf is not JSON"),
        (["--conf", "[]"], "wants a JSON object"),
        (["--conf", '{"p": "x"}'], "LW305 the param 'p': 'x' is not of type 'integer'"),
        (["--dag-id", "nobody"], "there is no DAG 'nobody' in the spec; it holds: d"),
        (["--aws", "/nowhere"], "LW304"),
        (["--parallelism", "0"], "not in the range"),
    ],
)
def test_bad_usage_exits_with_two_and_says_what_to_write(arguments: list[str], words: str, tmp_path: Path) -> None:
    text = "d: {params: {p: {__type__: airflow.sdk.Param, default: 1, type: integer}}, tasks: {}}"
    result = leeward("run", _spec(tmp_path, text), *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_bad_spec_exits_with_two_and_every_mistake(tmp_path: Path) -> None:
    path = _spec(tmp_path, "d: {schedul: x, tasks: {t: {operator: Nothing}}}")
    result = leeward("run", path)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{path}:1:5 LW120 unknown DAG key 'schedul', did you mean 'schedule'?",
        f"{path}:1:39 LW137 the operator Nothing is not supported",
    ]


def test_good_dag_of_a_spec_with_a_bad_one_runs_when_it_is_named(tmp_path: Path) -> None:
    path = _spec(tmp_path, "good: {tasks: {}}\nbad: {tasks: {t: {operator: Nothing}}}\n")
    assert leeward("run", path, "--dag-id", "good").exit_code == 0
    assert leeward("run", path, "--dag-id", "bad").exit_code == 2
    assert leeward("run", path).exit_code == 2


def test_several_dags_need_a_choice(tmp_path: Path) -> None:
    result = leeward("run", _spec(tmp_path, "a: {tasks: {}}\nb: {tasks: {}}\n"))
    assert (result.exit_code, result.stderr) == (
        2,
        "error: the spec holds several DAGs: choose one with --dag-id (a, b)\n",
    )


def test_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in leeward("run", path).stderr


def test_defaults_files_and_variables_of_the_environment_are_read(tmp_path: Path) -> None:
    _spec(tmp_path, "default_args: {owner: root, retries: 3}\n", "defaults.yml")
    _spec(tmp_path, "default_args: {owner: sub}\n", "sub/defaults.yaml")
    path = _spec(tmp_path, "d: {description: $WORDS, tasks: {t: {operator: EmptyOperator}}}\n", "sub/spec.yml")
    result = leeward("validate", tmp_path, "--json", env={"WORDS": "hi"})
    assert [file["file"] for file in json.loads(result.stdout)["files"]] == [str(path)]
    found = json.loads(leeward("compile", path, "--json").stdout)["dags"][0]
    assert found["tasks"][0]["retries"] == 0, "one spec by itself reads the defaults of its own folder"


def test_validate_reports_folders_and_exits_by_errors(tmp_path: Path) -> None:
    good = _spec(tmp_path, "a: {tasks: {}, orientation: LR}\n", "a.yml")
    result = leeward("validate", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{good}:1:16 LW201 orientation does nothing, a setting of Airflow 2's pages",
        f"{good}: 0 errors, 1 warnings; DAGs: a",
    ]
    bad = _spec(tmp_path, "b: {}\n", "b.yaml")
    result = leeward("validate", good, bad, "--json")
    assert result.exit_code == 2
    problems: list[Any] = json.loads(result.stdout)["files"][1]["problems"]
    assert problems == [
        {
            "file": str(bad),
            "line": 1,
            "column": 1,
            "severity": "error",
            "code": "LW127",
            "message": "the DAG 'b' has no tasks",
            "hint": "write tasks: with a list of tasks",
        }
    ]


def test_compile_shows_tasks_and_edges(tmp_path: Path) -> None:
    text = "d: {schedule: '@daily', tasks: {a: {operator: EmptyOperator}, b: {operator: EmptyOperator, dependencies: [a], trigger_rule: all_done}}}"
    path = _spec(tmp_path, text)
    shown = leeward("compile", path).stdout.splitlines()
    assert shown == [
        "d  schedule: CronTriggerTimetable  tasks: 2",
        "  a  EmptyOperator",
        "  b  EmptyOperator  [all_done]  after a",
    ]
    found = json.loads(leeward("compile", path, "--json", "--dag-id", "d").stdout)["dags"][0]
    assert (found["edges"], found["timetable"], len(found["tasks"])) == ([["a", "b"]], "CronTriggerTimetable", 2)
    assert leeward("compile", path, "--dag-id", "nobody").exit_code == 2
    assert leeward("compile", _spec(tmp_path, "d: {}")).exit_code == 2


def test_schema_is_printed() -> None:
    assert json.loads(leeward("schema").stdout) == json.loads(leeward("schema", "--json").stdout)


def test_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "leeward", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: leeward")


@pytest.mark.parametrize(
    "keys",
    [
        "operator: airflow.operators.python.PythonOperator, python_callable: slow.f",
        "operator: BashOperator, bash_command: sleep 600",
    ],
)
def test_run_that_timed_out_does_not_wait_for_its_bodies(keys: str, tmp_path: Path) -> None:
    path = _spec(tmp_path, f"d: {{dagrun_timeout: 1, tasks: {{t: {{{keys}}}}}}}")
    (tmp_path / "slow.py").write_text("import time\n\n\ndef f():\n    time.sleep(600)\n")
    command = [sys.executable, "-m", "leeward", "run", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["tasks"] == [["t", -1, "skipped", 1]]


INTERRUPTIBLE = """
import signal
from leeward.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
"""A shell's background jobs ignore SIGINT, and so would the command if the tests run in one."""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command_ends_with_its_bodies(tmp_path: Path, ending: signal.Signals) -> None:
    path = _spec(tmp_path, "d: {tasks: {t: {operator: BashOperator, bash_command: 'echo pid $$; exec sleep 600'}}}")
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "run", str(path)], stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    with running:
        body = next(int(line.split("pid ")[1]) for line in running.stderr if "pid " in line)
        running.send_signal(ending)
        running.communicate(timeout=120)
    assert running.returncode != 0
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(body)], capture_output=True, text=True, check=False).stdout
    assert shown.strip()[:1] in ("", "Z"), "ended, if perhaps not yet reaped"


def test_run_tells_which_tasks_it_is_without(tmp_path: Path) -> None:
    task = "{operator: BashOperator, bash_command: 'true', end_date: 2026-01-01}"
    path = _spec(tmp_path, f"d: {{tasks: {{a: {{operator: EmptyOperator}}, old: {task}}}}}")
    shown = leeward("run", path, "--logical-date", "2026-01-31")
    assert shown.exit_code == 0, shown.output
    assert "old is not in this run: its dates do not hold 2026-01-31T00:00:00+00:00" in shown.stdout
    found = json.loads(leeward("run", path, "--logical-date", "2026-01-31", "--json").stdout)
    assert found["tasks"] == [["a", -1, "success", 1]]
