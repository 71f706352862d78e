"""Any run, at any moment: its log rebuilds what is stored, and whatever has not finished has a cause, or is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.core.address import is_summary, task_of
from leeward.core.dag import Callback, CallbackEvent, Dag, Expansion, SkipScope
from leeward.core.explain import Standing, explain, explain_all
from leeward.core.facts import Failed, Outcome, Succeeded
from leeward.core.lines import Line, iso, read_line, seconds_of
from leeward.core.replay import Stored, beside, rebuilt
from leeward.core.rows import rows
from leeward.core.run import Entry, IntentKind, RunInfo
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.see_run import stored_now
from tests.drawing import draw
from tests.engine.test_properties import dags, outcomes
from tests.simulation.chance import Seeded
from tests.simulation.run import simulate
from tests.simulation.specs import random_case
from tests.simulation.world import Installation, runs_of, shards_of
from tests.world import World

FAR = 1e12
KEEP_LINES = {"freeze", "duplicate", "lose", "drop_tick"}
"""Faults that cost no line: who dies between a write and its line, or does not hear that a write has won, writes none."""
STARTS = {TaskState.QUEUED, TaskState.RUNNING, TaskState.EXPANDED, TaskState.SUCCESS}


def read(dag: Dag, lines: Sequence[Mapping[str, Any]]) -> list[Line]:
    return [read_line(dag, line) for line in lines]


def comparable(entry: Entry) -> Entry:
    """What a log can tell: times in whole milliseconds, and no polls, which are not logged."""
    until = None if entry.state is TaskState.DEFERRED else _cut(entry.until)
    return replace(entry, polls=0, start=_cut(entry.start), end=_cut(entry.end), until=until)


def _cut(moment: float | None) -> float | None:
    return None if moment is None else seconds_of(iso(moment))


def instances(stored: Stored) -> dict[int, Entry]:
    """Every entry of a task or an instance that is not untouched."""
    found = {i: e for item in stored.view.items.values() for i, e in item.entries.items() if not is_summary(i)}
    return {i: comparable(e) for i, e in found.items() if e != Entry()}


def state_of(stored: Stored) -> RunState | None:
    return None if stored.view.header is None else stored.view.header.state


def check(dag: Dag, stored: Stored, now: float) -> None:
    """Everything unfinished has a cause or is due, and never both."""
    absent: set[int] = set()
    for row in rows(dag, stored.view, absent):
        address = row.address if stored.view.entry(row.address) or row.map_index < 0 else task_of(row.address)
        told = explain(dag, stored, now, address)
        assert told.words, told
        assert bool(told.causes) is (told.standing is not Standing.DUE)
        assert (told.standing is Standing.FINISHED) is (told.entry.state in FINISHED)
        assert all(cause.reason for cause in told.causes)


def check_starts(dag: Dag, info: RunInfo, lines: Sequence[Line]) -> None:
    """Nothing stood in the way of what was started, at the moment when it was."""
    for place, line in enumerate(lines):
        if line.address is None or line.before not in ("none", "up_for_retry") or TaskState(line.after) not in STARTS:
            continue
        if line.cause == "marked":
            continue
        before = rebuilt(dag, info, lines[:place], FAR)
        told = explain(dag, before, line.at, line.address)
        assert told.standing is Standing.DUE, (line, told)
        assert not told.causes


@settings(max_examples=60, deadline=None)
@given(dags(), st.integers(0, 10_000))
def test_every_moment_of_any_run_is_rebuilt_and_explained(dag: Dag, seed: int) -> None:
    world = World(dag, outcomes(Random(seed), dag)).start()
    order = Random(seed + 1)
    for _ in range(60):
        waiting = world.queue.take()
        if not waiting:
            due = world.queue.next_due()
            if due is None:
                break
            world.clock.advance_to(due)
            continue
        chosen = waiting.pop(order.randrange(len(waiting)))
        world.queue.send(waiting)
        world.handle(chosen)
        stored = rebuilt(dag, world.info, read(dag, world.log.lines), FAR)
        there = stored_now(world.runs, world.specs, world.info)
        assert there is not None
        assert instances(stored) == instances(there)
        check(dag, stored, world.clock.now())
        check(dag, beside(there, read(dag, world.log.lines), FAR), world.clock.now())
    check_starts(dag, world.info, read(dag, world.log.lines))


@pytest.mark.parametrize("seed", range(60))
def test_log_of_many_functions_rebuilds_what_is_stored_and_explains_every_moment(seed: int) -> None:
    case = random_case(Random(seed))
    world, _ = simulate(case, Seeded(seed))
    with shards_of(case.shard):
        for info in runs_of(world):
            _check_log(world, info, Random(seed))


def _check_log(world: Installation, info: RunInfo, rng: Random) -> None:
    dag = world.specs.get(info.ref.version)
    known = read(dag, [line for line in world.log.lines if line["run_id"] == info.ref.run_id])
    there = stored_now(world.runs, world.specs, info)
    assert there is not None
    if KEEP_LINES.issuperset(world.chance.struck):
        found = rebuilt(dag, info, known, FAR)
        assert instances(found) == instances(there)
        assert state_of(found) is state_of(there)
    for line in rng.sample(known, min(len(known), 12)):
        stored = rebuilt(dag, info, known, line.at)
        if stored.view.header is not None:
            check(dag, stored, line.at)
            assert all(told.words for told in explain_all(dag, stored, line.at))


MAPPED = {"expand": Expansion((("x", [1, 2, 3]),))}
CALLED = {"callbacks": {CallbackEvent.SUCCESS: (Callback("m.f"),)}}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "dag",
    [
        draw("a>m>z", m=MAPPED),
        draw("a>m>z", m=MAPPED, z="one_failed"),
        draw("a>m>z", a=CALLED, m={"expand": Expansion((("x", [*range(70)]),))}),
    ],
)
def test_mapped_run_is_rebuilt_and_what_starts_was_due(dag: Dag, seed: int) -> None:
    ends: list[Outcome] = [Succeeded(), Failed("x")]
    script = {"m": [Random(seed).choice(ends)]}
    world = World(dag, script).run(Random(seed))
    lines = read(dag, world.log.lines)
    there = stored_now(world.runs, world.specs, world.info)
    assert there is not None
    assert instances(rebuilt(dag, world.info, lines, FAR)) == instances(there)
    check_starts(dag, world.info, lines)


def test_verbs_are_rebuilt_with_what_a_short_circuit_asked_for() -> None:
    dag = draw("c>x>y", c={"skip_scope": SkipScope.ALL}, y="all_done")
    world = World(dag, {"c": [Succeeded(skip=("x", "y"))]}).run()
    apply_verb(world.scope, IntentKind.CLEAR, [2])
    world.drain()
    there = stored_now(world.runs, world.specs, world.info)
    assert there is not None
    assert world.entries["c"].skip == frozenset({1})
    assert instances(rebuilt(dag, world.info, read(dag, world.log.lines), FAR)) == instances(there)
    assert world.metrics.counts["ti_successes{dag_id=drawn}"] == 2


def test_log_of_a_run_that_has_paid_its_callbacks_tells_so() -> None:
    world = World(draw("a", a=CALLED)).run()
    assert [line["cause"] for line in world.log.lines if line["from"] == line["to"]] == ["callbacks called"]


def test_run_that_was_only_announced_is_not_there() -> None:
    world = World(draw("a"))
    world.runs.announce(world.info)
    assert stored_now(world.runs, world.specs, world.info) is None


def test_limits_that_the_engine_meets_are_told() -> None:
    dag = draw("a,b>c", dag={"max_active_tasks": 1}, a={"pool": "db"}, b={"pool": "db"})
    world = World(dag)
    world.ports = replace(world.ports, pools={"db": 1})
    world.start()
    stored = rebuilt(dag, world.info, read(dag, world.log.lines), FAR)
    found = explain_all(dag, stored, world.clock.now())
    told = {each.name: [cause.dependency.value for cause in each.causes] for each in found}
    assert told == {
        "a": ["Task Instance State"],
        "b": ["Pool Slots Available", "Task Instance Slots Available"],
        "c": ["Trigger Rule"],
    }
    assert "pool db has no free slot: 1 of 1 slots in use, seen at" in explain(dag, stored, FAR / 1e3, 1).words[0]


@pytest.mark.parametrize("seed", range(10))
def test_task_under_a_limit_of_its_run_is_due_when_it_is_queued(seed: int) -> None:
    dag = draw("a,b,c>m>z", dag={"max_active_tasks": 2}, m={**MAPPED, "max_active_tis_per_dagrun": 1})
    world = World(dag, {"b": [Failed("x"), Succeeded()]}).run(Random(seed))
    check_starts(dag, world.info, read(dag, world.log.lines))
