"""Whole runs over the twins: what ends in which state."""

from __future__ import annotations

from leeward.core.dag import RetryPolicy, SkipScope
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.states import RunState, TaskState
from tests.drawing import draw
from tests.world import World

BOOM = Failed("boom")


def test_chain_runs_in_one_invocation_with_one_write_a_task() -> None:
    world = World(draw(">".join(f"t{i}" for i in range(10)))).start()
    hints = world.queue.take()
    assert len(hints) == 1
    world.handle(hints[0])
    assert world.header.state is RunState.SUCCESS
    assert not world.queue.take()


def test_failure_is_handed_down() -> None:
    world = World(draw("a>b>c"), {"a": [BOOM]}).run()
    assert world.states == {
        "a": TaskState.FAILED,
        "b": TaskState.UPSTREAM_FAILED,
        "c": TaskState.UPSTREAM_FAILED,
    }
    assert world.header.state is RunState.FAILED
    assert world.tries == {"a": 1, "b": 0, "c": 0}


def test_retry_waits_and_succeeds() -> None:
    dag = draw("a>b", a={"retry": RetryPolicy(1, 5000.0)})
    world = World(dag, {"a": [BOOM, Succeeded()]}).run()
    assert world.header.state is RunState.SUCCESS
    assert world.tries == {"a": 2, "b": 1}
    assert world.clock.now() == 1_005_000.0


def test_wide_fan_over_many_shards_ends() -> None:
    names = ",".join(f"t{i}" for i in range(200))
    world = World(draw(f"a>{names}>z")).run()
    assert world.header.state is RunState.SUCCESS
    assert not world.header.active
    assert set(world.states.values()) == {TaskState.SUCCESS}


def test_branch_skips_what_it_did_not_choose() -> None:
    dag = draw("b>x,y>z", b={"skip_scope": SkipScope.DIRECT}, z="none_failed_min_one_success")
    world = World(dag, {"b": [Succeeded(skip=("y",))]}).run()
    assert world.states == {
        "b": TaskState.SUCCESS,
        "x": TaskState.SUCCESS,
        "y": TaskState.SKIPPED,
        "z": TaskState.SUCCESS,
    }


def test_deferred_task_is_polled_until_its_job_ends() -> None:
    script: dict[str, list[Outcome]] = {"a": [Deferred("job-1", 60.0), Deferred("job-1", 2000.0), Succeeded()]}
    world = World(draw("a>b"), script).run()
    assert world.header.state is RunState.SUCCESS
    assert world.bodies.polled == {"a": 2}
    assert world.clock.now() == 1_002_060.0


def test_skip_needs_no_retry() -> None:
    dag = draw("a>b", a={"retry": RetryPolicy(3)})
    world = World(dag, {"a": [Skipped()]}).run()
    assert world.states == {"a": TaskState.SKIPPED, "b": TaskState.SKIPPED}
    assert world.header.state is RunState.SUCCESS


def test_run_times_out() -> None:
    dag = draw("a>b", dag={"dagrun_timeout_seconds": 100.0})
    world = World(dag, {"a": [Deferred("job", 1000.0), Succeeded()]}).run()
    assert world.states == {"a": TaskState.SKIPPED, "b": TaskState.SKIPPED}
    assert world.header.state is RunState.FAILED


def test_dag_without_tasks_succeeds_at_once() -> None:
    world = World(draw("")).run()
    assert world.header.state is RunState.SUCCESS
