"""Hints through SQS, metrics and events as lines: the adapters that only speak."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from leeward.aws.dispatcher import AwsDispatcher, DispatchError
from leeward.aws.messages import message_of
from leeward.aws.observers import EmfMetrics, StreamEventLog
from leeward.core.address import instance
from leeward.core.run import Entry, RunInfo, RunRef, RunType
from leeward.core.states import TaskState
from leeward.engine.hints import Execute, Look, Message, Poll, Result
from leeward.local.clock import VirtualClock

DATE = "2024-01-15T00:00:00+00:00"
INFO = RunInfo(RunRef("d", "r", "v1"), RunType.SCHEDULED, DATE, DATE, DATE, DATE)


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.session.Session("testing", "testing", region_name="us-east-1").client("sqs")


@dataclass
class Functions:
    """Stands for Lambda's API: moto's needs Docker. `busy` invocations are throttled."""

    invoked: list[dict[str, Any]] = field(default_factory=list)
    busy: int = 0

    def invoke(self, **request: Any) -> None:
        if self.busy:
            self.busy -= 1
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
        self.invoked.append(request)

    @property
    def tries(self) -> list[Message]:
        return [message_of(json.dumps(hint)) for r in self.invoked for hint in json.loads(r["Payload"])["hints"]]


def _dispatcher(sqs: Any, functions: Functions | None = None, fan_limit: int = 0) -> AwsDispatcher:
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("executor", "scheduler")]
    return AwsDispatcher(sqs, functions or Functions(), urls[0], urls[1], "executor-function", fan_limit, None)


def _received(sqs: Any, queue: str) -> list[Message]:
    found: list[Message] = []
    while True:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return found
        found += [message_of(message["Body"]) for message in messages]


def test_tries_go_to_executors_and_everything_else_to_the_scheduler(sqs: Any) -> None:
    dispatcher = _dispatcher(sqs)
    tries = [Execute(INFO, index, Entry(TaskState.QUEUED, 1)) for index in range(23)]
    poll, look = Poll(INFO, 1, 1, 0, 5.0, 60.0), Look(INFO, (1,))
    dispatcher.send([*tries, poll, look])
    executors = _received(sqs, dispatcher.executor_queue)
    assert sorted(executors, key=repr) == sorted([*tries, poll], key=repr)
    assert _received(sqs, dispatcher.scheduler_queue) == [look]


def test_wide_fan_is_invoked_up_to_the_limit_and_the_rest_is_queued(sqs: Any) -> None:
    functions = Functions()
    dispatcher = _dispatcher(sqs, functions, fan_limit=5)
    tries = [Execute(INFO, index, Entry(TaskState.QUEUED, 1)) for index in range(14)]
    dispatcher.send([*tries, Look(INFO)])
    assert {(r["FunctionName"], r["InvocationType"]) for r in functions.invoked} == {("executor-function", "Event")}
    assert sorted(functions.tries, key=repr) == sorted(tries[:5], key=repr)
    assert sorted(_received(sqs, dispatcher.executor_queue), key=repr) == sorted(tries[5:], key=repr)
    assert _received(sqs, dispatcher.scheduler_queue) == [Look(INFO)]


@pytest.mark.parametrize(("width", "invocations", "most"), [(16, 16, 1), (17, 9, 2), (125, 16, 8), (1000, 125, 8)])
def test_invocation_takes_more_tries_along_the_wider_the_fan_is(
    sqs: Any, width: int, invocations: int, most: int
) -> None:
    functions = Functions()
    tries = [Execute(INFO, index, Entry(TaskState.QUEUED, 1)) for index in range(width)]
    _dispatcher(sqs, functions, fan_limit=200).send(tries)
    sizes = [len(json.loads(request["Payload"])["hints"]) for request in functions.invoked]
    assert (len(sizes), max(sizes)) == (invocations, most)
    assert sorted(functions.tries, key=repr) == sorted(tries, key=repr)


def test_hint_of_many_instances_is_a_group_by_itself(sqs: Any) -> None:
    functions = Functions()
    queued = Entry(TaskState.QUEUED, 1)
    others = tuple((instance(0, number), queued) for number in range(1, 32))
    hints = [Execute(INFO, instance(0, 0), queued, others)] * 40
    _dispatcher(sqs, functions, fan_limit=200).send(hints)
    assert [len(json.loads(request["Payload"])["hints"]) for request in functions.invoked] == [1] * 40


def test_invocation_that_is_throttled_goes_through_the_queue(sqs: Any) -> None:
    functions = Functions(busy=3)
    dispatcher = _dispatcher(sqs, functions, fan_limit=100)
    tries = [Execute(INFO, index, Entry(TaskState.QUEUED, 1)) for index in range(12)]
    dispatcher.send(tries)
    assert (len(functions.invoked), len(_received(sqs, dispatcher.executor_queue))) == (9, 3)


def test_lost_order_is_a_result_of_its_try() -> None:
    address = {"dag_id": "d", "run_id": "r", "index": 3, "try_number": 2, "owner": "token"}
    record = {
        "requestContext": {"condition": "EventAgeExceeded"},
        "requestPayload": {"try": address, "kind": "bash"},
        "responsePayload": {"errorMessage": "RequestId: x Error: Runtime exited"},
    }
    story = {"lost": "RequestId: x Error: Runtime exited"}
    assert message_of(json.dumps(record)) == Result("d", "r", 3, 2, "token", story)
    del record["responsePayload"]
    assert message_of(json.dumps(record)) == Result("d", "r", 3, 2, "token", {"lost": "EventAgeExceeded"})


def test_delay_is_rounded_up_to_whole_seconds(sqs: Any) -> None:
    dispatcher = _dispatcher(sqs)
    dispatcher.send([Look(INFO)], 899.2)
    assert _received(sqs, dispatcher.scheduler_queue) == []
    attributes = sqs.get_queue_attributes(QueueUrl=dispatcher.scheduler_queue, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_message_that_sqs_did_not_take_is_no_success() -> None:
    class Refusing:
        def send_message_batch(self, **request: object) -> dict[str, object]:
            return {"Failed": [{"Id": "0", "Code": "InternalError"}]}

    with pytest.raises(DispatchError, match="InternalError"):
        AwsDispatcher(Refusing(), Functions(), "e", "s", "f", 0, None).send([Look(INFO)])


def test_metrics_are_lines_of_the_embedded_format() -> None:
    stream = io.StringIO()
    metrics = EmfMetrics(stream, VirtualClock(1.5), "Leeward")
    metrics.count("ti_successes", dag_id="d")
    metrics.timing("dagrun.duration.success", 2.5, dag_id="d")
    count, timing = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (count["ti_successes"], count["dag_id"], count["_aws"]["Timestamp"]) == (1, "d", 1500)
    (definition,) = timing["_aws"]["CloudWatchMetrics"]
    assert definition == {
        "Namespace": "Leeward",
        "Dimensions": [["dag_id"]],
        "Metrics": [{"Name": "dagrun.duration.success", "Unit": "Seconds"}],
    }


def test_events_are_marked_lines() -> None:
    stream = io.StringIO()
    StreamEventLog(stream).append([{"to": "running"}, {"to": "success"}])
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"leeward": "event", "to": "running"},
        {"leeward": "event", "to": "success"},
    ]
