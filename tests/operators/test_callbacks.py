"""Callbacks called for real: code of the user's in its process, and notifiers of Airflow's Amazon provider."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.drop_spec import drop_spec
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import Local, local
from leeward.operators.callbacks import NOTIFIERS
from leeward.spec.version import version
from tests.operators.driving import DATE, Recorded, python
from tests.spec.reading import dag

MODULE = """
import json
import os
from airflow.sdk import BaseNotifier

def _note(*found):
    with open(__file__ + ".log", "a") as log:
        log.write(json.dumps(found) + "\\n")

def told(context, **kwargs):
    ti = context["ti"]
    _note(ti.task_id, ti.try_number, str(context.get("exception")), context.get("reason"), kwargs, ti.xcom_pull("a"))

class Channel(BaseNotifier):
    def __init__(self, channel):
        super().__init__()
        self.channel = channel

    def notify(self, context):
        _note(self.channel, context["ti"].task_id)

def bad(context):
    raise ValueError("no channel")

def dies(context):
    os._exit(3)

def late(context, text):
    run, deadline = context["dag_run"], context["deadline"]
    _note(sorted(context), run["dag_id"], run["state"], deadline["deadline_time"].year, text)

def bare(text):
    _note(text)

async def awaited(**kwargs):
    _note(sorted(kwargs))

def wants_nothing():
    return lambda unused=None: _note("called", unused)

def takes_it_all(**kwargs):
    return lambda context: _note(sorted(context), sorted(kwargs))

def work(fail=False):
    if fail:
        raise RuntimeError("boom")
    return 7
"""
ANSWERS = [
    {"service": "sns", "operation": "Publish", "response": {"MessageId": "m"}},
    {"service": "sqs", "operation": "SendMessage", "response": {"MessageId": "m"}},
]
PYTHON = "operator: PythonOperator, python_callable: told.work"


class Installed:
    """An installation in a folder with the module, whose log is kept."""

    def __init__(self, folder: Path) -> None:
        (folder / "told.py").write_text(MODULE)
        self.folder, self.lines, self.aws = folder, list[str](), Recorded(python(ANSWERS))
        self.here: Local = local(
            folder, self.aws, EnvironmentSecrets({}), parallelism=2, log=lambda _, line: self.lines.append(line)
        )

    def run(self, text: str) -> Sequence[Any]:
        """Run a DAG to its end; what the module noted."""
        compiled = dag(text)
        drop_spec(self.here.ports, [compiled])
        ref = RunRef(compiled.dag_id, "manual__1", version(compiled))
        self.here.runtime.run(RunInfo(ref, RunType.MANUAL, DATE, DATE, DATE, DATE))
        notes = self.folder / "told.py.log"
        return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    found = Installed(tmp_path)
    yield found
    found.here.close()


def test_function_gets_the_context_of_the_try_its_error_and_its_own_arguments(installed: Installed) -> None:
    notes = installed.run(
        f"""d: {{on_failure_callback: {{callback: told.told, level: run}}, tasks: {{a: {{{PYTHON}}}, b: {{{PYTHON},
        op_kwargs: {{fail: true}}, dependencies: [a], on_failure_callback: {{callback: told.told, level: task}}}}}}}}"""
    )
    assert notes == [
        ["b", 1, "RuntimeError: boom", None, {"level": "task"}, 7],
        ["b", 1, "None", "task_failure", {"level": "run"}, 7],
    ]


def test_notifier_of_the_users_is_made_with_its_arguments_and_one_that_fails_is_told_of(installed: Installed) -> None:
    calls = "[told.bad, {callback: told.Channel, channel: '#ops'}]"
    notes = installed.run(f"d: {{tasks: {{a: {{{PYTHON}, on_success_callback: {calls}}}}}}}")
    assert notes == [["#ops", "a"]]
    assert any("ValueError: no channel" in line for line in installed.lines)
    assert installed.here.runs.active() == ()


def test_callback_that_is_not_there_fails_nothing(installed: Installed) -> None:
    assert installed.run(f"d: {{tasks: {{a: {{{PYTHON}, on_success_callback: nowhere.f}}}}}}") == []
    assert any("nowhere" in line for line in installed.lines)


def test_callback_whose_process_dies_is_told_of(installed: Installed) -> None:
    installed.run(f"d: {{tasks: {{a: {{{PYTHON}, on_success_callback: told.dies}}}}}}")
    assert any("died with exit code 3" in line for line in installed.lines)


@pytest.mark.parametrize("path", sorted(NOTIFIERS))
def test_notifier_of_the_amazon_provider_calls_aws_itself_with_rendered_arguments(
    installed: Installed, path: str
) -> None:
    text = "'{{ ti.task_id }} of {{ dag.dag_id }} succeeded'"
    own = f"target_arn: arn, message: {text}" if ".sns." in path else f"queue_url: url, message_body: {text}"
    installed.run(f"d: {{tasks: {{a: {{{PYTHON}, on_success_callback: {{callback: {path}, {own}}}}}}}}}")
    operation = "Publish" if ".sns." in path else "SendMessage"
    request = installed.aws.request(operation)
    assert "a of d succeeded" in request.get("Message", request.get("MessageBody"))


def test_notifier_that_fails_is_a_line_of_the_log(installed: Installed) -> None:
    path = "airflow.providers.amazon.aws.notifications.sns.SnsNotifier"
    text = f"{{callback: {path}, target_arn: arn, message: '{{{{ nothing.there }}}}'}}"
    installed.run(f"d: {{tasks: {{a: {{{PYTHON}, on_success_callback: {text}}}}}}}")
    assert any("SnsNotifier failed" in line for line in installed.lines)


def missed(callback: str) -> str:
    """A DAG whose deadline has long passed."""
    reference = "{__type__: airflow.sdk.DeadlineReference.FIXED_DATETIME, dt: 2020-01-01}"
    alert = f"__type__: airflow.sdk.DeadlineAlert, interval: {{__type__: datetime.timedelta}}, callback: {callback}"
    return f"d: {{deadline: {{reference: {reference}, {alert}}}, tasks: {{a: {{{PYTHON}}}}}}}"


@pytest.mark.parametrize(
    ("kind", "path", "kwargs", "note"),
    [
        ("Sync", "late", "{text: hi}", [["dag_run", "deadline"], "d", "running", 2020, "hi"]),
        ("Sync", "bare", "{text: hi}", ["hi"]),
        ("Async", "awaited", "{text: hi}", [["context", "text"]]),
        ("Sync", "wants_nothing", "{}", ["called", None]),
        ("Sync", "takes_it_all", "{text: hi}", [["dag_run", "deadline"], ["context", "text"]]),
    ],
)
def test_callback_of_a_deadline_gets_its_arguments_and_the_context_if_it_takes_it(
    installed: Installed, kind: str, path: str, kwargs: str, note: Any
) -> None:
    callback = f"{{__type__: airflow.sdk.{kind}Callback, callback_callable: told.{path}, kwargs: {kwargs}}}"
    notes = installed.run(missed(callback))
    if path == "late":
        notes[0][2] = "running"
    assert notes == [note]


def test_notifier_of_a_deadline_is_made_with_the_context_and_called_with_it(installed: Installed) -> None:
    (installed.folder / "board.py").write_text(BOARD)
    callback = "{__type__: airflow.sdk.SyncCallback, callback_callable: board.Board, kwargs: {board: b}}"
    assert installed.run(missed(callback)) == [["b", ["dag_run", "deadline"]]]


def test_notifier_of_a_deadline_may_be_awaited(installed: Installed) -> None:
    (installed.folder / "board.py").write_text(BOARD)
    callback = "{__type__: airflow.sdk.AsyncCallback, callback_callable: board.Later, kwargs: {board: b}}"
    assert installed.run(missed(callback)) == [["b", ["dag_run", "deadline"]]]


BOARD = """
from told import BaseNotifier, _note

class Board(BaseNotifier):
    def __init__(self, board):
        super().__init__()
        self.board = board

    def __call__(self, *args):
        _note(self.board, sorted(args[0]))

class Later(BaseNotifier):
    def __init__(self, board, **kwargs):
        super().__init__(**kwargs)
        self.board = board

    async def async_notify(self, context):
        _note(self.board, sorted(context))
"""


def test_callback_of_a_deadline_that_fails_or_is_not_awaitable_changes_nothing(installed: Installed) -> None:
    callback = "{__type__: airflow.sdk.AsyncCallback, callback_callable: told.bare, kwargs: {text: x}}"
    assert installed.run(missed(callback)) == [["x"]]
    assert any("TypeError" in line for line in installed.lines)


def test_notifier_of_the_amazon_provider_tells_of_a_deadline_itself(installed: Installed) -> None:
    path = "airflow.providers.amazon.aws.notifications.sns.SnsNotifier"
    kwargs = "{target_arn: arn, message: '{{ dag.dag_id }} is late'}"
    installed.run(missed(f"{{__type__: airflow.sdk.AsyncCallback, callback_callable: {path}, kwargs: {kwargs}}}"))
    assert "d is late" in installed.aws.request("Publish")["Message"]
