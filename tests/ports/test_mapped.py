"""Ten thousand instances of a mapped task, on the twins and over the adapters: items, bytes and requests an instance, printed."""

from __future__ import annotations

import sys

import pytest
from mapped import dag_of, measure

from leeward.contract import INSTANCES_PER_BLOCK
from leeward.core.address import blocks, instance, summaries
from leeward.core.facts import Succeeded
from leeward.core.run import Entry
from leeward.core.states import RunState, TaskState
from leeward.engine.ports import Write
from tests.ports.stores import stores
from tests.world import World

MANY = 10_000
KILOBYTE = 1024
QUEUED = Entry(TaskState.QUEUED, 1)


@pytest.mark.parametrize(("apart", "most"), [(True, 1.3), (False, 0.2)], ids=["apart", "together"])
def test_instances_cost_little_and_no_item_grows(apart: bool, most: float, capsys: pytest.CaptureFixture[str]) -> None:
    with stores("wire") as found:
        cost = measure(MANY if not apart else MANY // 4, found, apart=apart)
    with capsys.disabled():
        sys.stdout.write(f"\n{'apart' if apart else 'together'}: {cost}\n")
    assert cost.each(cost.requests) <= most
    assert cost.largest < KILOBYTE
    assert cost.items <= cost.instances / INSTANCES_PER_BLOCK * 1.05 + 4


def test_ten_thousand_instances_run_on_the_twins() -> None:
    world = World(dag_of(MANY), {"a": [Succeeded({"return_value": list(range(MANY))})]}).run()
    mapped = world.entries["m"].mapped
    assert mapped is not None
    assert (mapped.length, mapped.counts) == (MANY, (MANY, 0, 0, 0, 0))
    assert world.header.state is RunState.SUCCESS
    assert set(world.bodies.started.values()) == {1}


@pytest.mark.parametrize("kind", ["memory", "aws", "wire"])
def test_blocks_are_items_like_any_other(kind: str) -> None:
    ref = World(dag_of(MANY)).info.ref
    numbers = [*blocks(1, MANY), *summaries(1, MANY)]
    with stores(kind) as found:
        if kind == "memory":
            found.specs.put("v1", dag_of(MANY))
        assert all(item.fresh for item in found.runs.read(ref, numbers).values())
        for place in (0, 31, 32, MANY - 1):
            address = instance(1, place)
            number = numbers[place // INSTANCES_PER_BLOCK]
            fresh = found.runs.read(ref, (number,))[number]
            write = Write(number, {address: Entry()}, {address: QUEUED}, epoch=fresh.epoch, new_epoch=7)
            assert found.runs.write(ref, write).won
            assert not found.runs.write(ref, write).won
        items = found.runs.read(ref, numbers)
    assert {address for item in items.values() for address in item.entries} == {
        instance(1, place) for place in (0, 31, 32, MANY - 1)
    }
    assert {item.epoch for item in items.values()} == {0, 7}


@pytest.mark.parametrize("kind", ["memory", "aws", "wire"])
def test_xcoms_of_instances_come_in_their_order(kind: str) -> None:
    ref = World(dag_of(1)).info.ref
    with stores(kind) as found:
        for place in (10, 2, -1, 0):
            found.xcoms.push(ref, "m", place, 1, {"return_value": place, "other": "x"})
        found.xcoms.push(ref, "m2", 5, 1, {"return_value": "another task's"})
        assert list(found.xcoms.pull_all(ref, "m", "return_value").items()) == [(p, p) for p in (-1, 0, 2, 10)]
        assert found.xcoms.pull_all(ref, "m", "nothing") == {}
