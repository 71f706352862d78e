"""When the deadlines of a run are, and which of them are missed: Airflow's rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.core.callbacks import OF_RUN, OF_TASKS, claimed, paid, reason
from leeward.core.dag import Callback, CallbackEvent, Dag, DeadlineAlert, DeadlineReference, Task
from leeward.core.deadlines import created, deadline_of, debts, missed
from leeward.core.run import Header, Intent, IntentKind, Payer, RunInfo, RunRef, RunType
from leeward.core.states import RunState
from leeward.core.verbs import accepted, done, ended

CALLBACK = Callback("m.f")
LOGICAL = "2024-01-15T00:00:00+00:00"
AT = 1_705_276_800.0
INFO = RunInfo(RunRef("d", "r", "v"), RunType.MANUAL, LOGICAL, LOGICAL, LOGICAL, LOGICAL)
ME, YOU = Payer("me", AT), Payer("you", AT)
QUEUED = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, 60.0, CALLBACK)
LOGICAL_DATE = DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, 3600.0, CALLBACK)
FIXED = DeadlineAlert(DeadlineReference.FIXED_DATETIME, -1.0, CALLBACK, moment="2024-01-16T00:00:00+00:00")
AVERAGE = DeadlineAlert(DeadlineReference.AVERAGE_RUNTIME, 5.0, CALLBACK, max_runs=2, min_runs=2)


def dag(*alerts: DeadlineAlert) -> Dag:
    return Dag("d", (Task("t", "x"),), deadlines=alerts)


def test_deadlines_are_counted_from_their_references() -> None:
    found = created(dag(QUEUED, LOGICAL_DATE, FIXED, AVERAGE), INFO, AT + 9, [10.0, 20.0, 600.0])
    assert found == ((0, AT + 69), (1, AT + 3600), (2, AT + 86399), (3, AT + 9 + 15 + 5))


def test_reference_that_says_nothing_makes_no_deadline() -> None:
    undated = replace(INFO, logical_date=None)
    assert created(dag(LOGICAL_DATE, AVERAGE), undated, AT, [10.0]) == ()
    assert created(replace(dag(QUEUED), tasks=()), INFO, AT, ()) == ()


@pytest.mark.parametrize("state", [RunState.SUCCESS, RunState.FAILED])
def test_run_that_ends_late_owes_what_it_has_missed(state: RunState) -> None:
    header = ended(dag(QUEUED), Header(deadlines=((0, AT - 1),)), state, AT, ME)
    assert (header.deadlines, header.owed, header.payer, header.active) == ((), debts([(0, AT - 1)]), ME, True)


def test_only_success_takes_deadlines_away_and_in_time_is_up_to_the_very_moment() -> None:
    before = Header(deadlines=((0, AT), (1, AT + 1)))
    success, failed = (ended(dag(QUEUED, QUEUED), before, s, AT, ME) for s in (RunState.SUCCESS, RunState.FAILED))
    assert (success.deadlines, success.owed, success.active) == ((), frozenset(), False)
    assert (failed.deadlines, failed.owed, failed.active) == (before.deadlines, frozenset(), True)
    assert missed(before, AT, ME) is None


def test_deadline_that_passes_becomes_a_debt_unless_a_verb_is_on_its_way() -> None:
    before = Header(deadlines=((0, AT - 1), (1, AT + 1)))
    after = missed(before, AT, ME)
    assert after is not None
    assert (after.deadlines, after.owed, after.payer) == (((1, AT + 1),), debts([(0, AT - 1)]), ME)
    assert missed(replace(before, intent=Intent("i", IntentKind.CLEAR, frozenset(), AT)), AT, ME) is None
    kept = missed(replace(before, payer=YOU), AT, ME)
    assert kept is not None
    assert kept.payer == YOU


def test_debt_tells_its_deadline() -> None:
    (debt,) = debts([(3, 12.345)])
    assert (deadline_of(debt), deadline_of(OF_RUN)) == ((3, 12.34), None)


def test_clear_queues_the_run_again_and_takes_the_payer_off() -> None:
    before = Header(RunState.FAILED, deadlines=((0, AT), (1, AT)), owed=frozenset({OF_RUN}), payer=YOU)
    clear, stop = (
        Intent("i", kind, frozenset(), AT + 5, RunState.FAILED) for kind in (IntentKind.CLEAR, IntentKind.STOP)
    )
    both = dag(QUEUED, LOGICAL_DATE)
    assert accepted(both, before, clear).deadlines == ((0, AT + 65), (1, AT))
    assert accepted(both, before, clear).payer is None
    assert accepted(both, before, stop).deadlines == before.deadlines


def test_stopped_run_tells_why() -> None:
    intent = Intent("i", IntentKind.STOP, frozenset(), AT, RunState.FAILED, "timed_out")
    assert reason(done(dag(), Header(intent=intent), AT, ME)) == "timed_out"
    assert reason(Header(RunState.FAILED)) == "task_failure"
    assert reason(Header(RunState.SUCCESS)) == "success"


def test_debts_are_paid_by_one_at_a_time_until_that_one_must_be_dead() -> None:
    owing = Header(RunState.SUCCESS, owed=frozenset({OF_RUN}), payer=ME)
    assert claimed(owing, replace(YOU, since=AT + 29)) is None
    later = replace(YOU, since=AT + 30)
    assert claimed(owing, later) == replace(owing, payer=later)
    assert claimed(Header(), YOU) is None


def test_only_who_pays_notes_that_it_was_done() -> None:
    owing = Header(RunState.SUCCESS, owed=frozenset({OF_RUN}), payer=ME)
    assert paid(owing, frozenset({OF_RUN}), YOU) is None
    assert paid(owing, frozenset({OF_TASKS}), ME) is None
    assert paid(owing, frozenset({OF_RUN}), ME) == Header(RunState.SUCCESS, active=False)
    more = replace(owing, owed=frozenset({OF_RUN, OF_TASKS}))
    assert paid(more, frozenset({OF_TASKS}), None) == owing
    assert paid(replace(owing, deadlines=((0, AT),)), frozenset({OF_RUN}), ME) == Header(
        RunState.SUCCESS, deadlines=((0, AT),)
    )


def test_who_ends_a_run_pays_at_once_unless_its_tasks_come_first() -> None:
    told = Dag("d", (Task("t", "x"),), callbacks={CallbackEvent.SUCCESS: (CALLBACK,)})
    assert ended(told, Header(), RunState.SUCCESS, AT, ME).payer == ME
    both = replace(told, tasks=(Task("t", "x", callbacks={CallbackEvent.SUCCESS: (CALLBACK,)}),))
    assert ended(both, Header(), RunState.SUCCESS, AT, ME).payer is None
