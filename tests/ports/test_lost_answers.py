"""A write whose answer was lost, and which the client therefore sent again, is still its writer's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from leeward.aws.run_store import DynamoRunStore
from leeward.core.run import Entry, Header, Item
from leeward.core.states import TaskState
from leeward.core.view import Layout
from leeward.engine.ports import Write
from tests.ports.stores import TABLE, clients, locked_moto
from tests.ports.test_stores import INFO

QUEUED = Entry(TaskState.QUEUED, 1)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoRunStore]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with locked_moto():
        client, _ = clients()
        found = DynamoRunStore(client, TABLE)
        found.announce(INFO)
        found.create(INFO, Item(header=Header(start=1.0)), Layout(2))
        yield found


def lose_the_next_answer(client: Any, operation: str = "UpdateItem") -> None:
    """The request is answered, and its answer does not arrive."""
    lost: list[str] = []

    def lose(**_: Any) -> None:
        if not lost:
            lost.append("once")
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    client.meta.events.register_last(f"before-send.dynamodb.{operation}", lose)


def test_repeated_write_that_finds_itself_there_has_won(store: DynamoRunStore) -> None:
    lose_the_next_answer(store.client)
    written = store.write(INFO.ref, Write(0, expect={0: Entry()}, put={0: QUEUED}, epoch=0))
    assert (written.won, written.item.entry(0)) == (True, QUEUED)


def test_repeated_write_that_finds_another_one_there_has_lost(store: DynamoRunStore) -> None:
    other = Entry(TaskState.SKIPPED, 0, end=1.0)
    store.write(INFO.ref, Write(0, expect={0: Entry()}, put={0: other}, epoch=0))
    lose_the_next_answer(store.client)
    written = store.write(INFO.ref, Write(0, expect={0: Entry()}, put={0: QUEUED}, epoch=0))
    assert (written.won, written.item.entry(0)) == (False, other)


def test_write_that_was_sent_once_and_refused_has_lost_though_another_meant_the_same(store: DynamoRunStore) -> None:
    write = Write(0, expect={0: Entry()}, put={0: QUEUED}, epoch=0)
    assert store.write(INFO.ref, write).won
    assert not store.write(INFO.ref, write).won


def test_creator_whose_answer_was_lost_has_created_the_run_and_nobody_else(store: DynamoRunStore) -> None:
    other = replace(INFO, ref=replace(INFO.ref, run_id="other"))
    item = Item(header=Header(start=2.0))
    lose_the_next_answer(store.client, "PutItem")
    assert store.create(other, item, Layout(2))
    assert not store.create(other, item, Layout(2))
