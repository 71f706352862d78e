"""The deployed stack in an account that nobody here wrote: specs are dropped, runs end as they should."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployed.account import Account, deployed, wait_for

SPECS = Path(__file__).parent / "specs"
GLUE_SCRIPT = "import time\ntime.sleep(3)\n"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with deployed(tmp_path_factory.mktemp("account")) as found:
        _glue_job(found)
        yield found


def _glue_job(account: Account) -> None:
    """A job that takes three seconds, so that a poll finds it running."""
    s3, glue = account.client("s3"), account.client("glue")
    s3.create_bucket(Bucket="scripts")
    s3.put_object(Bucket="scripts", Key="nightly.py", Body=GLUE_SCRIPT.encode())
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/nightly.py", "PythonVersion": "3.9"}
    glue.create_job(Name="nightly", Role="r", Command=command)


def _leeward(account: Account, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "leeward", *arguments],
        env=account.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def _json(account: Account, *arguments: str) -> Any:
    done = _leeward(account, *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def dropped(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Account:
    folder = tmp_path_factory.mktemp("specs")
    shutil.copytree(SPECS, folder, dirs_exist_ok=True)
    (folder / "shapes.yml").write_text(yaml.safe_dump({"chain40": _chain(40), "fan50": _fan(50)}))
    done = _leeward(account, "drop", str(folder))
    assert done.returncode == 0, done.stderr
    assert "tour.yml: live: tour" in done.stdout
    return account


def _chain(length: int) -> dict[str, Any]:
    """Tasks of user code, one after the other."""
    names = [f"t{number}" for number in range(length)]
    tasks: list[dict[str, Any]] = [
        {"task_id": name, "operator": "BashOperator", "bash_command": f"echo {name}"} for name in names
    ]
    for task, before in zip(tasks[1:], names, strict=False):
        task["dependencies"] = [before]
    return {"tasks": tasks}


def _fan(width: int) -> dict[str, Any]:
    """Tasks that call AWS, all between the same two."""
    call = {"operator": "leeward.operators.aws.AwsApiOperator", "service": "sts", "action": "GetCallerIdentity"}
    wide = [{"task_id": f"f{number}", **call, "dependencies": ["root"]} for number in range(width)]
    ends: list[dict[str, Any]] = [
        {"task_id": "root", "operator": "EmptyOperator"},
        {"task_id": "join", "operator": "EmptyOperator"},
    ]
    ends[1]["dependencies"] = [task["task_id"] for task in wide]
    return {"tasks": [*wide, *ends]}


def _run(account: Account, dag_id: str) -> tuple[str, dict[str, str], dict[str, int]]:
    run_id = _json(account, "trigger", dag_id, "--wait")["run_id"]
    found = _json(account, "tasks", dag_id, run_id)
    states = {task_id: state for task_id, _, state, _ in found["tasks"]}
    return found["dag_run_state"], states, {task_id: number for task_id, _, _, number in found["tasks"]}


def test_chain_of_forty_ends(dropped: Account) -> None:
    state, states, _ = _run(dropped, "chain40")
    assert (state, len(states), set(states.values())) == ("success", 40, {"success"})


def test_fan_out_of_fifty_ends(dropped: Account) -> None:
    state, states, _ = _run(dropped, "fan50")
    assert (state, len(states), set(states.values())) == ("success", 52, {"success"})


def test_tour_of_bash_python_retry_failure_and_a_polled_glue_job(dropped: Account) -> None:
    state, states, tries = _run(dropped, "tour")
    ends = {"bash", "short", "long", "flaky", "script", "glue"}
    assert states == {**dict.fromkeys(ends, "success"), "fails": "failed", "after": "upstream_failed"}
    assert (state, tries["flaky"], tries["bash"]) == ("success", 2, 1)
    assert "exit code 3" in _json(dropped, "tasks", "tour")["errors"]["fails"]
    events = _events(dropped, _json(dropped, "runs", "tour")[0]["run_id"], "glue")
    assert [line["to"] for line in events] == ["running", "deferred", "success"]
    assert events[-1]["cause"] == "job returned"


def _events(account: Account, run_id: str, task_id: str) -> list[dict[str, Any]]:
    """The event log's lines about a task of one run, as the functions wrote them."""
    lines = (line for line in account.log.read_text().splitlines() if line.startswith('{"leeward": "event"'))
    found = (json.loads(line) for line in lines)
    return [line for line in found if (line["run_id"], line.get("task_id")) == (run_id, task_id)]


def test_logs_of_both_functions_are_shown(dropped: Account) -> None:
    _run(dropped, "tour")
    shown = _leeward(dropped, "logs", "tour", "--follow").stdout
    assert "bash | 3" in shown
    assert "long | hello from long" in shown
    assert "script | script of tour" in shown
    assert "glue |" in shown
    one = _leeward(dropped, "logs", "tour", _json(dropped, "runs", "tour")[0]["run_id"], "bash").stdout
    assert [line.partition(" | ")[2] for line in one.splitlines()] == ["3"]


def test_bad_spec_keeps_the_last_good_version_and_is_reported(dropped: Account, tmp_path: Path) -> None:
    good = "careful:\n  schedule: '@daily'\n  start_date: '2099-01-01'\n  tasks:\n    - {task_id: a, operator: EmptyOperator}\n"
    spec = tmp_path / "careful.yml"
    spec.write_text(good)
    assert _leeward(dropped, "drop", str(spec)).returncode == 0
    before = _json(dropped, "trigger", "careful", "--wait")
    spec.write_text(good.replace("EmptyOperator", "EmtpyOperator"))
    refused = _leeward(dropped, "drop", str(spec))
    assert refused.returncode == 2
    assert "careful.yml:5" in refused.stderr
    assert "EmptyOperator" in refused.stderr
    errors = _leeward(dropped, "errors")
    assert (errors.returncode, "LW137" in errors.stdout) == (2, True)
    assert before["state"] == _json(dropped, "trigger", "careful", "--wait")["state"] == "success"
    spec.write_text(good)
    assert _leeward(dropped, "drop", str(spec)).returncode == 0
    assert _leeward(dropped, "errors").stdout == "no errors\n"


def test_deletion_retires_the_dag_and_its_rules_and_spares_its_runs(dropped: Account, tmp_path: Path) -> None:
    spec = tmp_path / "gone.yml"
    spec.write_text(
        "gone:\n  schedule: '0 5 * * 1'\n  start_date: '2099-01-01'\n  tasks:\n    - {task_id: a, operator: EmptyOperator}\n"
    )
    assert _leeward(dropped, "drop", str(spec)).returncode == 0
    run_id = _json(dropped, "trigger", "gone", "--wait")["run_id"]
    assert "cron(0 5 ? * 2 *)" in _expressions(dropped)
    dropped.client("s3").delete_object(Bucket=dropped.outputs["DagsBucketName"], Key="dags/gone.yml")
    wait_for(lambda: "cron(0 5 ? * 2 *)" not in _expressions(dropped), "the rule to go")
    refused = _leeward(dropped, "trigger", "gone")
    assert (refused.returncode, "LW306" in refused.stderr) == (2, True)
    assert _json(dropped, "tasks", "gone", run_id)["dag_run_state"] == "success"


def _expressions(account: Account) -> list[str]:
    rules = account.client("events").list_rules()["Rules"]
    return [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule]


def test_module_that_changes_makes_a_new_version(dropped: Account, tmp_path: Path) -> None:
    (tmp_path / "spec.yml").write_text(
        "changing:\n  tasks:\n    - {task_id: a, operator: PythonOperator, python_callable: changing_code.go}\n"
    )
    seen: list[str] = []
    for text in ("first", "second"):
        (tmp_path / "changing_code.py").write_text(f"def go():\n    print('{text}')\n")
        assert _leeward(dropped, "drop", str(tmp_path), "--under", "changing").returncode == 0
        run_id = _json(dropped, "trigger", "changing", "--wait")["run_id"]
        shown = _leeward(dropped, "logs", "changing", run_id, "--follow").stdout
        seen += [line.partition(" | ")[2] for line in shown.splitlines() if "Returned" not in line]
    assert seen == ["first", "second"]


def test_run_that_is_due_is_created_by_the_sweep_and_once(dropped: Account) -> None:
    """The rule of every minute reaches the scheduler through its queue; ticks that follow find nothing to do."""
    wait_for(lambda: _json(dropped, "runs", "due"), "the scheduled run", 130)
    queue = next(url for url in dropped.client("sqs").list_queues()["QueueUrls"] if "QueuesScheduler" in url)
    for _ in range(2):
        dropped.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps({"tick": "due"}))
    wait_for(lambda: _json(dropped, "runs", "due")[0]["state"] == "success", "its end")
    _queues_are_empty(dropped)
    assert [run["run_id"].partition("__")[0] for run in _json(dropped, "runs", "due")] == ["scheduled"]


def _queues_are_empty(account: Account) -> None:
    sqs = account.client("sqs")

    def waiting() -> int:
        kinds = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = (
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for url in sqs.list_queues()["QueueUrls"]
        )
        return sum(int(row[kind]) for row in found for kind in kinds)

    wait_for(lambda: waiting() == 0, "empty queues", 60)


def test_nothing_is_left_in_any_queue(dropped: Account) -> None:
    _queues_are_empty(dropped)


def test_widget_of_the_dashboard_shows_the_runs(dropped: Account) -> None:
    functions = dropped.client("lambda")
    names = [
        row["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for row in page["Functions"]
    ]
    name = next(name for name in names if "DashboardFunction" in name)
    wait_for(lambda: _json(dropped, "runs", "due"), "a run", 130)
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"widgetContext": {"theme": "light"}}))
    shown = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, shown
    assert "<svg" in shown
    assert all(dag_id in shown for dag_id in ("due", "tour", "chain40", "fan50"))
