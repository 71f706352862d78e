"""Dropped files and hints: what the twin does, the adapter does too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from leeward.aws.buckets import S3Bucket
from leeward.aws.dispatcher import AwsDispatcher
from leeward.aws.messages import message_of
from leeward.contract import DAGS_PREFIX
from leeward.core.run import Entry
from leeward.core.states import TaskState
from leeward.engine.hints import Execute, Hint, Look, Message, Poll
from leeward.engine.ports import Bucket, Dispatcher
from leeward.local.clock import VirtualClock
from leeward.local.queue import MemoryQueue
from leeward.local.spec_store import MemoryBucket
from tests.ports.stores import locked_moto
from tests.ports.test_stores import INFO


@dataclass(frozen=True)
class Edges:
    """The ports, and how to look behind them."""

    bucket: Bucket
    put: Callable[[str, bytes], object]
    delete: Callable[[str], object]
    dispatch: Dispatcher
    arrived: Callable[[], list[Message]]


@pytest.fixture(params=["memory", "aws"])
def found(request: pytest.FixtureRequest) -> Iterator[Edges]:
    if request.param == "memory":
        yield _twins()
        return
    with locked_moto():
        yield _adapters(boto3.session.Session("testing", "testing", region_name="us-east-1"))


def _twins() -> Edges:
    bucket, queue = MemoryBucket(), MemoryQueue(VirtualClock())
    return Edges(bucket, bucket.contents.__setitem__, bucket.contents.pop, queue, lambda: [*queue.take()])


def _adapters(session: Any) -> Edges:
    s3, sqs = (session.client(name) for name in ("s3", "sqs"))
    s3.create_bucket(Bucket="dags")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("executor", "scheduler")]

    def arrived() -> list[Message]:
        answers = (sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10) for url in urls)
        return [message_of(message["Body"]) for answer in answers for message in answer.get("Messages", [])]

    return Edges(
        S3Bucket(s3, "dags"),
        lambda path, content: s3.put_object(Bucket="dags", Key=DAGS_PREFIX + path, Body=content),
        lambda path: s3.delete_object(Bucket="dags", Key=DAGS_PREFIX + path),
        AwsDispatcher(sqs, None, urls[0], urls[1], "executor", 0, None),
        arrived,
    )


def test_tag_of_a_file_changes_with_its_content_and_only_then(found: Edges) -> None:
    found.put("team/a.yml", b"one")
    found.put("b.yml", b"one")
    before = found.bucket.files()
    assert list(before) == ["b.yml", "team/a.yml"]
    found.put("team/a.yml", b"one")
    assert found.bucket.files() == before
    found.put("team/a.yml", b"two")
    assert found.bucket.files()["team/a.yml"] != before["team/a.yml"]
    assert found.bucket.read("team/a.yml") == b"two"
    found.delete("team/a.yml")
    assert (found.bucket.read("team/a.yml"), list(found.bucket.files())) == (None, ["b.yml"])


def test_hints_arrive_as_they_were_sent(found: Edges) -> None:
    sent: list[Hint] = [
        Execute(INFO, 1, Entry(TaskState.QUEUED, 1)),
        Poll(INFO, 2, 1, 0, 5.0, 60.0),
        Look(INFO, (1, 2)),
    ]
    found.dispatch.send(sent)
    assert sorted(map(repr, found.arrived())) == sorted(map(repr, sent))
