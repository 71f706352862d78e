"""A look reads no more than it must, and never less: verdicts whose cause lies in another item come without a sweep."""

from __future__ import annotations

from unittest.mock import patch

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.dag import SkipScope
from leeward.core.facts import Deferred, Skipped, Succeeded
from leeward.core.states import TaskState
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
