"""Whole runs with setups and teardowns, and with tasks that the run does not have."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.dag import Dag, SkipScope
from leeward.core.facts import Deferred, Failed, Skipped, Succeeded
from leeward.core.run import IntentKind
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.end_run import end_run
from tests.core.test_setups import SETUP, TEARDOWN
from tests.drawing import draw
from tests.world import World

BOOM = Failed("boom")
OVER = {"end_date": "2020-01-01T00:00:00+00:00"}


def _scope() -> Dag:
    return draw("s>w>v>t; s>t; v>x", s=SETUP, t=TEARDOWN)


def _names(states: dict[str, TaskState]) -> dict[str, str]:
    return {name: state.value for name, state in states.items()}


@pytest.mark.parametrize("size", [1, 2, 36])
def test_teardown_cleans_up_after_a_failure_which_is_still_the_runs(size: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(_scope(), {"v": [BOOM]}).run()
        assert _names(world.states) == {
            "s": "success",
            "w": "success",
            "v": "failed",
            "t": "success",
            "x": "upstream_failed",
        }
        assert world.header.state is RunState.FAILED


@pytest.mark.parametrize("size", [1, 2, 36])
def test_setup_that_ends_late_lets_go_who_waited_for_nothing_else(size: int) -> None:
    dag = draw("s>w>v>t; s>t; a>v", s=SETUP, t=TEARDOWN, v="one_success")
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(dag, {"s": [Deferred("job", 60.0), Succeeded()], "w": [Deferred("job", 6000.0), Succeeded()]})
        world.start()
        for _ in range(4):
            world.clock.advance_to(world.clock.now() + 31.0)
            for hint in world.queue.take():
                world.handle(hint)
        assert (world.states["w"].value, world.states["v"].value) == ("deferred", "success")
        assert world.drain().header.state is RunState.SUCCESS


def test_failure_of_a_teardown_is_not_the_runs() -> None:
    world = World(draw("s>w>t; s>t", s=SETUP, t=TEARDOWN), {"t": [BOOM]}).run()
    assert (world.states["t"], world.header.state) == (TaskState.FAILED, RunState.SUCCESS)


def test_clear_of_work_runs_its_setup_and_its_teardown_again() -> None:
    world = World(_scope()).run()
    apply_verb(world.scope, IntentKind.CLEAR, [world.dag.index["v"]])
    world.drain()
    assert world.tries == {"s": 2, "w": 1, "v": 2, "t": 2, "x": 1}
    assert world.header.state is RunState.SUCCESS


def test_what_a_branch_did_not_choose_stays_skipped_after_a_clear() -> None:
    dag = draw("b>x,y>z", b={"skip_scope": SkipScope.DIRECT}, y="always", z="all_done")
    world = World(dag, {"b": [Succeeded(skip=("x",))]}).run()
    apply_verb(world.scope, IntentKind.CLEAR, [world.dag.index["x"], world.dag.index["z"]])
    world.drain()
    assert _names(world.states) == {"b": "success", "x": "skipped", "y": "success", "z": "success"}
    assert world.tries == {"b": 1, "x": 0, "y": 1, "z": 2}


def test_what_a_short_circuit_skipped_further_down_follows_its_own_rule_after_a_clear() -> None:
    dag = draw("c>x>y; c>y2; x>z", c={"skip_scope": SkipScope.ALL}, y="all_done", z="all_success")
    skipped = Succeeded(skip=("x", "y", "y2", "z"))
    world = World(dag, {"c": [skipped]}).run()
    assert _names(world.states) == {"c": "success", "x": "skipped", "y": "skipped", "y2": "skipped", "z": "skipped"}
    apply_verb(world.scope, IntentKind.CLEAR, [world.dag.index[name] for name in ("x", "y", "z")])
    world.drain()
    assert _names(world.states) == {"c": "success", "x": "skipped", "y": "success", "y2": "skipped", "z": "skipped"}
    assert [line["cause"] for line in world.log.lines if line.get("task_id") == "c"].count("cleared") == 0


def test_run_without_tasks_of_its_own_date_succeeds_at_once() -> None:
    world = World(draw("a>b", a=OVER, b=OVER)).run()
    assert (world.header.state, world.header.active) == (RunState.SUCCESS, False)
    assert _names(world.states) == {"a": "none", "b": "none"}


@pytest.mark.parametrize("size", [1, 2, 36])
def test_run_in_which_all_that_is_left_waits_for_an_absent_task_is_deadlocked_without_a_sweep(size: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(draw("a,b>c>d; b>e", a=OVER)).run()
        assert _names(world.states) == {"a": "none", "b": "success", "c": "none", "d": "none", "e": "success"}
        assert (world.header.state, world.header.active) == (RunState.FAILED, False)
        assert world.log.lines[-1]["cause"] == "all_tasks_deadlocked"


@pytest.mark.parametrize("size", [1, 36])
def test_verdict_that_waits_a_moment_is_not_taken_for_a_deadlock(size: int) -> None:
    dag = draw("a>b; b,s>c", a=OVER)
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(dag, {"s": [Skipped()]}).start()
        for hint in world.queue.take():
            world.handle(hint)
        end_run(world.scope)
        assert (world.states["c"].value, world.header.state) == ("none", RunState.RUNNING)
        world.clock.advance_to(world.clock.now() + EARLY_VERDICT_SECONDS)
        world.drain()
        assert _names(world.states) == {"a": "none", "b": "none", "s": "skipped", "c": "skipped"}
        assert world.log.lines[-1]["cause"] == "all_tasks_deadlocked"


def test_stop_leaves_alone_what_the_run_does_not_have() -> None:
    world = World(draw("a,b", a=OVER), {"b": [Deferred("job", 60.0)]}).start()
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert _names(world.states) == {"a": "none", "b": "skipped"}
