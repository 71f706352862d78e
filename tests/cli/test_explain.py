"""`leeward explain`: on a log that `leeward run` wrote, and on an installation whose table and logs are moto's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from click.testing import CliRunner, Result

from leeward.aws.installation import Installation
from leeward.cli.main import main
from leeward.contract import (
    OUTPUT_DATA_BUCKET,
    OUTPUT_EXECUTOR_LOGS,
    OUTPUT_SCHEDULER_LOGS,
    OUTPUT_TABLE,
)
from leeward.core.dag import Expansion, RetryPolicy
from leeward.core.facts import Failed
from tests.drawing import draw
from tests.ports.stores import BUCKET, TABLE, adapters, clients, locked_moto, put_in
from tests.world import World

SPEC = """
d:
  tasks:
    slow: {operator: BashOperator, bash_command: "sleep 0.3"}
    flaky: {operator: BashOperator, bash_command: "exit 1", retries: 1, retry_delay: 1}
    many: {operator: BashOperator, expand: {bash_command: ["true", "exit 1"]}, dependencies: [slow]}
    last: {operator: BashOperator, bash_command: "true", dependencies: [flaky, many]}
"""


def leeward(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@dataclass(frozen=True)
class Local:
    """A run that has been, and its log."""

    spec: Path
    events: Path

    def explain(self, *arguments: object) -> Result:
        return leeward("explain", "d", *arguments, "--events", self.events, "--spec", self.spec)

    def after(self, task: str, to: str) -> str:
        """The moment right after a change."""
        lines = (json.loads(text) for text in self.events.read_text().splitlines())
        at = next(line["at"] for line in lines if (line.get("task_id"), line["to"]) == (task, to))
        return (datetime.fromisoformat(at) + timedelta(milliseconds=1)).isoformat()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Local:
    folder = tmp_path_factory.mktemp("run")
    here = Local(folder / "spec.yml", folder / "events.jsonl")
    here.spec.write_text(SPEC)
    for name in ("r1", "r2"):
        result = leeward("run", here.spec, "--run-id", name, "--events", here.events, "--json")
        assert result.exit_code == 1, result.output
    return here


def test_moment_of_a_local_run_is_explained_task_by_task(ran: Local) -> None:
    shown = ran.explain("r1", "--at", ran.after("flaky", "up_for_retry")).output.splitlines()
    assert shown[0].startswith("d r1: running, as of ")
    told = {line.split()[0]: line for line in shown[1:]}
    assert list(told) == ["slow", "flaky", "many", "last"]
    assert "running since" in told["slow"]
    assert "retry 1 of 1 is due at" in told["flaky"]
    assert "all_success waits for slow (running since" in told["many"]
    assert "all_success waits for flaky (up_for_retry until" in told["last"]
    assert "many (not started)" in told["last"]


def test_run_that_is_over_shows_what_did_not_succeed_and_why(ran: Local) -> None:
    shown = ran.explain().output.splitlines()
    assert shown[0].startswith("d r2: failed, as of ")
    told = {line.split()[0]: line for line in shown[1:]}
    assert list(told) == ["flaky", "many", "last"]
    assert "body failed, no try left, try 2 of 2" in told["flaky"]
    assert "because of " in told["last"]


def test_one_task_shows_every_cause_by_airflows_name(ran: Local) -> None:
    at = ran.after("flaky", "up_for_retry")
    shown = ran.explain("r1", "flaky", "--at", at).output.splitlines()
    assert shown[1] == "flaky: up_for_retry (waiting)"
    assert shown[2].startswith("  Not In Retry Period: retry 1 of 1 is due at ")


def test_instance_of_a_mapped_task_is_explained_alone(ran: Local) -> None:
    shown = ran.explain("r1", "many", "--map-index", "1").output
    assert "many[1]: failed (finished)" in shown
    none = ran.explain("r1", "many", "--map-index", "7")
    assert (none.exit_code, "LW333 many has no map index 7: it has 2 instances" in none.output) == (2, True)
    early = ran.explain("r1", "many", "--map-index", "0", "--at", ran.after("slow", "running"))
    assert "it has 0 instances at that moment" in early.output


def test_json_says_the_same(ran: Local) -> None:
    found = json.loads(ran.explain("r1", "--json", "--at", ran.after("flaky", "up_for_retry")).stdout)
    assert (found["dag_id"], found["run_id"], found["dag_run_state"]) == ("d", "r1", "running")
    tasks = {each["task_id"]: each for each in found["tasks"]}
    assert (tasks["flaky"]["state"], tasks["flaky"]["try_number"]) == ("up_for_retry", 1)
    assert tasks["flaky"]["causes"][0]["dependency"] == "Not In Retry Period"
    until = datetime.fromisoformat(tasks["flaky"]["causes"][0]["until"])
    assert until > datetime.fromisoformat(found["at"])
    assert tasks["last"]["causes"][0]["waits_for"] == ["flaky", "many"]
    assert [each["standing"] for each in found["tasks"]] == ["under way", "waiting", "waiting", "waiting"]


def test_spec_that_has_changed_is_said_to_have(ran: Local, tmp_path: Path) -> None:
    other = tmp_path / "spec.yml"
    other.write_text(SPEC.replace("sleep 0.3", "sleep 3"))
    result = leeward("explain", "d", "--events", ran.events, "--spec", other)
    assert (result.exit_code, "the spec has changed since that run" in result.stderr) == (0, True)
    other.write_text(SPEC.replace("slow", "other"))
    assert (
        "LW331 the log tells of a task 'slow'"
        in leeward("explain", "d", "--events", ran.events, "--spec", other).output
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["r9"], "LW332"),
        (["r1", "nobody"], "LW333 d has no task 'nobody'"),
        (["--at", "soon"], "LW308 'soon' is not an ISO 8601 date"),
        (["r1", "--at", "2020-01-01"], "LW332 the log tells nothing of the run r1 up to 2020-01-01T00:00:00.000+00:00"),
    ],
)
def test_bad_usage_is_told_by_its_code(arguments: list[str], words: str, ran: Local) -> None:
    result = ran.explain(*arguments)
    assert (result.exit_code, words in result.output) == (2, True), result.output


@pytest.mark.parametrize(("text", "words"), [("{", "is no JSON"), ("3", "is no line of an event log")])
def test_file_that_is_no_log_is_refused(text: str, words: str, ran: Local, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    result = leeward("explain", "d", "--events", log, "--spec", ran.spec)
    assert (result.exit_code, f"{log}:1 {words}" in result.output) == (2, True)


def test_log_and_spec_belong_together(ran: Local) -> None:
    assert "belong together" in leeward("explain", "d", "--events", ran.events).output


def test_task_that_is_due_says_what_comes_next(ran: Local, tmp_path: Path) -> None:
    begun = Local(ran.spec, tmp_path / "events.jsonl")
    begun.events.write_text(ran.events.read_text().splitlines()[0])
    assert begun.explain("r1", "slow").output.splitlines()[1:] == [
        "slow: none (due)",
        "  due now: becomes queued, as its trigger rule is met",
    ]


def test_run_in_which_all_is_well_says_so(tmp_path: Path) -> None:
    here = Local(tmp_path / "spec.yml", tmp_path / "events.jsonl")
    here.spec.write_text("d: {tasks: {t: {operator: EmptyOperator}}}")
    leeward("run", here.spec, "--events", here.events)
    assert here.explain().output.splitlines()[1:] == ["every task has succeeded"]


class Deployed:
    """A run under way in an account of moto's, with its log in CloudWatch."""

    def __init__(self) -> None:
        self.client, self.s3 = clients()
        self.session = boto3.session.Session("testing", "testing", region_name="us-east-1")
        dag = draw(
            "a,b>c", dag={"dag_id": "d"}, a={"retry": RetryPolicy(2, 40.0)}, c={"expand": Expansion((("x", [1]),))}
        )
        self.world = put_in(World(dag, {"a": [Failed("x")]}), adapters(self.client, self.s3)).start()
        first = self.world.queue.take()[0]
        self.world.handle(first)
        self.here = Installation(
            self.session,
            {
                OUTPUT_TABLE: TABLE,
                OUTPUT_DATA_BUCKET: BUCKET,
                OUTPUT_EXECUTOR_LOGS: "/executor",
                OUTPUT_SCHEDULER_LOGS: "/scheduler",
            },
        )
        self.write([dict(line) for line in self.world.log.lines])

    def write(self, lines: list[dict[str, Any]]) -> None:
        """What the functions log, several lines at once among others."""
        logs = self.session.client("logs")
        for group in ("/executor", "/scheduler"):
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="s")
        texts = [json.dumps({"leeward": "event", **line}) for line in lines]
        for group, own in (("/scheduler", texts[:2]), ("/executor", texts[2:])):
            message = "\n".join(["REPORT x", *own, json.dumps({"leeward": "log", "dag_id": "d"})])
            at = int(datetime.now().timestamp() * 1000)  # noqa: DTZ005 - milliseconds are the same everywhere
            logs.put_log_events(
                logGroupName=group, logStreamName="s", logEvents=[{"timestamp": at, "message": message}]
            )

    def explain(self, *arguments: str) -> Result:
        with patch("leeward.cli.explain.found", lambda *_: self.here):
            return leeward("explain", "d", *arguments)


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    with locked_moto():
        yield Deployed()


def test_run_of_an_installation_is_explained_from_its_table(deployed: Deployed) -> None:
    with patch("time.time", deployed.world.clock.now):
        shown = deployed.explain().output.splitlines()
    assert shown[0].startswith("d manual__1: running, as of 1970-01-12T13:46:40")
    assert shown[1:] == [
        "a  retry 1 of 2 is due at 13:47:20Z (in 40 s)",
        "b  queued since 13:46:40Z: try 1 of 1 waits for an executor",
        "c  all_success waits for a (up_for_retry until 13:47:20Z), b (queued since 13:46:40Z)",
    ]


def test_moment_of_an_installation_is_explained_from_its_log_alone(deployed: Deployed) -> None:
    at = "1970-01-12T13:46:41"
    lines = deployed.explain("manual__1", "c", "--at", at).output.splitlines()
    assert lines == [
        "d manual__1: running, as of 1970-01-12T13:46:41.000+00:00",
        "c: none (waiting)",
        "  Trigger Rule: all_success waits for a (up_for_retry until 13:47:20Z), b (queued since 13:46:40Z)",
    ]
    assert "LW332" in deployed.explain("manual__1", "--at", "1970-01-01").output
    assert "LW301" in deployed.explain("nobody").output


def test_installation_of_before_is_to_be_deployed_again(deployed: Deployed) -> None:
    outputs = {name: value for name, value in deployed.here.outputs.items() if name != OUTPUT_SCHEDULER_LOGS}
    with patch.object(deployed, "here", Installation(deployed.session, outputs)):
        assert "LW309 the installation has no output SchedulerLogGroup" in deployed.explain().output
