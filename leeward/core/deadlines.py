"""Deadlines of a run: when they are, and which are missed. Airflow's rules (`models/deadline.py` of 3.3).

They are computed when the run is created. A run that succeeds in time takes its deadlines with it; one that succeeds late
has missed them; one that fails misses each when its time comes, as if it were still running.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from leeward.core.dag import Dag, DeadlineAlert, DeadlineReference
from leeward.core.run import Header, Payer, RunInfo
from leeward.core.states import RunState

OF_DEADLINE: Final = "deadline"
"""With the place of an alert and the time behind it: the debt of a deadline that was missed."""


def created(dag: Dag, info: RunInfo, now: float, durations: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """The deadlines of a run that is created now. `durations` are seconds of completed runs, the last one first.

    An alert whose reference says nothing makes none: a run without a logical date, too few completed runs.
    """
    found: list[tuple[int, float]] = []
    for place, alert in enumerate(dag.deadlines if dag.tasks else ()):
        start = _start(alert, info, now, durations)
        if start is not None:
            found.append((place, start + alert.interval_seconds))
    return tuple(found)


def _start(alert: DeadlineAlert, info: RunInfo, now: float, durations: Sequence[float]) -> float | None:
    if alert.reference is DeadlineReference.DAGRUN_QUEUED_AT:
        return now
    if alert.reference is DeadlineReference.AVERAGE_RUNTIME:
        counted = durations[: alert.max_runs]
        return now + sum(counted) / len(counted) if len(counted) >= alert.min_runs else None
    moment = alert.moment if alert.reference is DeadlineReference.FIXED_DATETIME else info.logical_date
    return None if moment is None else datetime.fromisoformat(moment).timestamp()


def queued_again(dag: Dag, header: Header, now: float) -> tuple[tuple[int, float], ...]:
    """The deadlines of a run that is queued again: those that are counted from there begin anew."""
    alerts = dag.deadlines
    return tuple(
        (place, now + alerts[place].interval_seconds)
        if alerts[place].reference is DeadlineReference.DAGRUN_QUEUED_AT
        else (place, due)
        for place, due in header.deadlines
    )


def overdue(header: Header, now: float) -> tuple[tuple[int, float], ...]:
    """The deadlines that have passed. A run that ends at the very moment is in time."""
    return tuple(each for each in header.deadlines if each[1] < now)


def left_by_end(header: Header, state: RunState, now: float) -> tuple[tuple[int, float], ...]:
    """The deadlines that a run which ends so may still miss."""
    return () if state is RunState.SUCCESS else tuple(each for each in header.deadlines if each[1] >= now)


def missed(header: Header, now: float, payer: Payer) -> Header | None:
    """The header in which what has passed is owed, by `payer` unless somebody is paying; None if nothing has.

    While a verb is on its way nothing is missed: it may take the deadline away.
    """
    late = overdue(header, now)
    if not late or header.intent is not None:
        return None
    left = tuple(each for each in header.deadlines if each not in late)
    return replace(header, deadlines=left, owed=header.owed | debts(late), payer=header.payer or payer)


def debts(deadlines: Iterable[tuple[int, float]]) -> frozenset[str]:
    """What missed deadlines owe. Times are kept in hundredths of a second, as all stored times are."""
    return frozenset(f"{OF_DEADLINE}{place}.{round(due * 100)}" for place, due in deadlines)


def deadline_of(debt: str) -> tuple[int, float] | None:
    """The deadline that a debt is about, its alert's place and its time; None if it is about something else."""
    if not debt.startswith(OF_DEADLINE):
        return None
    place, hundredths = debt.removeprefix(OF_DEADLINE).split(".")
    return int(place), int(hundredths) / 100
