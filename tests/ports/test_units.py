"""What runs of 10, 100 and 1,000 tasks write: printed, and held to the layout's promise of a write unit a write."""

from __future__ import annotations

import sys

import pytest
from dynamo_items import SHAPES, Meter, dag_of, measure, runs_of

from leeward.contract import TASKS_PER_SHARD
from leeward.core.gates import Gate, GateWrite, Hold, Limit, Slot, given_back
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


@pytest.mark.parametrize(("name", "most_writes"), [("fan125_limit16", 4.9), ("4xfan32_pool16", 8.5)])
def test_limits_cost_writes_of_one_unit_and_a_bounded_number_a_task(
    name: str, most_writes: float, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, edges = SHAPES[name]
    with stores("wire") as found:
        meter, _ = measure(dag_of(name, tasks, edges), found)
    count = tasks * runs_of(name)
    gates = {key: size for key, size in meter.peaks.items() if "gate/" in key and "max_active_runs" not in key}
    told = f"{meter.writes / count:.2f} write and {meter.reads / count:.2f} read units a task, largest gate"
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {told} {max(gates.values())} bytes\n")
    assert len(gates) == 1
    assert max(meter.peaks.values()) < KILOBYTE
    assert meter.writes == meter.requests["PutItem"] + meter.requests["UpdateItem"]
    assert meter.writes / count <= most_writes


@pytest.mark.parametrize(("gates", "units", "requests"), [(1, 1, "UpdateItem"), (2, 4, "TransactWriteItems")])
def test_slots_of_one_gate_cost_a_unit_and_those_of_two_a_transaction(gates: int, units: int, requests: str) -> None:
    meter, wanted = Meter(), [Gate(Limit.POOL, "wide"), Gate(Limit.TASKS, "0a")][:gates]
    with stores("wire") as found:
        meter.attach(found.gates.client)  # type: ignore[attr-defined]
        hold = Hold(1, 0)
        found.gates.write([GateWrite(gate, 1, {"0a.1.1": hold}, {"0a.1.1": None}, size=2) for gate in wanted])
        assert (meter.writes, meter.requests[requests]) == (units, 1)
        for gate in wanted:
            assert found.gates.write([given_back([Slot(gate, 2, "0a.1.1")])])
    assert meter.writes == units + gates
