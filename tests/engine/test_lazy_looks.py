"""A look reads no more than it must, and never less: verdicts whose cause lies in another item come without a sweep."""

from __future__ import annotations

from unittest.mock import patch

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.dag import RetryPolicy, SkipScope, TriggerRule
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.run import RunRef
from leeward.core.states import TaskState
from leeward.engine.hints import Execute
from leeward.engine.ports import Write, Written
from leeward.operators.base import Attempt
from tests.drawing import draw
from tests.world import World


def test_delayed_look_reads_the_shard_that_gave_cause_though_another_upstream_still_runs() -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", 2):
        world = World(draw("a,x,b>c"), {"a": [Skipped()], "b": [Deferred("job", 600.0), Succeeded()]}).start()
        for hint in world.queue.take():
            world.handle(hint)
        world.clock.advance_to(world.clock.now() + EARLY_VERDICT_SECONDS)
        for hint in world.queue.take():
            world.handle(hint)
        assert (world.states["b"], world.states["c"]) == (TaskState.DEFERRED, TaskState.SKIPPED)


def test_skip_that_a_branch_asks_for_reaches_a_shard_that_was_not_read_though_another_upstream_still_runs() -> None:
    dag = draw("a,b>c", a={"skip_scope": SkipScope.DIRECT}, c="all_done")
    with patch("leeward.core.view.TASKS_PER_SHARD", 2):
        world = World(dag, {"a": [Succeeded(skip=("c",))], "b": [Deferred("job", 600.0), Succeeded()]}).start()
        for hint in world.queue.take():
            world.handle(hint)
        assert (world.states["b"], world.states["c"]) == (TaskState.DEFERRED, TaskState.SKIPPED)


def test_what_an_instant_task_finishes_is_judged_by_reads_that_came_after_it() -> None:
    """a's executor finishes `i` on an old image of b; b's executor, in between, has not yet seen `i` finished."""
    with patch("leeward.core.view.TASKS_PER_SHARD", 2):
        world = World(draw("a,b,x,y; a>i; i,b>c", i={"instant": True})).start()
        hints = {hint.index: hint for hint in world.queue.take() if isinstance(hint, Execute)}
        a, b, i = (world.dag.index[name] for name in "abi")
        assert world.scope.layout.shard(a) == world.scope.layout.shard(b) != world.scope.layout.shard(i)
        write, store = world.runs.write, world.runs

        def late(ref: RunRef, change: Write) -> Written:
            if i in change.put and b in hints:
                world.handle(hints.pop(b))
            return write(ref, change)

        store.write = late  # type: ignore[method-assign, assignment]
        world.handle(hints[a])
        assert (world.states["b"], world.states["i"], world.states["c"].name) == (
            TaskState.SUCCESS,
            TaskState.SUCCESS,
            "QUEUED",
        )


def test_try_that_failed_while_a_branch_asked_for_its_skip_is_skipped_and_not_retried() -> None:
    dag = draw(
        "a,b>c",
        a={"skip_scope": SkipScope.DIRECT},
        c={"trigger_rule": TriggerRule.ONE_SUCCESS, "retry": RetryPolicy(1, 600.0)},
    )
    with patch("leeward.core.view.TASKS_PER_SHARD", 1):
        world = World(dag, {"a": [Succeeded(skip=("c",))], "c": [Failed("boom")]}).start()
        branch, other = sorted(
            (hint for hint in world.queue.take() if isinstance(hint, Execute)), key=lambda h: h.index
        )
        world.handle(other)
        start = world.bodies.start

        def meanwhile(attempt: Attempt) -> Outcome:
            if attempt.task.task_id == "c":
                world.handle(branch)
            return start(attempt)

        with patch.object(world.bodies, "start", meanwhile):
            for hint in world.queue.take():
                world.handle(hint)
        assert (world.states["c"], world.tries["c"]) == (TaskState.SKIPPED, 1)
