"""When a DAG's runs are due: Airflow's timetables over normalised schedules (see `leeward.spec.schedule`).

`next_run` is Airflow's `next_dagrun_info`: given the last scheduled run and the time, the run that comes next, due now or
later. A run stands for a data interval; for the trigger timetables, the default, the interval is a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leeward.core.dag import Dag, Json
from leeward.spec.moments import BEFORE_ALL, NEVER, DeltaMoments, Moments, moments_of
from leeward.worker.values import build

MIN_BUFFER: Final = timedelta(minutes=5)
"""A DAG without a start date whose last moment is this recent, or a tenth of its period, runs for it: Airflow's rule."""


class Unsettled(Exception):  # noqa: N818 - no mistake: the next look, a minute later, can tell
    """A clock was just set, so that no data interval ends now. Airflow fails an assertion, and looks again."""


@dataclass(frozen=True, slots=True)
class Due:
    """One scheduled run. Dates are aware, in UTC; `run_after` is when it may start."""

    logical_date: datetime
    start: datetime
    end: datetime
    run_after: datetime


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a DAG says about its runs' dates."""

    earliest: datetime | None
    latest: datetime | None
    catchup: bool

    def beyond(self, moment: datetime) -> bool:
        """Whether a moment lies behind the end date, or is none."""
        return moment == NEVER or (self.latest is not None and moment > self.latest)


def next_run(dag: Dag, last: Due | None, now: datetime) -> Due | None:
    """The run after `last` (None = none yet), or None if there is no further one. Dates are aware, in UTC.

    Raises Unsettled where the time has to go on first.
    """
    schedule = dag.schedule
    if not isinstance(schedule, Mapping):
        return None
    bounds = bounds_of(dag)
    if schedule["kind"] == "once":
        return _once(last, now, bounds)
    if schedule["kind"] == "continuous":
        return _continuous(last, now, bounds)
    if schedule["kind"] == "events":
        return _events(schedule, last, now, bounds)
    return _periodic(schedule, last, now, bounds)


def overtaken(dag: Dag, planned: Due, now: datetime) -> bool:
    """Whether a later run than the planned one is due by now, in a DAG that makes up only for the latest."""
    if dag.catchup or not isinstance(dag.schedule, Mapping):
        return False
    return any(moments.after(planned.run_after) <= now for moments in moments_of(dag.schedule))


def bounds_of(dag: Dag) -> Bounds:
    """The dates between which a DAG is scheduled: its own, or else those of its tasks, as in Airflow."""
    starts = [dag.start_date] if dag.start_date else [task.start_date for task in dag.tasks]
    ends = [dag.end_date] if dag.end_date else [task.end_date for task in dag.tasks]
    return Bounds(
        min(filter(None, map(_date, starts)), default=None),
        max(filter(None, map(_date, ends)), default=None) if all(ends) else None,
        dag.catchup,
    )


def _once(last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    moment = bounds.earliest or now
    return None if last is not None or bounds.beyond(moment) else _moment(moment)


def _continuous(last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    """One run after the other, each about the time since the one before."""
    start = (bounds.earliest or now) if last is None else last.end
    end = max(start, now)
    return None if bounds.beyond(end) else Due(start, start, end, end)


def _events(schedule: Mapping[str, Any], last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    earliest = bounds.earliest
    if not bounds.catchup:
        earliest = now if earliest is None else max(now, earliest)
    for moment in sorted(filter(None, map(_date, schedule["dates"]))):
        if (earliest is None or moment >= earliest) and (last is None or moment > last.end):
            return None if bounds.beyond(moment) else _moment(moment)
    return None


def _periodic(schedule: Mapping[str, Any], last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    """The next run of several expressions: the first, or, where only the latest counts, the last that is due."""
    found = [_next_of(moments, schedule, last, now, bounds) for moments in moments_of(schedule)]
    runs = [due for due in found if due is not None]
    past = [] if bounds.catchup else [due for due in runs if due.logical_date <= now]
    if past:
        return max(past, key=_logical_date)
    return min(runs, key=_logical_date, default=None)


def _next_of(
    moments: Moments, schedule: Mapping[str, Any], last: Due | None, now: datetime, bounds: Bounds
) -> Due | None:
    if "DataInterval" in str(schedule.get("timetable")):
        return _interval(moments, last, now, bounds)
    return _trigger(moments, schedule, last, now, bounds)


def _trigger(
    moments: Moments, schedule: Mapping[str, Any], last: Due | None, now: datetime, bounds: Bounds
) -> Due | None:
    if last is not None:
        first = moments.after(last.end)
    elif bounds.earliest is not None:
        first = moments.aligned_next(bounds.earliest)
    else:
        first = _first(moments, schedule, now)
    if not bounds.catchup:
        first = max(first, moments.aligned_prev(now))
        if bounds.earliest is not None:
            first = max(first, moments.aligned_next(bounds.earliest))
    if bounds.beyond(first):
        return None
    start = first - timedelta(seconds=float(schedule.get("interval_seconds", 0.0)))
    return Due(start, start, first, first)


def _first(moments: Moments, schedule: Mapping[str, Any], now: datetime) -> datetime:
    """The first run of a DAG without a start date: the last moment if it is recent, else the next."""
    past, following = moments.aligned_prev(now), moments.aligned_next(now)
    immediately = schedule.get("run_immediately")
    if immediately is True or isinstance(moments, DeltaMoments):
        return past
    buffer = MIN_BUFFER if following == NEVER else max((following - past) / 10, MIN_BUFFER)
    if isinstance(immediately, Mapping):
        buffer = build(immediately)
    return past if now - past <= buffer else following


def _interval(moments: Moments, last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    """The next run of a data-interval timetable, which may start when its interval is over."""
    earliest = bounds.earliest
    if not bounds.catchup:
        earliest = _latest_interval(moments, now, earliest)
    elif earliest is not None:
        earliest = moments.aligned_next(earliest)
    if last is None:
        start = earliest
    else:
        start = moments.aligned_prev(last.end)
        start = start if earliest is None else max(start, earliest)
        if start <= last.start:  # the schedule has changed meanwhile: no two runs are about one date
            start = moments.after(start)
    if start is None or bounds.beyond(start):
        return None
    end = moments.after(start)
    return None if end == NEVER else Due(start, start, end, end)


def _latest_interval(moments: Moments, now: datetime, earliest: datetime | None) -> datetime:
    """The start of the last interval that is over, or of the first one after the start date."""
    if isinstance(moments, DeltaMoments):
        start = moments.before(moments.floor(now, earliest or now))
        return start if earliest is None else max(start, earliest)
    start = moments.before(now)
    following = moments.after(start)
    if following < now:
        raise Unsettled
    if start == BEFORE_ALL:  # nothing has ended yet
        start = following
    elif following != now:
        start = moments.before(start)
    return start if earliest is None else max(start, moments.aligned_next(earliest))


def _logical_date(due: Due) -> datetime:
    return due.logical_date


def _moment(moment: datetime) -> Due:
    return Due(moment, moment, moment, moment)


def _date(text: Json) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text)).astimezone(UTC)
