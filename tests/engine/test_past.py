"""Runs that wait for runs: who waits, who wakes whom, and what a lost hint costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from leeward.core.decide import entries
from leeward.core.facts import Failed, Succeeded
from leeward.core.run import IntentKind, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Sweep
from leeward.engine.ports import header_item
from leeward.engine.scope import Scope, open_scope
from leeward.engine.start_run import start_run
from leeward.local.run_store import MemoryRunStore
from tests.drawing import draw
from tests.world import World

PAST = {"depends_on_past": True}
WHOLE = {"depends_on_past": True, "wait_for_downstream": True}
S = TaskState


def day(world: World, number: int, version: str = "v1", run_type: RunType = RunType.SCHEDULED) -> RunInfo:
    date = f"2026-01-{number:02}T00:00:00+00:00"
    ref = RunRef(world.dag.dag_id, f"day{number}", version)
    return RunInfo(ref, run_type, date, date, date, date, created=world.clock.now() - 1.0 + number / 100)


def begin(world: World, *numbers: int) -> list[Scope]:
    scopes = [open_scope(world.ports, day(world, number)) for number in numbers]
    for scope in scopes:
        assert start_run(world.ports, scope.info)
    return scopes


def states(scope: Scope) -> Mapping[str, TaskState]:
    found = entries(scope.read_all())
    return {task.task_id: entry.state for task, entry in zip(scope.dag.tasks, found, strict=True)}


def state(scope: Scope) -> RunState:
    number = header_item(scope.layout)
    header = scope.ports.runs.read(scope.info.ref, (number,))[number].header
    assert header is not None
    return header.state


def starts(world: World, task_id: str) -> list[str]:
    """The runs in the order in which the task was queued in them."""
    return [str(x["run_id"]) for x in world.log.lines if x.get("task_id") == task_id and x["to"] == "queued"]


def waits(world: World) -> list[tuple[object, object, object]]:
    return [
        (x["run_id"], x["task_id"], x["previous"])
        for x in world.log.lines
        if x["cause"] == "waits for the previous run"
    ]


def test_a_task_starts_only_after_it_has_ended_in_the_run_before() -> None:
    world = World(draw("a>b", a=PAST))
    first, second = begin(world, 1, 2)
    assert states(second) == {"a": S.NONE, "b": S.NONE}
    world.drain()
    assert [state(scope) for scope in (first, second)] == [RunState.SUCCESS] * 2
    lines = [(x["run_id"], x["to"]) for x in world.log.lines if x.get("task_id") == "a" and x["from"] != x["to"]]
    assert lines.index(("day1", "success")) < lines.index(("day2", "queued"))


def test_what_waits_is_told_once_with_the_run_that_it_waits_for() -> None:
    world = World(draw("a", a=PAST))
    begin(world, 1, 2)
    assert waits(world) == [("day2", "a", "day1")]
    world.clock.advance_to(world.clock.now() + 120.0)
    world.handle(Sweep())
    assert waits(world) == [("day2", "a", "day1")]


def test_a_chain_of_runs_goes_on_without_the_sweep() -> None:
    world = World(draw("a>b>c", a=PAST, b=PAST, c=PAST))
    scopes = begin(world, 4, 3, 2, 1)
    world.drain()
    assert {state(scope) for scope in scopes} == {RunState.SUCCESS}
    assert starts(world, "c") == ["day1", "day2", "day3", "day4"] or starts(world, "c")[0] == "day4"


def test_after_a_failure_the_next_run_waits_and_is_not_deadlocked_until_somebody_marks_the_task() -> None:
    world = World(draw("a", a=PAST), {"a": [Failed("x"), Succeeded()]})
    first, second = begin(world, 1, 2)
    world.drain()
    for _ in range(3):
        world.clock.advance_to(world.clock.now() + 60.0)
        world.handle(Sweep())
        world.drain()
    assert (state(first), state(second)) == (RunState.FAILED, RunState.RUNNING)
    assert states(second) == {"a": S.NONE}
    apply_verb(first, IntentKind.MARK, [0], S.SUCCESS)
    world.drain()
    assert state(second) is RunState.SUCCESS


def test_clearing_the_failed_task_wakes_the_next_run_once_it_has_succeeded() -> None:
    world = World(draw("a", a=PAST), {"a": [Failed("x"), Succeeded()]})
    first, second = begin(world, 1, 2)
    world.drain()
    apply_verb(first, IntentKind.CLEAR, [0])
    world.drain()
    assert (state(first), state(second)) == (RunState.SUCCESS, RunState.SUCCESS)


def test_stopping_the_run_before_wakes_the_next_one() -> None:
    world = World(draw("a", a=PAST))
    first, second = begin(world, 1, 2)
    apply_verb(first, IntentKind.STOP, state=RunState.FAILED)
    world.drain()
    assert (state(first), state(second)) == (RunState.FAILED, RunState.SUCCESS)


def test_wait_for_downstream_waits_for_the_tasks_right_after_it() -> None:
    world = World(draw("a>b>c", a=WHOLE), {"b": [Failed("x"), Succeeded()]})
    first, second = begin(world, 1, 2)
    world.drain()
    assert states(first) == {"a": S.SUCCESS, "b": S.FAILED, "c": S.UPSTREAM_FAILED}
    assert states(second) == {"a": S.NONE, "b": S.NONE, "c": S.NONE}
    apply_verb(first, IntentKind.CLEAR, [1, 2])
    world.drain()
    assert set(states(second).values()) == {S.SUCCESS}


def test_a_run_of_several_items_waits_the_same() -> None:
    drawing = ",".join(f"t{number}" for number in range(50)) + ">z"
    world = World(draw(drawing, z=PAST))
    scopes = begin(world, 1, 2, 3)
    world.drain()
    assert {state(scope) for scope in scopes} == {RunState.SUCCESS}
    assert starts(world, "z") == ["day1", "day2", "day3"]


def test_a_lost_hint_costs_a_minute() -> None:
    world = World(draw("a", a=PAST), {"a": [Failed("x"), Succeeded()]})
    first, second = begin(world, 1, 2)
    world.drain()
    apply_verb(first, IntentKind.MARK, [0], S.SUCCESS)
    world.queue.take()
    world.drain()
    assert states(second) == {"a": S.NONE}
    world.handle(Sweep())
    world.drain()
    assert state(second) is RunState.SUCCESS


def test_a_new_task_waits_unless_its_first_run_is_to_be_ignored() -> None:
    world = World(draw("a"))
    begin(world, 1)
    world.drain()
    for number, first in ((2, False), (3, True)):
        dag = draw("a;b", b={**PAST, "ignore_first_depends_on_past": first})
        world.specs.put(f"v{number}", dag)
        info = replace(day(world, 2, f"v{number}"), ref=RunRef("drawn", f"new{number}", f"v{number}"))
        scope = open_scope(world.ports, info)
        start_run(world.ports, info)
        world.drain()
        assert states(scope)["b"] is (S.SUCCESS if first else S.NONE)


@dataclass
class Counting(MemoryRunStore):
    """Counts who asks for the runs near by."""

    asked: list[str] = field(default_factory=list)
    lag: float = 0.0

    def lag_seconds(self) -> float:
        return self.lag

    def near(self, info: RunInfo, limit: int) -> tuple[RunInfo, ...]:
        self.asked.append(info.ref.run_id)
        return tuple(super().near(info, limit))


def counted(world: World) -> Counting:
    world.runs = Counting(world.specs)
    world.ports = replace(world.ports, runs=world.runs)
    return world.runs


def test_dags_without_such_tasks_never_look_for_other_runs() -> None:
    world = World(draw("a>b,c>d"))
    runs = counted(world)
    begin(world, 1, 2)
    world.drain()
    assert runs.asked == []


def test_while_the_index_may_lag_nobody_is_taken_for_the_first_run() -> None:
    world = World(draw("a", a=PAST))
    runs = counted(world)
    runs.lag = 3.0
    (scope,) = begin(world, 1)
    assert states(scope) == {"a": S.NONE}
    assert runs.asked == []
    begun = world.clock.now()
    world.drain()
    assert state(scope) is RunState.SUCCESS
    assert 1.0 < world.clock.now() - begun < 4.0


@pytest.mark.parametrize("catchup", [False, True])
def test_a_manual_run_in_between_is_waited_for_only_without_catchup(catchup: bool) -> None:
    world = World(draw("a", a=PAST, dag={"catchup": catchup}), {"a": [Failed("x"), Succeeded()]})
    manual = day(world, 1, run_type=RunType.MANUAL)
    start_run(world.ports, manual)
    world.drain()
    (scope,) = begin(world, 2)
    world.drain()
    assert states(scope) == {"a": S.SUCCESS if catchup else S.NONE}
