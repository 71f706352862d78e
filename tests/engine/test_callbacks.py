"""Callbacks come from the change of state: none is lost, none comes twice where nothing goes wrong."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from leeward.contract import STALE_DEBT_SECONDS
from leeward.core.dag import Callback, CallbackEvent, RetryPolicy
from leeward.core.facts import Failed, Skipped, Succeeded
from leeward.core.run import IntentKind
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Execute
from leeward.engine.ports import Call
from leeward.engine.sweep import sweep
from leeward.operators.base import Attempt
from tests.drawing import draw
from tests.world import INVOCATION, World

TOLD = (Callback("m.f"),)
ALL = dict.fromkeys(CallbackEvent, TOLD)
BOOM = Failed("boom")


def test_every_event_of_a_try_is_called_in_its_order() -> None:
    task = {"retry": RetryPolicy(1, 0.0), "callbacks": ALL}
    world = World(draw("a", a=task), {"a": [BOOM, Succeeded()]}).run()
    assert world.bodies.called == [("a", 1, "execute"), ("a", 1, "retry"), ("a", 2, "execute"), ("a", 2, "success")]


def test_last_failure_and_a_skip_of_its_own_are_told() -> None:
    world = World(draw("a;b", a={"callbacks": ALL}, b={"callbacks": ALL}), {"a": [BOOM], "b": [Skipped()]}).run()
    assert sorted(world.bodies.called) == [
        ("a", 1, "execute"),
        ("a", 1, "failure"),
        ("b", 1, "execute"),
        ("b", 1, "skipped"),
    ]


def test_what_rules_and_verbs_decide_calls_nothing() -> None:
    world = World(draw("a>b", b={"callbacks": ALL}), {"a": [BOOM]}).run()
    assert (world.states["b"], world.bodies.called) == (TaskState.UPSTREAM_FAILED, [])


@pytest.mark.parametrize("shard", [1, 36])
@pytest.mark.parametrize(("outcome", "event"), [(Succeeded(), "success"), (BOOM, "failure")])
def test_end_of_a_run_is_told_after_the_callbacks_of_its_tasks(shard: int, outcome: Any, event: str) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", shard):
        dag = draw(
            "a>b", b={"callbacks": {CallbackEvent(event): TOLD}}, dag={"callbacks": {CallbackEvent(event): TOLD}}
        )
        world = World(dag, {"b": [outcome]}).run()
        assert world.bodies.called == [("b", 1, event), ("", 1, event)]
        assert (world.header.owed, world.header.active) == (frozenset(), False)


def test_stopped_run_has_failed() -> None:
    world = World(draw("a>b", dag={"callbacks": {CallbackEvent.FAILURE: TOLD}})).start()
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert world.bodies.called == [("", 0, "failure")]


def test_debt_of_a_function_that_died_is_paid_by_the_sweep_and_only_then_the_retry_follows() -> None:
    task = {"retry": RetryPolicy(1, 1.0), "callbacks": {CallbackEvent.RETRY: TOLD}}
    world = World(draw("a", a=task), {"a": [BOOM, Succeeded()]}).start()
    (hint,) = world.queue.take()
    with patch.object(world.bodies, "call", side_effect=ConnectionError), pytest.raises(ConnectionError):
        world.handle(hint)
    world.clock.advance_to(world.clock.now() + 2.0)
    for look in world.queue.take():
        world.handle(look)
    sweep(world.ports)
    assert (world.states["a"], world.bodies.called) == (TaskState.UP_FOR_RETRY, [])
    world.clock.advance_to(world.clock.now() + STALE_DEBT_SECONDS)
    sweep(world.ports)
    assert (world.states["a"], world.bodies.called) == (TaskState.QUEUED, [("a", 1, "retry")])


def test_lost_try_calls_back_though_its_function_is_dead() -> None:
    world = World(draw("a", a={"callbacks": {CallbackEvent.FAILURE: TOLD}})).start()
    (hint,) = world.queue.take()
    with patch.object(world.bodies, "start", side_effect=MemoryError), pytest.raises(MemoryError):
        world.handle(hint)
    world.clock.advance_to(world.clock.now() + INVOCATION + 60)
    sweep(world.ports)
    assert (world.states["a"], world.header.state, world.header.active) == (TaskState.FAILED, RunState.FAILED, True)
    world.clock.advance_to(world.clock.now() + 60)
    sweep(world.ports)
    assert (world.bodies.called, world.header.active) == ([("a", 1, "failure")], False)


def test_debt_that_is_young_is_left_to_whoever_made_it_by_whoever_ends_the_run() -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", 1):
        dag = draw(
            "a,b", a={"callbacks": {CallbackEvent.SUCCESS: TOLD}}, dag={"callbacks": {CallbackEvent.SUCCESS: TOLD}}
        )
        world = World(dag).start()
        a, b = sorted((hint for hint in world.queue.take() if isinstance(hint, Execute)), key=lambda hint: hint.index)
        call, seen = world.bodies.call, list[bool]()

        def slow(attempt: Attempt, found: Call) -> None:
            if found.reason is None:
                world.handle(b)
                seen.append(world.header.state is RunState.SUCCESS and world.header.active)
            call(attempt, found)

        with patch.object(world.bodies, "call", slow):
            world.handle(a)
        assert (seen, world.bodies.called) == ([True], [("a", 1, "success"), ("", 1, "success")])
        assert not world.header.active
