"""Gates on the twin and on the adapter: slots and tokens move together, several gates at once or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.aws.gates import DynamoGates
from leeward.contract import PARTITION_KEY
from leeward.core.gates import (
    Ask,
    Asker,
    Gate,
    GateWrite,
    Hold,
    Limit,
    Slot,
    Taken,
    Waiter,
    given_back,
    grant,
    removed,
)
from leeward.engine.ports import Gates
from leeward.local.gates import MemoryGates
from tests.ports.stores import TABLE, clients, locked_moto, stores
from tests.ports.table import Table
from tests.ports.test_lost_answers import lose_the_next_answer
from tests.ports.wire import Answer, Request, answered, as_json, cancelled_by, dynamodb

POOL, TASKS, ETL = Gate(Limit.POOL, "wide"), Gate(Limit.TASKS, "0a"), Gate(Limit.POOL, "etl/ü.1")
ONE, TWO = Hold(1, 0), Hold(2, 3)
WAITER = Waiter((-5, "2024-01-15T00:00:00+00:00", "0b"), 2)
NOTHING = Taken()


@pytest.fixture(params=["memory", "aws", "wire"])
def gates(request: pytest.FixtureRequest) -> Iterator[Gates]:
    with stores(request.param) as made:
        yield made.gates


def take(gate: Gate, token: str, hold: Hold = ONE, size: int = 2) -> GateWrite:
    return GateWrite(gate, hold.count, {token: hold}, {token: None}, size=size)


def give(gate: Gate, token: str, count: int = 1) -> GateWrite:
    return given_back([Slot(gate, 9, token, count)])


def test_gate_that_was_never_written_is_empty(gates: Gates) -> None:
    assert gates.read([POOL, TASKS]) == {POOL: NOTHING, TASKS: NOTHING}
    assert gates.read([]) == {}


def test_slots_are_taken_up_to_the_size_and_come_back(gates: Gates) -> None:
    assert gates.write([take(POOL, "0a.1.1")]) == {POOL: Taken(1, {"0a.1.1": ONE})}
    assert gates.write([take(POOL, "0a.2.1")]) is not None
    assert gates.write([take(POOL, "0a.3.1")]) is None
    assert gates.write([give(POOL, "0a.1.1")]) == {POOL: Taken(1, {"0a.2.1": ONE})}
    assert gates.write([take(POOL, "0a.3.1")]) is not None
    assert gates.read([POOL])[POOL] == Taken(2, {"0a.2.1": ONE, "0a.3.1": ONE})


def test_try_that_takes_more_than_a_whole_gate_is_refused_by_an_empty_one(gates: Gates) -> None:
    assert gates.write([take(POOL, "0a.1.1", Hold(3, 0))]) is None
    assert gates.write([take(POOL, "0a.1.1", Hold(2, 0))]) is not None


def test_token_is_taken_once_and_given_back_once(gates: Gates) -> None:
    assert gates.write([take(POOL, "0a.1.1")]) is not None
    assert gates.write([take(POOL, "0a.1.1")]) is None
    assert gates.write([give(POOL, "0a.1.1")]) is not None
    assert gates.write([give(POOL, "0a.1.1")]) is None
    assert gates.read([POOL]) == {POOL: NOTHING}


def test_several_slots_go_back_together_or_not_at_all(gates: Gates) -> None:
    both = given_back([Slot(POOL, 9, "0a.1.1", 2), Slot(POOL, 9, "0a.2.1")])
    gates.write([take(POOL, "0a.1.1", TWO)])
    assert gates.write([both]) is None
    gates.write([take(POOL, "0a.2.1", size=3)])
    assert gates.write([both]) == {POOL: NOTHING}


def test_slots_of_two_gates_are_taken_together(gates: Gates) -> None:
    found = gates.write([take(POOL, "0a.1.1", TWO), take(TASKS, "0a.1.1", size=1)])
    assert found == {POOL: Taken(2, {"0a.1.1": TWO}), TASKS: Taken(1, {"0a.1.1": ONE})}
    assert gates.read([TASKS, POOL]) == found


@pytest.mark.parametrize("full", [POOL, TASKS])
def test_gate_that_refuses_keeps_the_others_as_they_were(gates: Gates, full: Gate) -> None:
    gates.write([take(full, "0b.9.1", Hold(2, 0))])
    before = gates.read([POOL, TASKS])
    assert gates.write([take(POOL, "0a.1.1"), take(TASKS, "0a.1.1")]) is None
    assert gates.read([POOL, TASKS]) == before


def test_token_that_is_taken_over_costs_no_slot(gates: Gates) -> None:
    gates.write([take(POOL, "0a.1.1", Hold(2, 0))])
    over = GateWrite(POOL, 0, {"0a.1.1": Hold(2, 1)}, {"0a.1.1": Hold(2, 0)})
    assert gates.write([over]) == {POOL: Taken(2, {"0a.1.1": Hold(2, 1)})}
    assert gates.write([over]) is None


def test_run_waits_only_while_what_refused_it_stands(gates: Gates) -> None:
    enter = GateWrite(POOL, put_waiters={"0b": WAITER}, used=1)
    assert gates.write([enter]) is None
    assert gates.write([replace(enter, used=0)]) == {POOL: Taken(waiters={"0b": WAITER})}
    gates.write([take(POOL, "0a.1.1")])
    other = Waiter((-1, "2024-01-16T00:00:00+00:00", "0c"))
    after = replace(enter, put_waiters={"0c": other}, expect_waiters={"0b": WAITER})
    assert gates.write([replace(after, expect_waiters={"0b": None})]) is None
    assert gates.write([replace(after, expect_waiters={"0b": replace(WAITER, count=1)})]) is None
    assert gates.write([after]) == {POOL: Taken(1, {"0a.1.1": ONE}, {"0b": WAITER, "0c": other})}


def test_what_is_removed_is_what_was_seen(gates: Gates) -> None:
    gates.write([take(POOL, "0b.1.1", TWO)])
    gates.write([GateWrite(POOL, put_waiters={"0b": WAITER}, used=2)])
    seen = gates.read([POOL])[POOL]
    stale = replace(seen, holds={"0b.1.1": Hold(2, 9)})
    assert gates.write([removed(POOL, stale, ["0b.1.1"], [])]) is None
    assert gates.write([removed(POOL, seen, ["0b.1.1"], ["0b"])]) == {POOL: NOTHING}
    assert gates.write([removed(POOL, seen, [], ["0b"])]) is None


def test_names_of_pools_may_hold_any_character_and_gates_do_not_mix(gates: Gates) -> None:
    per_dag = Gate(Limit.PER_DAG, "etl/ü.1")
    gates.write([take(ETL, "0a.1.1")])
    assert gates.read([ETL, per_dag]) == {ETL: Taken(1, {"0a.1.1": ONE}), per_dag: NOTHING}


def test_more_gates_are_read_than_one_request_may_ask_for(gates: Gates) -> None:
    many = [Gate(Limit.PER_DAG, f"d.t{i}") for i in range(130)]
    gates.write([take(many[3], "0a.1.1")])
    gates.write([take(many[127], "0a.1.1")])
    found = gates.read(many)
    assert list(found) == many
    assert [gate for gate, taken in found.items() if taken != NOTHING] == [many[3], many[127]]


@pytest.mark.parametrize("several", [False, True])
def test_takers_that_race_never_take_more_than_there_is(gates: Gates, several: bool) -> None:
    def race(number: int) -> bool:
        token, wanted = f"0a.{number}.1", [POOL, TASKS] if several else [POOL]
        for _ in range(3):
            if gates.write([take(gate, token, size=5) for gate in wanted]) is not None:
                return True
            if any(taken.used >= 5 for taken in gates.read(wanted).values()):
                return False
        return False

    with ThreadPoolExecutor(8) as pool:
        won = sum(pool.map(race, range(24)))
    found = gates.read([POOL, TASKS])
    assert (found[POOL].used, len(found[POOL].holds)) == (won, won)
    assert found[TASKS].holds.keys() == (found[POOL].holds.keys() if several else set())
    assert won == 5


def test_takers_and_givers_that_race_leave_nothing_behind(gates: Gates) -> None:
    def race(number: int) -> int:
        token = f"0a.{number}.1"
        while gates.write([take(POOL, token, size=3)]) is None:
            pass
        assert gates.write([give(POOL, token)]) is not None
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(race, range(30))) == 30
    assert gates.read([POOL]) == {POOL: NOTHING}


WRITES = st.builds(
    GateWrite,
    st.sampled_from([POOL, TASKS]),
    st.integers(0, 0),
    st.dictionaries(
        st.sampled_from(["0a.1.1", "0b.2.1"]), st.none() | st.builds(Hold, st.integers(1, 2), st.integers(0, 1))
    ),
    st.dictionaries(
        st.sampled_from(["0a.1.1", "0b.2.1"]), st.none() | st.builds(Hold, st.integers(1, 2), st.integers(0, 1))
    ),
    st.frozensets(st.sampled_from(["0a.1.1", "0b.2.1"]), max_size=1),
    st.none() | st.integers(0, 4),
    st.none() | st.integers(0, 2),
    st.dictionaries(st.just("0b"), st.none() | st.builds(Waiter, st.just((-5, "2024", "0b")), st.integers(1, 2))),
    st.dictionaries(st.just("0b"), st.none() | st.builds(Waiter, st.just((-5, "2024", "0b")), st.integers(1, 2))),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(WRITES, min_size=1, max_size=2, unique_by=lambda write: write.gate), min_size=1, max_size=8))
def test_any_writes_do_to_the_table_what_they_do_to_the_twin(steps: list[list[GateWrite]]) -> None:
    twin, table = MemoryGates(), DynamoGates(answered("dynamodb", dynamodb(Table())), TABLE)
    for step in steps:
        held = twin.read([POOL, TASKS])
        sound = [replace(write, change=_change(held[write.gate], write)) for write in step]
        assert table.write(sound) == twin.write(sound)
    assert table.read([POOL, TASKS]) == twin.read([POOL, TASKS])


def _change(taken: Taken, write: GateWrite) -> int:
    """By how much the slots change if the write takes effect."""
    after = {**taken.holds, **write.put}
    return sum(hold.count for hold in after.values() if hold is not None) - taken.used


# The adapter alone


def _table(answer: Callable[[str, Request], Answer]) -> DynamoGates:
    return DynamoGates(answered("dynamodb", answer), TABLE)


@pytest.mark.parametrize("codes", [["None", "ConditionalCheckFailed"], ["TransactionConflict", "None"]])
def test_transaction_that_lost_to_somebody_is_a_refusal(codes: Sequence[str]) -> None:
    gates = _table(lambda operation, request: cancelled_by(codes))
    assert gates.write([take(POOL, "0a.1.1"), take(TASKS, "0a.1.1")]) is None


@pytest.mark.parametrize(
    "codes", [["ThrottlingError", "None"], ["ConditionalCheckFailed", "ProvisionedThroughputExceeded"]]
)
def test_transaction_that_was_throttled_is_an_error(codes: Sequence[str]) -> None:
    gates = _table(lambda operation, request: cancelled_by(codes))
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        gates.write([take(POOL, "0a.1.1"), take(TASKS, "0a.1.1")])


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("ConditionalCheckFailedException", True),
        ("TransactionConflictException", True),
        ("ProvisionedThroughputExceededException", False),
        ("ResourceNotFoundException", False),
    ],
)
def test_single_write_is_refused_by_a_condition_or_a_conflict_and_by_nothing_else(kind: str, refused: bool) -> None:
    gates = _table(lambda operation, request: as_json({"__type": kind, "message": "no"}, 400))
    if refused:
        assert gates.write([take(POOL, "0a.1.1")]) is None
    else:
        with pytest.raises(ClientError, match=kind):
            gates.write([take(POOL, "0a.1.1")])


@dataclass
class Grudging(Table):
    """A table that answers a batch of reads one key at a time."""

    asked: list[int] = field(default_factory=list)

    def answer(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation != "BatchGetItem":
            return super().answer(operation, request)
        first, *left = request["RequestItems"][TABLE]["Keys"]
        self.asked.append(1 + len(left))
        found = super().answer(operation, {"RequestItems": {TABLE: {"Keys": [first]}}})
        return {**found, "UnprocessedKeys": {TABLE: {"Keys": left}} if left else {}}


def test_gates_that_a_batch_left_out_are_asked_for_again() -> None:
    table = Grudging()
    gates = _table(dynamodb(table))
    gates.write([take(TASKS, "0a.1.1")])
    assert gates.read([POOL, ETL, TASKS]) == {POOL: NOTHING, ETL: NOTHING, TASKS: Taken(1, {"0a.1.1": ONE})}
    assert table.asked == [3, 2, 1]


def test_gates_are_read_consistently() -> None:
    asked: list[str] = []

    def answer(operation: str, request: Request) -> Answer:
        asked.append(bytes(request.body).decode())
        return as_json({"Responses": {TABLE: []}})

    _table(answer).read([POOL])
    assert '"ConsistentRead": true' in asked[0]


@pytest.mark.parametrize("several", [False, True])
def test_taker_whose_answer_was_lost_finds_its_token_and_takes_nothing_twice(
    several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with locked_moto():
        client, _ = clients()
        gates = DynamoGates(client, TABLE)
        wanted = [POOL, TASKS] if several else [POOL]
        ask = Ask(1, 1, 1, tuple(Slot(gate, 1, "0a.1.1") for gate in wanted))
        asker = Asker("0a", "2024-01-15", 0)
        first = grant(asker, [ask], gates.read(wanted))
        lose_the_next_answer(client, "TransactWriteItems" if several else "UpdateItem")
        gates.write(first.writes)
        again = grant(asker, [ask], gates.read(wanted))
        assert (again.tries, again.writes) == (frozenset({(1, 1)}), ())
        assert {taken.used for taken in gates.read(wanted).values()} == {1}


def test_item_of_a_gate_is_named_by_its_limit() -> None:
    table = Table()
    gates = _table(dynamodb(table))
    gates.write([take(TASKS, "0a.1.1")])
    (item,) = table.items.values()
    assert item[PARTITION_KEY] == {"S": "gate/max_active_tasks/0a"}
