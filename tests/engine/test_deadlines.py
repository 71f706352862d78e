"""Deadlines are alarms and debts: whoever misses one calls its callback, whatever dies meanwhile; in time owes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from leeward.contract import ALARM_SECONDS, MAX_HINT_DELAY_SECONDS, STALE_DEBT_SECONDS
from leeward.core.dag import Callback, CallbackEvent, DeadlineAlert, DeadlineReference
from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.core.run import IntentKind
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Look
from leeward.engine.ports import Call
from leeward.engine.sweep import sweep
from leeward.operators.base import Attempt
from tests.drawing import draw
from tests.world import World

CALLBACK = Callback("m.late")
HOUR = 3600.0
LATE = ("", 0, "deadline")
LONG = Deferred("job", 1000.0)


def queued(seconds: float) -> DeadlineAlert:
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, seconds, CALLBACK, name="in time")


def world(*alerts: DeadlineAlert, script: dict[str, Sequence[Outcome | None]] | None = None, **dag: Any) -> World:
    made = World(draw("a>b", dag={"deadlines": alerts, **dag}), script or {})
    made.info = replace(made.info, created=made.clock.now())
    return made


def pass_time(here: World, seconds: float) -> None:
    here.clock.advance_to(here.clock.now() + seconds)


def lines(here: World) -> list[Any]:
    return [line for line in here.log.lines if line["cause"] == "deadline missed"]


def counted(here: World, what: str) -> int:
    return here.metrics.counts[f"deadline_alerts.deadline_{what}{{dag_id=drawn}}"]


@pytest.mark.parametrize("shard", [1, 36])
def test_run_that_ends_in_time_owes_nothing(shard: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", shard):
        here = world(queued(HOUR), queued(60.0)).run()
        assert (here.header.state, here.header.deadlines, here.header.active) == (RunState.SUCCESS, (), False)
        assert (here.bodies.called, lines(here)) == ([], [])
        assert [counted(here, what) for what in ("created", "missed", "not_missed")] == [2, 0, 2]


@pytest.mark.parametrize("shard", [1, 36])
def test_deadline_that_passes_while_the_run_runs_is_missed_then_and_once(shard: int) -> None:
    with patch("leeward.core.view.TASKS_PER_SHARD", shard):
        here = world(queued(600.0), script={"a": [LONG, Succeeded()]}).run()
        assert here.bodies.called == [LATE]
        (line,) = lines(here)
        assert (line["deadline"], line["at"][:19]) == ("1970-01-12T13:56:40.000+00:00", "1970-01-12T13:56:40")
        assert (line["from"], line["to"], line["name"]) == ("running", "running", "in time")
        assert (here.header.state, here.header.owed, here.header.active) == (RunState.SUCCESS, frozenset(), False)
        assert [counted(here, what) for what in ("created", "missed", "not_missed")] == [1, 1, 0]


def test_run_that_succeeds_late_without_anybody_having_looked_misses_its_deadline_by_ending() -> None:
    here = world(queued(10.0), script={"a": [Succeeded()]}).start()
    (hint,) = here.queue.take()
    pass_time(here, 11.0)
    here.handle(hint)
    assert (here.header.state, here.bodies.called, len(lines(here))) == (RunState.SUCCESS, [LATE], 1)
    here.drain()
    assert here.bodies.called == [LATE]


def test_failed_run_misses_its_deadline_when_the_time_comes_and_stays_active_until_then() -> None:
    here = world(queued(HOUR), script={"a": [Failed("boom")]}).start()
    (hint,) = here.queue.take()
    here.handle(hint)
    assert (here.header.state, here.header.active, here.bodies.called) == (RunState.FAILED, True, [])
    here.drain()
    assert (here.header.active, here.bodies.called) == (False, [LATE])


def test_deadline_that_has_passed_when_the_run_begins_is_missed_at_once() -> None:
    here = world(
        DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, -HOUR, CALLBACK), script={"a": [LONG, Succeeded()]}
    )
    here.info = replace(here.info, logical_date="1970-01-02T00:00:00+00:00")
    here.run()
    assert here.bodies.called == [LATE]


def test_deadline_beyond_the_queue_costs_no_message_until_the_sweep_sends_one() -> None:
    here = world(queued(HOUR), script={"a": [Deferred("job", HOUR * 2), Succeeded()]})
    with patch.object(here.queue, "reach_seconds", return_value=MAX_HINT_DELAY_SECONDS):
        here.start()
        (hint,) = here.queue.take()
        here.handle(hint)
        looks = [hint for _, _, hint in here.queue._heap if isinstance(hint, Look)]
        pass_time(here, HOUR - ALARM_SECONDS - 1)
        sweep(here.ports)
        assert looks == [hint for _, _, hint in here.queue._heap if isinstance(hint, Look)] == []
        pass_time(here, 60.0)
        sweep(here.ports)
        sweep(here.ports)
        looks = [hint for _, _, hint in here.queue._heap if isinstance(hint, Look)]
        assert (looks, here.bodies.called) == ([Look(here.info)] * 2, [])
        pass_time(here, 32.0)
        for look in looks:
            here.handle(look)
        assert here.bodies.called == [LATE]


def test_alarm_that_was_lost_is_made_up_for_by_the_sweep_in_a_failed_run_too() -> None:
    here = world(queued(60.0), script={"a": [Failed("boom")]}).start()
    (hint,) = here.queue.take()
    here.handle(hint)
    pass_time(here, 61.0)
    here.queue.take()
    sweep(here.ports)
    assert (here.bodies.called, here.header.active) == ([LATE], False)


def test_alarm_that_comes_a_little_early_is_sent_again() -> None:
    here = world(queued(60.0), script={"a": [LONG, Succeeded()]}).start()
    here.handle(here.queue.take()[0])
    pass_time(here, 57.0)
    here.queue._heap.clear()
    here.handle(Look(here.info))
    assert [hint for _, _, hint in here.queue._heap] == [Look(here.info)]


def test_debt_of_a_missed_deadline_survives_whoever_missed_it() -> None:
    here = world(queued(60.0), script={"a": [Deferred("job", HOUR), Succeeded()]}).start()
    here.handle(here.queue.take()[0])
    pass_time(here, 61.0)
    (look,) = here.queue.take()
    with patch.object(here.bodies, "call", side_effect=ConnectionError), pytest.raises(ConnectionError):
        here.handle(look)
    assert here.header.owed
    sweep(here.ports)
    assert here.bodies.called == []
    pass_time(here, STALE_DEBT_SECONDS)
    sweep(here.ports)
    assert (here.bodies.called, here.header.owed, here.header.active) == ([LATE], frozenset(), True)
    assert here.drain().header.active is False
    assert here.bodies.called == [LATE]


def test_debt_is_left_alone_while_somebody_pays_it_and_the_end_of_the_run_is_paid_by_that_one_too() -> None:
    told = {"callbacks": {CallbackEvent.SUCCESS: (Callback("m.f"),)}}
    here = world(queued(60.0), script={"a": [Deferred("job", 60.0), Succeeded()]}, **told).start()
    here.handle(here.queue.take()[0])
    pass_time(here, 61.0)
    hints = sorted(here.queue.take(), key=lambda hint: not isinstance(hint, Look))
    call = here.bodies.call

    def slow(attempt: Attempt, found: Call) -> None:
        if found.event == "deadline":
            for hint in hints[1:]:
                here.handle(hint)
            here.drain()
            assert (here.header.state, len(here.header.owed)) == (RunState.SUCCESS, 2)
        call(attempt, found)

    with patch.object(here.bodies, "call", slow):
        here.handle(hints[0])
    assert (here.bodies.called, here.header.active) == ([LATE, ("", 1, "success")], False)


def test_average_runtime_is_that_of_completed_runs() -> None:
    alert = DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME, 5.0, CALLBACK, max_runs=2, min_runs=2)
    here = world(alert, script={"a": [Succeeded()]})
    for number, seconds in enumerate((100.0, 20.0, 40.0)):
        logical = f"2024-01-1{number}T00:00:00+00:00"
        ref = replace(here.info.ref, run_id=f"run{number}")
        here.info = replace(here.info, ref=ref, logical_date=logical, created=here.clock.now())
        here.start()
        assert bool(here.header.deadlines) == (number == 2)
        pass_time(here, seconds)
        here.drain()
    ref = replace(here.info.ref, run_id="last")
    here.info = replace(here.info, ref=ref, logical_date="2024-01-19T00:00:00+00:00")
    here.start()
    assert here.header.deadlines == ((0, here.clock.now() + 30.0 + 5.0),)


def test_clear_begins_a_deadline_from_the_queue_anew() -> None:
    here = world(queued(HOUR), script={"a": [Failed("boom"), Deferred("job", HOUR * 3), Succeeded()]}).start()
    here.handle(here.queue.take()[0])
    pass_time(here, 600.0)
    apply_verb(here.scope, IntentKind.CLEAR, [0, 1])
    (deadline,) = here.header.deadlines
    assert deadline == (0, here.clock.now() + HOUR)
    here.drain()
    assert (here.bodies.called, here.states["b"]) == ([LATE], TaskState.SUCCESS)


def test_callback_of_a_deadlocked_run_is_told_so() -> None:
    told = {"callbacks": {CallbackEvent.FAILURE: (Callback("m.f"),)}}
    here = World(draw("a>b", a={"start_date": "2030-01-01T00:00:00+00:00"}, dag=told))
    with patch.object(here.bodies, "call") as call:
        here.run()
    assert [each.args[1].reason for each in call.call_args_list] == ["all_tasks_deadlocked"]


def test_callback_of_a_run_that_timed_out_is_told_so() -> None:
    told = {"callbacks": {CallbackEvent.FAILURE: (Callback("m.f"),)}, "dagrun_timeout_seconds": 30.0}
    here = world(script={"a": [LONG, Succeeded()]}, **told)
    with patch.object(here.bodies, "call") as call:
        here.run()
    assert [each.args[1].reason for each in call.call_args_list] == ["timed_out"]
    assert here.header.reason == "timed_out"
    assert [line["cause"] for line in here.log.lines if line["to"] == "failed"] == ["timed_out"]


def test_verb_that_ends_a_run_while_a_deadline_passes_loses_nothing() -> None:
    here = world(queued(60.0), script={"a": [LONG, Succeeded()]}).start()
    here.handle(here.queue.take()[0])
    pass_time(here, 61.0)
    apply_verb(here.scope, IntentKind.STOP, state=RunState.FAILED)
    assert (here.header.state, here.bodies.called, here.header.active) == (RunState.FAILED, [LATE], False)
