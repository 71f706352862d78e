"""Which callbacks a change of state owes. The write that makes the debt stores it, so that no killed function loses one.

Airflow calls them where a try was on its way: what a trigger rule, a branch or a verb decides calls nothing.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from leeward.contract import STALE_DEBT_SECONDS
from leeward.core.dag import CallbackEvent, Dag, Task
from leeward.core.run import Entry, Header, Payer
from leeward.core.states import RUN_FINISHED, RunState, TaskState

OF_TASKS: Final = "tasks"
OF_RUN: Final = "run"
OF_FAILURES: Final = "failures"
"""What the end of a run may owe: callbacks of its tasks, its own, and a look at how many runs have failed in a row."""

EVENTS: Final = MappingProxyType(
    {
        TaskState.SUCCESS: CallbackEvent.SUCCESS,
        TaskState.FAILED: CallbackEvent.FAILURE,
        TaskState.UP_FOR_RETRY: CallbackEvent.RETRY,
        TaskState.SKIPPED: CallbackEvent.SKIPPED,
    }
)
"""The event of a try that ended in a state."""

RUN_EVENTS: Final = MappingProxyType({RunState.SUCCESS: CallbackEvent.SUCCESS, RunState.FAILED: CallbackEvent.FAILURE})


def owing(task: Task, after: Entry) -> Entry:
    """The entry of a try that has ended so, with the debt that it leaves."""
    return replace(after, owes=True) if EVENTS.get(after.state) in task.callbacks else after


def owed_by_end(dag: Dag, state: RunState) -> frozenset[str]:
    """What a run that ends in this state owes: its active index keeps it until all of that is delivered."""
    tasks = {OF_TASKS} if dag.calls_back else set[str]()
    run = {OF_RUN} if dag.tasks and RUN_EVENTS[state] in dag.callbacks else set[str]()
    failures = {OF_FAILURES} if state is RunState.FAILED and dag.max_consecutive_failed_dag_runs else set[str]()
    return frozenset(tasks | run | failures)


def reason(header: Header) -> str:
    """Airflow's word for why the run has ended."""
    return header.reason or ("success" if header.state is RunState.SUCCESS else "task_failure")


def claimed(header: Header, payer: Payer) -> Header | None:
    """The header with `payer` as the one who calls what the run owes; None if somebody else is, and not for too long."""
    other = header.payer
    if not header.owed or (other is not None and payer.since - other.since < STALE_DEBT_SECONDS):
        return None
    return replace(header, payer=payer)


def paid(header: Header, debts: frozenset[str], payer: Payer | None) -> Header | None:
    """The header without those debts; None if there are none, or `payer`, who called, is not at it any more."""
    if not header.owed & debts or (payer is not None and header.payer != payer):
        return None
    owed = header.owed - debts
    active = header.state not in RUN_FINISHED or bool(owed or header.deadlines)
    return replace(header, owed=owed, active=active, payer=header.payer if owed else None)
