"""Limits on task instances: who gets slots, who waits for them, and what a limit can bind at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.core.address import BLOCK, instance, summary
from leeward.core.dag import DEFAULT_POOL, UNBOUNDED, Dag, Expansion, Task, TaskGroup, TriggerRule, WeightRule
from leeward.core.decide import Moment, decide, nearby
from leeward.core.gates import (
    SHARED,
    Ask,
    Asker,
    Gate,
    Grant,
    Hold,
    Limit,
    Slot,
    Taken,
    Waiter,
    dead,
    enters,
    gated,
    gates_of,
    given_back,
    grant,
    holds_slots,
    in_line,
    next_waiter,
    of_runs,
    removed,
    run_of,
    slots_of,
    try_of,
)
from leeward.core.run import Entry, Intent, IntentKind, Item, RunInfo, RunRef, RunType
from leeward.core.states import TaskState
from leeward.core.verbs import touches
from leeward.core.view import Layout, View
from leeward.local.gates import MemoryGates
from tests.core.test_decide import INFO
from tests.drawing import draw

S = TaskState
OVER = Expansion((("x", [1, 2]),))
TASKS, POOL, ETL = Gate(Limit.TASKS, "mine"), Gate(Limit.POOL, "wide"), Gate(Limit.POOL, "etl")
ME = Asker("mine", "2024-01-15", 0)


def slot(gate: Gate, size: int, address: int, count: int = 1, run: str = "mine") -> Slot:
    return Slot(gate, size, f"{run}.{address}.1", count)


def ask(address: int, *slots: Slot, weight: int = 1) -> Ask:
    return Ask(address, 1, weight, slots)


def pool(size: int, *asks: tuple[int, int, int]) -> list[Ask]:
    """Asks of one pool: address, weight and number of slots of each."""
    return [ask(address, slot(POOL, size, address, count), weight=weight) for address, weight, count in asks]


def granted(found: Grant) -> list[int]:
    return sorted(address for address, _ in found.tries)


# What a limit can bind


def test_token_names_its_try() -> None:
    assert try_of("0a.1048578.3") == (1_048_578, 3)
    assert run_of("0a.1048578.3") == "0a"


def test_every_limit_gives_its_slot() -> None:
    fields = {
        "pool": "etl",
        "pool_slots": 2,
        "max_active_tis_per_dag": 3,
        "max_active_tis_per_dagrun": 4,
        "expand": OVER,
    }
    dag = draw("m", dag={"max_active_tasks": 5}, m=fields)
    token = f"k.{instance(0, 7)}.2"
    assert slots_of(dag, "k", {"etl": 6}, instance(0, 7), 2) == (
        Slot(Gate(Limit.TASKS, "k"), 5, token),
        Slot(Gate(Limit.PER_RUN, "k.0"), 4, token),
        Slot(Gate(Limit.PER_DAG, "drawn.m"), 3, token),
        Slot(Gate(Limit.POOL, "etl"), 6, token, 2),
    )
    assert gates_of(dag, "k", {"etl": 6}) == {
        Gate(Limit.TASKS, "k"): 5,
        Gate(Limit.PER_RUN, "k.0"): 4,
        Gate(Limit.PER_DAG, "drawn.m"): 3,
        Gate(Limit.POOL, "etl"): 6,
    }


def test_limit_a_run_needs_instances_to_bind() -> None:
    limit = {"max_active_tis_per_dagrun": 1}
    alone, grouped = (
        draw("a", a=limit),
        draw("a", dag={"groups": (TaskGroup("g", expand=OVER),)}, a={**limit, "group": "g"}),
    )
    assert gated(alone, {}) == frozenset()
    assert [each.gate for each in slots_of(grouped, "k", {}, instance(0, 0), 1)] == [Gate(Limit.PER_RUN, "k.0")]


def test_pool_that_the_installation_lacks_limits_nothing() -> None:
    dag = draw("a,b", a={"pool": "etl"})
    assert gated(dag, {}) == frozenset()
    assert gated(dag, {"etl": 1}) == {0}


def test_default_pool_limits_every_task_once_it_has_a_size() -> None:
    dag = draw("a,b", a={"pool": "etl"}, b={"pool_slots": 2})
    assert not draw("a").limited
    assert gated(draw("a"), {"etl": 4}) == frozenset()
    assert gated(dag, {DEFAULT_POOL: 4}) == {1}
    assert slots_of(dag, "k", {DEFAULT_POOL: 4}, 1, 1) == (Slot(Gate(Limit.POOL, DEFAULT_POOL), 4, "k.1.1", 2),)


def test_task_that_does_nothing_takes_no_slot() -> None:
    dag = draw("a,b", dag={"max_active_tasks": 1}, a={"pool": "etl", "instant": True}, b={"pool": "etl"})
    assert gated(dag, {"etl": 1}) == {1}


@pytest.mark.parametrize(
    ("fields", "limited"),
    [
        ({}, False),
        ({"pool": "etl"}, True),
        ({"max_active_tis_per_dag": 1}, True),
        ({"max_active_tis_per_dagrun": 1}, True),
        ({"pool_slots": 2}, False),
        ({"priority_weight": 9}, False),
    ],
)
def test_dag_is_limited_by_what_its_tasks_state(fields: Mapping[str, Any], limited: bool) -> None:
    assert draw("a,b", b=fields).limited is limited
    assert draw("a,b", dag={"max_active_tasks": 9}).limited


@pytest.mark.parametrize(
    ("drawing", "more", "crowd"),
    [
        ("a>b>c", {}, 1),
        ("a>b,c,d>e", {}, 3),
        ("a,b>c", {}, 2),
        ("a>b;a>c", {"a": {"instant": True}}, 2),
        ("a>b", {"b": "one_success"}, 2),
        ("a>b", {"b": "one_failed"}, 2),
        ("a>b", {"b": "one_done"}, 2),
        ("a>b", {"b": "always"}, 2),
        ("a>b", {"b": "all_done"}, 1),
        ("a>m", {"m": {"expand": OVER}}, UNBOUNDED),
        ("a", {"a": {"instant": True}}, 0),
    ],
)
def test_crowd_is_no_less_than_what_can_run_at_once(drawing: str, more: Mapping[str, Any], crowd: int) -> None:
    assert draw(drawing, **more).crowd == crowd


def test_max_active_tasks_binds_only_where_more_tasks_could_run_at_once() -> None:
    assert gated(draw("a>b>c", dag={"max_active_tasks": 1}), {}) == frozenset()
    assert gated(draw("a>b,c", dag={"max_active_tasks": 2}), {}) == frozenset()
    assert gated(draw("a>b,c", dag={"max_active_tasks": 1}), {}) == {0, 1, 2}


def plain_dag(random: Random) -> Dag:
    rules = [TriggerRule.ALL_SUCCESS, TriggerRule.ALL_DONE, TriggerRule.NONE_FAILED, TriggerRule.ONE_SUCCESS]
    tasks = []
    for i in range(random.randint(1, 8)):
        before = random.sample(range(i), random.randint(0, min(i, 3)))
        task = Task(f"t{i}", "x", upstream=tuple(f"t{up}" for up in sorted(before)), trigger_rule=random.choice(rules))
        tasks.append(replace(task, instant=random.random() < 0.15))
    return Dag("d", tuple(tasks))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_no_set_of_tasks_that_do_not_wait_for_each_other_is_larger_than_the_crowd(seed: int) -> None:
    dag = plain_dag(Random(seed))
    waits: dict[int, set[int]] = {}
    for i, task in enumerate(dag.tasks):
        before = set() if task.trigger_rule is TriggerRule.ONE_SUCCESS else {*dag.graph.upstream[i]}
        waits[i] = before | {further for up in before for further in waits[up]}
    busy = [i for i, task in enumerate(dag.tasks) if not task.instant]
    together = [
        len(some)
        for size in range(len(busy) + 1)
        for some in combinations(busy, size)
        if not any(one in waits[other] for one in some for other in some)
    ]
    assert dag.crowd >= max(together)


# Weights: the sums that Airflow's three rules make


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        (WeightRule.DOWNSTREAM, (10, 6, 7, 4)),
        (WeightRule.UPSTREAM, (1, 3, 4, 10)),
        (WeightRule.ABSOLUTE, (1, 2, 3, 4)),
    ],
)
def test_weight_rule_adds_each_task_after_or_before_once(rule: WeightRule, weights: Sequence[int]) -> None:
    own = {
        name: {"priority_weight": weight, "weight_rule": rule}
        for name, weight in zip("abcd", (1, 2, 3, 4), strict=True)
    }
    dag = draw("a>b,c>d", **own)
    assert dag.weights == weights


def test_each_task_has_the_rule_that_it_states() -> None:
    dag = draw(
        "a>b>c",
        a={"priority_weight": 5, "weight_rule": WeightRule.ABSOLUTE},
        b={"priority_weight": 7, "weight_rule": WeightRule.UPSTREAM},
        c={"priority_weight": -2},
    )
    assert dag.weights == (5, 12, -2)


@pytest.mark.parametrize(("weight", "kept"), [(2**31 - 2, 2**31 - 1), (-(2**31), -(2**31))])
def test_weights_stay_within_32_bits(weight: int, kept: int) -> None:
    dag = draw("a>b", a={"priority_weight": weight}, b={"priority_weight": 5 if weight > 0 else -5})
    assert dag.weights[0] == kept


# When a try holds its slots


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({}, True),
        ({"deferrable": False}, True),
        ({"deferrable": True}, False),
        ({"mode": "poke"}, True),
        ({"mode": "reschedule"}, False),
    ],
)
def test_slots_are_held_from_queued_to_the_end_and_while_it_waits_as_the_task_says(
    arguments: Mapping[str, Any], kept: bool
) -> None:
    task = Task("t", "x", arguments=arguments)
    assert task.waits_without_slots is not kept
    holding = {state for state in TaskState if holds_slots(task, Entry(state, 1))}
    assert holding == {S.QUEUED, S.RUNNING} | ({S.DEFERRED} if kept else set())


@pytest.mark.parametrize(
    ("entry", "holding", "epoch", "over"),
    [
        (Entry(S.QUEUED, 2), True, 1, False),
        (Entry(S.UP_FOR_RETRY, 2), False, 1, True),
        (Entry(S.SUCCESS, 2), False, 1, True),
        (Entry(S.RUNNING, 3), True, 1, True),
        (Entry(S.NONE, 2), False, 2, True),
        (Entry(S.UP_FOR_RETRY, 1), False, 1, False),
        (Entry(S.NONE, 0), False, 1, False),
        (Entry(S.NONE, 0), False, 2, True),
        (Entry(S.SKIPPED, 0), False, 1, True),
    ],
)
def test_token_is_dead_once_nobody_can_queue_or_run_its_try(
    entry: Entry, holding: bool, epoch: int, over: bool
) -> None:
    assert dead(Hold(1, 1), 2, entry, epoch, holding=holding) is over


# Who gets slots


def test_heavier_goes_first_then_the_lower_map_index() -> None:
    asks = [*pool(9, (1, 1, 1), (2, 5, 1)), ask(instance(0, 4)), ask(instance(3, 2)), ask(7)]
    assert [a.address for a in sorted(asks, key=lambda a: a.order)] == [2, 1, 7, instance(3, 2), instance(0, 4)]
    assert granted(grant(ME, pool(1, (1, 1, 1), (2, 5, 1)), {POOL: Taken()})) == [2]


def test_what_does_not_fit_leaves_room_for_what_does() -> None:
    found = grant(ME, pool(3, (1, 9, 3), (2, 1, 1)), {POOL: Taken(2, {"x.1.1": Hold(2, 0)})})
    assert granted(found) == [2]
    assert found.refused == {POOL: Waiter((-9, "2024-01-15", "mine"), 3)}


def test_task_takes_all_its_slots_or_none() -> None:
    asks = [ask(1, slot(TASKS, 1, 1), slot(POOL, 1, 1)), ask(2, slot(TASKS, 1, 2))]
    full = {TASKS: Taken(), POOL: Taken(1, {"x.9.1": Hold(1, 0)})}
    found = grant(ME, asks, full)
    assert granted(found) == [2]
    assert {write.gate: write.change for write in found.writes} == {TASKS: 1, POOL: 0}


def test_token_that_is_there_counts_as_taken_even_in_a_gate_that_is_too_full() -> None:
    there = {POOL: Taken(4, {"mine.1.1": Hold(1, 0), "x.1.1": Hold(3, 0)})}
    found = grant(ME, pool(1, (1, 1, 1), (2, 9, 1)), there)
    assert granted(found) == [1]
    assert [(write.change, write.put) for write in found.writes] == [(0, {})]


def test_write_that_takes_nothing_more_wins_in_a_pool_that_has_shrunk_too() -> None:
    there = {POOL: Taken(4, {"mine.1.1": Hold(1, 0), "x.1.1": Hold(3, 0)})}
    for epoch, asks in ((0, pool(1, (1, 1, 1), (2, 9, 1))), (1, pool(1, (1, 1, 1)))):
        result = grant(replace(ME, epoch=epoch), asks, there)
        assert MemoryGates(_gates=dict(there)).write(result.writes) is not None


def test_token_of_an_older_epoch_is_taken_over_with_what_it_holds() -> None:
    there = {POOL: Taken(2, {"mine.1.1": Hold(2, 0)})}
    (write,) = grant(replace(ME, epoch=3), pool(2, (1, 1, 1)), there).writes
    assert (write.change, write.put) == (0, {"mine.1.1": Hold(2, 3)})
    assert write.expect == {"mine.1.1": Hold(2, 0)}


def test_slot_is_left_to_a_heavier_run_that_waits_for_it_and_that_it_fits() -> None:
    heavier, lighter = Waiter((-5, "2024-02-01", "other")), Waiter((-1, "2024-02-01", "other"))
    large = replace(heavier, count=2)
    for waiter, asked in ((heavier, []), (lighter, [1]), (large, [1])):
        assert granted(grant(ME, pool(1, (1, 2, 1)), {POOL: Taken(waiters={"other": waiter})})) == asked
    own = {POOL: Taken(waiters={"mine": replace(heavier, rank=(-5, "2024-01-15", "mine"))})}
    assert granted(grant(ME, pool(1, (1, 2, 1)), own)) == [1]


def test_of_equal_weights_the_earlier_run_goes_first() -> None:
    for due, asked in (("2024-01-14", []), ("2024-01-16", [1])):
        waiters = {"other": Waiter((-1, due, "other"))}
        assert granted(grant(ME, pool(1, (1, 1, 1)), {POOL: Taken(waiters=waiters)})) == asked


def test_run_goes_on_the_list_while_what_refused_it_stands() -> None:
    full = Taken(1, {"x.1.1": Hold(1, 0)}, {"other": Waiter((-9, "2024-01-01", "other"))})
    (write,) = grant(ME, pool(1, (1, 2, 1)), {POOL: full}).writes
    assert (write.used, write.change, write.put) == (1, 0, {})
    assert write.put_waiters == {"mine": Waiter((-2, "2024-01-15", "mine"))}
    free = replace(full, used=0, holds={})
    (write,) = grant(ME, pool(1, (1, 2, 1)), {POOL: free}).writes
    assert (write.used, write.expect_waiters) == (0, full.waiters)


def test_run_that_waits_already_keeps_its_better_place() -> None:
    before = Waiter((-5, "2024-01-15", "mine"), 1)
    full = Taken(2, {"x.1.1": Hold(2, 0)}, {"mine": before})
    assert grant(ME, pool(2, (1, 2, 2)), {POOL: full}).writes == ()
    (write,) = grant(ME, pool(2, (1, 9, 2)), {POOL: full}).writes
    assert write.put_waiters == {"mine": Waiter((-9, "2024-01-15", "mine"), 1)}


def test_nobody_waits_at_a_gate_of_one_run() -> None:
    full = {TASKS: Taken(1, {"mine.9.1": Hold(1, 0)})}
    found = grant(ME, [ask(1, slot(TASKS, 1, 1))], full)
    assert (found.writes, set(found.refused)) == ((), {TASKS})


# Any asks, whatever is stored

RUNS = ["mine", "r1", "r2"]
GATES = {TASKS: 2, POOL: 3, ETL: 1}


def stored(random: Random) -> dict[Gate, Taken]:
    """Gates as they may be: one may hold more than its size, if that was larger once."""
    found = {}
    for gate in GATES:
        runs = RUNS if gate.limit in SHARED else ["mine"]
        tokens = {f"{random.choice(runs)}.{random.randrange(6)}.1" for _ in range(random.randrange(4))}
        holds = {token: Hold(random.choice([1, 1, 2]), random.randrange(2)) for token in sorted(tokens)}
        waiting = [run for run in runs if gate.limit in SHARED and random.random() < 0.4]
        ranks = {run: (-random.randrange(4), random.choice(["2024-01-14", "2024-01-15"]), run) for run in waiting}
        waiters = {run: Waiter(rank, random.choice([1, 1, 2])) for run, rank in ranks.items()}
        found[gate] = Taken(sum(hold.count for hold in holds.values()), holds, waiters)
    return found


def asked(random: Random) -> list[Ask]:
    found = []
    for address in random.sample(range(6), random.randint(1, 6)):
        gates = random.sample(sorted(GATES), random.randint(1, 3))
        slots = [slot(gate, GATES[gate], address, random.randint(1, GATES[gate])) for gate in gates]
        found.append(ask(address, *slots, weight=random.randrange(4)))
    return found


def applied(found: Mapping[Gate, Taken], result: Grant) -> MemoryGates:
    """The gates after what was granted on this image was written."""
    gates = MemoryGates(_gates=dict(found))
    assert not result.writes or gates.write(result.writes) is not None, "what was granted can be taken"
    return gates


SEEDS = st.integers(0, 10**9)


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(0, 1))
def test_grant_exceeds_no_size_and_refuses_nothing_that_fits(seed: int, epoch: int) -> None:
    random = Random(seed)
    found, asks, asker = stored(random), asked(random), replace(ME, epoch=epoch)
    result = grant(asker, asks, found)
    after = applied(found, result).all()
    for gate, taken in after.items():
        assert taken.used <= max(GATES[gate], found[gate].used)
    for each in asks:
        lacking = [own for own in each.slots if own.token not in found[own.gate].holds]
        if (each.address, 1) in result.tries:
            assert all(after[own.gate].holds[own.token].epoch == epoch for own in each.slots)
            continue
        assert any(_refused(asker, each, own, found[own.gate], after[own.gate]) for own in lacking)
        assert all(own.token not in after[own.gate].holds for own in lacking)


def _refused(asker: Asker, each: Ask, own: Slot, before: Taken, after: Taken) -> bool:
    """Whether a gate had a reason: no room is left, or somebody better waits whom the room would help."""
    rank, left = asker.waiter(each, own).rank, own.size - before.used
    better = (w for run, w in before.waiters.items() if run != asker.run and w.rank < rank and w.count <= left)
    return own.count > own.size - after.used or any(better)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_grant_does_not_depend_on_the_order_of_asks(seed: int) -> None:
    random = Random(seed)
    found, asks = stored(random), asked(random)
    assert grant(ME, random.sample(asks, len(asks)), found) == grant(ME, asks, found)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_try_whose_tokens_are_all_there_passes_and_granting_again_takes_nothing_more(seed: int) -> None:
    random = Random(seed)
    found, asks = stored(random), asked(random)
    first = grant(ME, asks, found)
    assert {(a.address, 1) for a in asks if all(own.token in found[own.gate].holds for own in a.slots)} <= first.tries
    again = grant(ME, asks, applied(found, first).all())
    assert again.tries == first.tries
    assert all(not write.put and not write.change for write in again.writes)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_whoever_a_shared_gate_refused_is_on_its_list(seed: int) -> None:
    random = Random(seed)
    found, asks = stored(random), asked(random)
    result = grant(ME, asks, found)
    after = applied(found, result).all()
    for gate, waiter in result.refused.items():
        kept = after[gate].waiters.get("mine")
        assert (kept is not None) is (gate.limit in SHARED)
        assert kept is None or (kept.rank <= waiter.rank and kept.count <= waiter.count)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_what_was_taken_can_be_given_back_once_and_nothing_else_changes(seed: int) -> None:
    random = Random(seed)
    found, asks = stored(random), asked(random)
    result = grant(ME, asks, found)
    gates = applied(found, result)
    for each in (a for a in asks if (a.address, 1) in result.tries):
        for own in (slot for slot in each.slots if slot.token not in found[slot.gate].holds):
            assert gates.write([given_back([own])])
            assert gates.write([given_back([own])]) is None
    assert _counts(gates.all()) == _counts(found)


def _counts(found: Mapping[Gate, Taken]) -> dict[Gate, dict[str, int]]:
    return {gate: {name: hold.count for name, hold in taken.holds.items()} for gate, taken in found.items()}


def test_slots_of_one_gate_go_back_together() -> None:
    write = given_back([slot(POOL, 3, 1, 2), slot(POOL, 3, 2)])
    assert (write.change, write.put) == (-3, {"mine.1.1": None, "mine.2.1": None})
    assert write.held == frozenset({"mine.1.1", "mine.2.1"})


def test_tokens_and_waiters_are_removed_as_they_were_seen() -> None:
    waiter = Waiter((-1, "2024-01-15", "r1"))
    taken = Taken(3, {"r1.1.1": Hold(2, 4), "r2.1.1": Hold(1, 0)}, {"r1": waiter})
    gates = MemoryGates(_gates={POOL: taken})
    write = removed(POOL, taken, ["r1.1.1"], ["r1"])
    assert write.expect == {"r1.1.1": Hold(2, 4)}
    assert write.expect_waiters == {"r1": waiter}
    assert gates.write([write]) == {POOL: Taken(1, {"r2.1.1": Hold(1, 0)})}
    assert gates.write([write]) is None


def test_first_waiter_that_the_free_slots_would_help_is_woken() -> None:
    waiters = {
        "r1": Waiter((-9, "2024-01-01", "r1"), 2),
        "r2": Waiter((-1, "2024-01-02", "r2")),
        "r3": Waiter((-1, "2024-01-03", "r3")),
    }
    assert next_waiter(Taken(1, {"x.1.1": Hold(1, 0)}, waiters), 2, "r3") == "r2"
    assert next_waiter(Taken(0, {}, waiters), 2, "r3") == "r1"
    assert next_waiter(Taken(1, {"x.1.1": Hold(1, 0)}, waiters), 2, "r2") == "r3"
    assert next_waiter(Taken(2, {"x.1.1": Hold(2, 0)}, waiters), 2, "x") is None
    assert next_waiter(Taken(), 2, "x") is None


# What is due but for its slots


def _seen(dag: Dag, entries: Mapping[int, Entry]) -> View:
    return View(Layout(len(dag.tasks))).with_item(0, Item(entries=entries))


def test_task_that_lacks_slots_is_wanted_and_not_changed() -> None:
    dag = draw("a,b,c")
    moment = Moment(INFO, 1000.0, frozenset({0, 1}), frozenset({(1, 1)}))
    decision = decide(dag, _seen(dag, {}), moment)
    assert [change.index for change in decision.wanted] == [0]
    assert [change.index for change in decision.changes] == [1, 2]


def test_retry_needs_the_slots_of_its_own_try() -> None:
    dag = draw("a")
    view = _seen(dag, {0: Entry(S.UP_FOR_RETRY, 1, until=1.0)})
    held = Moment(INFO, 1000.0, frozenset({0}), frozenset({(0, 1)}))
    assert [change.after.try_number for change in decide(dag, view, held).wanted] == [2]
    assert decide(dag, view, replace(held, held=frozenset({(0, 2)}))).wanted == ()


def test_verdict_that_starts_nothing_needs_no_slots() -> None:
    dag = draw("a>b")
    failed = _seen(dag, {0: Entry(S.FAILED, 1, end=1.0)})
    decision = decide(dag, failed, Moment(INFO, 1000.0, frozenset({0, 1})))
    assert ([change.after.state for change in decision.changes], decision.wanted) == ([S.UPSTREAM_FAILED], ())


def test_slot_is_offered_near_by_first() -> None:
    dag = draw("a>m", m={"expand": OVER})
    view = _seen(dag, {})
    assert nearby(dag, view) == [0, 1]
    block = view.layout.shard(instance(1, 0))
    assert nearby(dag, view.with_item(block, Item())) == [0, 1, *(instance(1, i) for i in range(BLOCK))]


def test_view_has_the_epoch_of_its_items_whatever_a_new_block_says() -> None:
    layout = Layout(2)
    block = layout.shard(instance(1, 0))
    assert View(layout).epoch == 0
    view = View(layout).with_item(0, Item(epoch=3)).with_item(block, Item())
    assert (view.epoch, view.torn, view.fresh(block), view.fresh(0)) == (3, False, True, False)
    written = view.with_item(block, Item(entries={instance(1, 0): Entry(S.QUEUED, 1)}))
    assert (written.fresh(block), written.torn) == (False, True)


def test_verb_is_about_what_it_names_and_a_stop_about_everything() -> None:
    clear = Intent("i", IntentKind.CLEAR, frozenset({1, instance(2, 40)}), 5.0)
    inside = [0, 1, instance(1, 7), summary(1, 3), 2, instance(2, 40), instance(2, 41), summary(2, 1), summary(2, 0)]
    assert [touches(clear, address) for address in inside] == [False, True, True, True, False, True, False, True, False]
    assert all(touches(replace(clear, kind=IntentKind.STOP, tasks=frozenset()), address) for address in inside)


def _run(name: str, due: str, kind: RunType = RunType.MANUAL) -> RunInfo:
    return RunInfo(RunRef("d", name, "v"), kind, due, due, due, due)


def test_queued_run_enters_when_a_slot_is_free_and_nobody_is_before_it() -> None:
    early, late, backfill = _run("a", "2024-01-01"), _run("b", "2024-01-02"), _run("c", "2023-01-01", RunType.BACKFILL)
    slot = of_runs(Dag("d", (), max_active_runs=1), late.ref.key)
    assert slot == Slot(Gate(Limit.RUNS, "d"), 1, late.ref.key)
    assert enters(slot, late, Taken())
    assert not enters(slot, late, Taken(1, {"x": Hold(1, 0)}))
    assert enters(slot, late, Taken(1, {late.ref.key: Hold(1, 0)}))
    assert not enters(slot, late, Taken(waiters={early.ref.key: in_line(early)}))
    assert enters(slot, late, Taken(waiters={backfill.ref.key: in_line(backfill), late.ref.key: in_line(late)}))
