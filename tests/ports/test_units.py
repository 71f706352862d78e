"""What runs of 10, 100 and 1,000 tasks write: printed, and held to the layout's promise of a write unit a write."""

from __future__ import annotations

import sys

import pytest
from dynamo_items import SHAPES, dag_of, measure

from leeward.contract import TASKS_PER_SHARD
from tests.ports.stores import stores

KILOBYTE = 1024


@pytest.mark.parametrize("name", ["chain10", "chain100", "fan1000"])
def test_items_stay_below_a_kilobyte_and_every_write_costs_one_unit(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, edges = SHAPES[name]
    with stores("wire") as found:
        meter, shards = measure(dag_of(name, tasks, edges), found)
    largest, writes = max(meter.sizes.values()), meter.requests["PutItem"] + meter.requests["UpdateItem"]
    told = f"{name}: {sum(meter.sizes.values())} bytes in {len(meter.sizes)} items, the largest {largest}"
    units = f"{meter.writes:g} write units, {meter.reads:g} read units"
    by_task = f"{meter.writes / tasks:.2f} and {meter.reads / tasks:.2f} a task"
    with capsys.disabled():
        sys.stdout.write(f"\n{told}; {units}, {by_task}\n")
    assert shards == -(-tasks // TASKS_PER_SHARD)
    assert largest < KILOBYTE
    assert meter.writes == writes
