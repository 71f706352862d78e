"""`fail_fast`: the final failure of a task stops the others, whatever dies in between, and only once."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from leeward.core.dag import Callback, CallbackEvent, Expansion, RetryPolicy
from leeward.core.facts import Deferred, Failed, Succeeded
from leeward.core.run import IntentKind, RunRef
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Execute
from leeward.engine.intents import store
from leeward.engine.ports import Write, Written
from leeward.engine.sweep import sweep
from leeward.local.gates import MemoryGates
from leeward.local.run_store import MemoryRunStore
from tests.core.test_setups import SETUP, TEARDOWN
from tests.drawing import draw
from tests.simulation.world import shards_of
from tests.world import World

S = TaskState
FAST = {"fail_fast": True}
BOOM = Failed("boom")
JOB = Deferred("job", 600.0)
SIZES = [1, 2, 36]


def _names(world: World) -> dict[str, str]:
    return {name: state.value for name, state in world.states.items()}


@pytest.mark.parametrize("size", SIZES)
def test_failure_skips_what_has_not_run_and_spares_what_has_succeeded(size: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(draw("a>b>c; d>e; f", dag=FAST), {"a": [BOOM], "d": [JOB, Succeeded()]}).start()
        hints = {hint.index: hint for hint in world.queue.take() if isinstance(hint, Execute)}
        for name in ("d", "f", "a"):
            world.handle(hints[world.dag.index[name]])
        expected = {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped", "e": "skipped", "f": "success"}
        assert _names(world) == expected
        assert world.header.state is RunState.SUCCESS, "as in Airflow, the leaves alone say what became of the run"
        assert _names(world.drain()) == expected


@pytest.mark.parametrize("size", SIZES)
def test_running_body_fails_and_its_late_record_is_refused(size: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(draw("a,b", dag=FAST), {"a": [BOOM]}).start()
        first, second = world.queue.take()
        real = world.bodies.start

        def start(attempt: Any) -> Any:
            if attempt.index == world.dag.index["b"]:
                world.handle(first)
            return real(attempt)

        with patch.object(world.bodies, "start", start):
            world.handle(second)
        assert _names(world) == {"a": "failed", "b": "failed"}
        assert world.header.state is RunState.FAILED


def test_try_that_is_repeated_stops_nothing() -> None:
    world = World(draw("a>b", dag=FAST, a={"retry": RetryPolicy(1, 5.0)}), {"a": [BOOM, Succeeded()]}).run()
    assert _names(world) == {"a": "success", "b": "success"}


@pytest.mark.parametrize("size", SIZES)
def test_teardown_runs_after_a_failure(size: int) -> None:
    dag = draw("s>w>v>t; s>t; x>y", dag=FAST, s=SETUP, t=TEARDOWN)
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(dag, {"w": [BOOM], "x": [JOB, Succeeded()]}).run()
        assert _names(world) == {
            "s": "success",
            "w": "failed",
            "v": "skipped",
            "t": "success",
            "x": "skipped",
            "y": "skipped",
        }


@pytest.mark.parametrize("size", SIZES)
def test_other_instances_of_the_failed_task_go_on(size: int) -> None:
    over = {"expand": Expansion((("x", [1, 2, 3]),))}
    dag = draw("m>n; o; p>q", dag=FAST, m=over, o=over)
    script: dict[str, Any] = {"m[1]": [BOOM], "m[2]": [Deferred("job", 60.0), Succeeded()], "o": [JOB, Succeeded()]}
    with shards_of(size):
        world = World(dag, {**script, "p": [JOB, Succeeded()]}).run()
        rows, states = {name: entry.state.value for name, entry in world.rows.items()}, _names(world)
    assert [rows[f"m[{i}]"] for i in range(3)] == ["success", "failed", "success"]
    assert [rows[f"o[{i}]"] for i in range(3)] == ["skipped"] * 3
    assert (rows["n"], rows["p"], rows["q"]) == ("skipped", "skipped", "skipped")
    assert states == {"m": "failed", "n": "skipped", "o": "skipped", "p": "skipped", "q": "skipped"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dies_before", ["the intent", "its items", "its end"])
def test_crash_between_the_failure_and_its_consequence_loses_nothing(size: int, dies_before: str) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(draw("a>b; c>d", dag=FAST), {"a": [BOOM], "c": [JOB, Succeeded()]}).start()
        hints = world.queue.take()
        world.handle(next(h for h in hints if isinstance(h, Execute) and h.index == world.dag.index["c"]))
        real, failed = MemoryRunStore.write, world.dag.index["a"]

        def write(store: MemoryRunStore, ref: RunRef, write: Write) -> Written:
            intent = write.put_header is not None and write.put_header.intent is not None
            ended = write.expect_header is not None and write.expect_header.intent is not None
            if (intent, not intent and write.new_epoch is not None, ended)[
                ("the intent", "its items", "its end").index(dies_before)
            ]:
                raise TimeoutError
            return real(store, ref, write)

        with patch.object(MemoryRunStore, "write", write):
            broken = size < 36 or dies_before != "its items"
            with pytest.raises(TimeoutError) if broken else patch.dict({}):
                world.handle(next(h for h in hints if isinstance(h, Execute) and h.index == failed))
        world.clock.advance_to(world.clock.now() + 30.0)
        sweep(world.ports)
        assert _names(world.drain()) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped"}
        assert not world.header.active


def test_lost_try_stops_the_others_too() -> None:
    world = World(draw("a>b; c>d", dag=FAST), {"a": [None], "c": [JOB, Succeeded()]}).start()
    for hint in world.queue.take():
        world.handle(hint)
    world.clock.advance_to(world.clock.now() + 1000.0)
    sweep(world.ports)
    assert _names(world.drain()) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped"}


def test_what_is_cleared_later_is_not_stopped_again_for_an_old_failure() -> None:
    world = World(draw("a>b; c>d", dag=FAST), {"a": [BOOM], "c": [JOB, Succeeded()]}).run()
    assert world.states["c"] is S.SKIPPED
    apply_verb(world.scope, IntentKind.CLEAR, [world.dag.index["c"], world.dag.index["d"]])
    assert _names(world.drain()) == {"a": "failed", "b": "skipped", "c": "success", "d": "success"}


def test_mark_of_a_failure_stops_nothing() -> None:
    world = World(draw("a>b; c>d", dag=FAST), {"c": [JOB, Succeeded()]}).start()
    apply_verb(world.scope, IntentKind.MARK, [world.dag.index["a"]], S.FAILED)
    assert _names(world.drain()) == {"a": "failed", "b": "upstream_failed", "c": "success", "d": "success"}


def test_stop_pays_for_a_failure_that_stopped_nobody() -> None:
    world = World(draw("a,b", dag=FAST), {"a": [BOOM], "b": [JOB, Succeeded()]}).start()
    with patch("leeward.engine.end_run._stop_others"):
        for hint in world.queue.take():
            world.handle(hint)
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert not any(entry.halts for entry in world.entries.values())


@pytest.mark.parametrize("size", SIZES)
def test_callbacks_of_the_failure_are_called_once_and_those_of_what_it_stops_are_not(size: int) -> None:
    told = {"callbacks": {event: (Callback("told.told"),) for event in CallbackEvent}}
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(draw("a>b; c", dag=FAST, a=told, b=told, c=told), {"a": [BOOM], "c": [JOB, Succeeded()]}).run()
        world.clock.advance_to(world.clock.now() + 100.0)
        sweep(world.ports)
        called = [(name, event) for name, _, event in world.bodies.called]
        assert called.count(("a", "failure")) == 1
        assert {name for name, event in called if event in ("failure", "skipped")} == {"a"}
        assert not world.header.active


@pytest.mark.parametrize("size", SIZES)
def test_slots_of_what_a_failure_stops_are_free_again(size: int) -> None:
    dag = draw("a; b; c", dag={**FAST, "max_active_tasks": 2})
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(dag, {name: [JOB, BOOM] for name in "abc"}).run()
        assert sorted(_names(world).values()) == ["failed", "skipped", "skipped"]
        assert isinstance(world.ports.gates, MemoryGates)
        assert not any(taken.holds for taken in world.ports.gates.all().values())


def test_who_loses_the_header_to_somebody_else_looks_anew() -> None:
    world = World(draw("a>b; c>d", dag=FAST), {"a": [BOOM], "c": [JOB, Succeeded()]}).start()
    answers = iter([False])
    with patch("leeward.engine.end_run.store", lambda *each: next(answers, None) is None and store(*each)):
        for hint in world.queue.take():
            world.handle(hint)
    assert _names(world) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "skipped"}
