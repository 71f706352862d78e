"""One order for several instances of a mapped task, from the executor's side to the worker's handler and back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.worker import handler as worker_handler
from leeward.aws.messages import message_of
from leeward.aws.user_code import WorkerCode
from leeward.contract import ENV_RESULTS_QUEUE
from leeward.core.dag import Dag, Json, Task
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.hints import Result
from leeward.operators.answers import outcome_of
from leeward.operators.base import Attempt, HandedOver
from leeward.worker.serve import Worker

MODULE = """
def f(x, ti):
    if x == 1:
        raise ValueError("one")
    return [x, ti.map_index, ti.xcom_pull(task_ids="a"), list(ti.xcom_pull(task_ids="b"))]
"""
XCOMS: Json = [
    ["a", -1, "return_value", {"value": 7}],
    ["b", 2, "return_value", {"value": "z"}],
    ["b", 0, "return_value", {"value": "y"}],
]
INFO = RunInfo(RunRef("d", "r", "v"), RunType.MANUAL, None, None, None, "2026-01-01T00:00:00+00:00")
DAG = Dag("d", (Task("a", "P"), Task("b", "P", upstream=("a",)), Task("m", "P", upstream=("b",))))
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 600_000)


class Account:
    """A bucket, a queue of results, and the worker function."""

    def __init__(self, folder: Path) -> None:
        (folder / "none").mkdir()
        (folder / "none" / "m.py").write_text(MODULE)
        self.objects: dict[str, bytes] = {}
        self.sent: list[Result] = []
        self.invoked: list[str] = []
        self.throttled = False
        self.worker = Worker(folder, {}, lambda *_: None, lambda *_: None, self.objects.__getitem__, self.put)
        self.worker._roots.add(folder / "none")

    def put(self, url: str, content: bytes, headers: Mapping[str, str]) -> bool:
        taken = "If-None-Match" in headers and url in self.objects
        self.objects[url] = content
        return not taken

    def put_object(self, **request: Any) -> None:
        self.objects[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> Any:
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def generate_presigned_url(self, _: str, *, Params: Mapping[str, Any], **__: Any) -> str:  # noqa: N803 - boto3's
        return str(Params["Key"])

    def invoke(self, **request: Any) -> Any:
        kind = request.get("InvocationType", "RequestResponse")
        self.invoked.append(kind)
        if self.throttled and kind != "Event":
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
        answer = worker_handler.handler(json.loads(request["Payload"]), CONTEXT)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def send_message(self, **request: Any) -> None:
        message = message_of(request["MessageBody"])
        assert isinstance(message, Result)
        self.sent.append(message)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    found = Account(tmp_path)
    monkeypatch.setenv(ENV_RESULTS_QUEUE, "results")
    monkeypatch.setattr(worker_handler, "_worker", lambda: found.worker)
    monkeypatch.setattr(worker_handler, "_sqs", lambda: found)
    yield found
    if found.worker._process is not None:
        found.worker._process.stop()


def _run(account: Account, size: int = 3) -> Any:
    xcoms: Any = SimpleNamespace(shipped=lambda *_: XCOMS)
    attempts = [
        Attempt(DAG, DAG.tasks[2], INFO, 1, 0, f"token{i}", 0.0, 2, 4e9, map_index=i, timeout_seconds=15.0)
        for i in range(size)
    ]
    jobs: list[tuple[Attempt, Mapping[str, Json]]] = [
        (
            attempt,
            {
                "kind": "python",
                "callable": "m.f",
                "args": [],
                "kwargs": {"x": attempt.map_index},
                "strict": False,
                "environment": {},
                "facts": _facts(attempt),
            },
        )
        for attempt in attempts
    ]
    bundles: Any = None
    code = WorkerCode(account, "worker", account, "bucket", bundles, xcoms, attempts[0])
    return code.run_all(jobs, xcoms, lambda *_: None)


def _facts(attempt: Attempt) -> Mapping[str, Json]:
    from leeward.operators.facts import facts

    return facts(attempt)


def _outcomes(answers: Any) -> list[Any]:
    found = [outcome_of(answer) for answer in answers]
    return [getattr(one, "error", None) or one.xcoms["return_value"] for one in found]  # type: ignore[union-attr]


EXPECTED = [[0, 0, 7, ["y", "z"]], "ValueError: one", [2, 2, 7, ["y", "z"]]]


def test_instances_share_one_call(account: Account) -> None:
    assert _outcomes(_run(account)) == EXPECTED
    assert account.invoked == ["RequestResponse"]


def test_answers_that_come_later_come_try_by_try(account: Account) -> None:
    account.throttled = True
    with pytest.raises(HandedOver):
        _run(account)
    assert account.invoked == ["RequestResponse", "Event"]
    assert [result.owner for result in account.sent] == ["token0", "token1", "token2"]
    assert _outcomes([result.result for result in account.sent]) == EXPECTED


def test_order_that_is_delivered_twice_is_run_once(account: Account) -> None:
    account.throttled = True
    for _ in range(2):
        with pytest.raises(HandedOver):
            _run(account)
    assert len(account.sent) == 3


def test_call_that_is_lost_is_lost_for_all(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account.worker, "may_start", lambda *_: False)
    assert {type(outcome_of(answer)).__name__ for answer in _run(account)} == {"Failed"}
