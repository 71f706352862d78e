"""When a DAG's runs are due: Airflow's timetables over normalised schedules (see `leeward.spec.schedule`).

`next_run` is Airflow's `next_dagrun_info`: given the last scheduled run and the time, the run that comes next, due now or
later. A run stands for a data interval; for the trigger timetables, the default, the interval is a moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from leeward.core.dag import Dag, Json
from leeward.worker.values import build

MIN_BUFFER = timedelta(minutes=5)
"""A DAG without a start date whose last moment is this recent, or a tenth of its period, runs for it: Airflow's rule."""


@dataclass(frozen=True, slots=True)
class Due:
    """One scheduled run. Dates are aware, in UTC; `run_after` is when it may start."""

    logical_date: datetime
    start: datetime
    end: datetime
    run_after: datetime


class Moments(Protocol):
    """The moments of a schedule."""

    def after(self, moment: datetime) -> datetime:
        """The first one after a moment."""

    def before(self, moment: datetime) -> datetime:
        """The last one before a moment."""

    def aligned_next(self, moment: datetime) -> datetime:
        """The moment itself if it is one, else the next."""

    def aligned_prev(self, moment: datetime) -> datetime:
        """The moment itself if it is one, else the one before."""


@dataclass(frozen=True, slots=True)
class CronMoments:
    """The moments of one or several five-field expressions in a time zone, as croniter reads them."""

    crons: tuple[str, ...]
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """See `Moments.after`."""
        return min(self._step(cron, moment, forward=True) for cron in self.crons)

    def before(self, moment: datetime) -> datetime:
        """See `Moments.before`."""
        return max(self._step(cron, moment, forward=False) for cron in self.crons)

    def aligned_next(self, moment: datetime) -> datetime:
        """See `Moments.aligned_next`."""
        following = self.after(moment)
        return moment if self.before(following) == moment else following

    def aligned_prev(self, moment: datetime) -> datetime:
        """See `Moments.aligned_prev`."""
        previous = self.before(moment)
        return moment if self.after(previous) == moment else previous

    def _step(self, cron: str, moment: datetime, *, forward: bool) -> datetime:
        from croniter import croniter

        local = moment.astimezone(self.zone)
        found = croniter(cron, local)
        step: datetime = found.get_next(datetime) if forward else found.get_prev(datetime)
        return step.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DeltaMoments:
    """Moments a fixed time apart; they have no origin of their own, so that every moment is one of them."""

    seconds: float
    months: int

    def after(self, moment: datetime) -> datetime:
        """See `Moments.after`."""
        return self._shifted(moment, 1)

    def before(self, moment: datetime) -> datetime:
        """See `Moments.before`."""
        return self._shifted(moment, -1)

    def aligned_next(self, moment: datetime) -> datetime:
        """See `Moments.aligned_next`."""
        return moment

    def aligned_prev(self, moment: datetime) -> datetime:
        """See `Moments.aligned_prev`."""
        return moment

    def _shifted(self, moment: datetime, times: int) -> datetime:
        from dateutil.relativedelta import relativedelta

        shifted: datetime = moment + relativedelta(months=times * self.months) + times * timedelta(seconds=self.seconds)
        return shifted


def next_run(dag: Dag, last: Due | None, now: datetime) -> Due | None:
    """The run after `last` (None = none yet), or None if there is no further one. Dates are aware, in UTC."""
    schedule = dag.schedule
    if not isinstance(schedule, Mapping):
        return None
    bounds = Bounds(_date(dag.start_date), _date(dag.end_date), dag.catchup)
    if schedule["kind"] == "once":
        return None if last is not None else bounds.within(_moment(bounds.earliest or now))
    if schedule["kind"] == "events":
        return _next_event(schedule, last, now, bounds)
    moments = _moments(schedule)
    if moments is None:
        return None
    if "DataInterval" in str(schedule.get("timetable")):
        return _interval(moments, last, now, bounds)
    return _trigger(moments, schedule, last, now, bounds)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a DAG says about its runs' dates."""

    earliest: datetime | None
    latest: datetime | None
    catchup: bool

    def within(self, due: Due | None) -> Due | None:
        """The run, unless it lies behind the end date."""
        beyond = due is None or (self.latest is not None and due.start > self.latest)
        return None if beyond else due


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
    if bounds.latest is not None and first > bounds.latest:
        return None
    start = first - timedelta(seconds=float(schedule.get("interval_seconds", 0.0)))
    return Due(start, start, first, first)


def _first(moments: Moments, schedule: Mapping[str, Any], now: datetime) -> datetime:
    """The first run of a DAG without a start date: the last moment if it is recent, else the next."""
    past, following = moments.aligned_prev(now), moments.aligned_next(now)
    immediately = schedule.get("run_immediately")
    if immediately is True or isinstance(moments, DeltaMoments):
        return past
    buffer = max((following - past) / 10, MIN_BUFFER)
    if isinstance(immediately, Mapping):
        buffer = build(immediately)
    return past if now - past <= buffer else following


def _interval(moments: Moments, last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    """The next run of a data-interval timetable, which may start when its interval is over."""
    earliest = bounds.earliest
    if not bounds.catchup:
        latest_start = moments.before(moments.aligned_prev(now))
        earliest = latest_start if earliest is None else max(latest_start, moments.aligned_next(earliest))
    elif earliest is not None:
        earliest = moments.aligned_next(earliest)
    if last is None:
        start = earliest
    else:
        start = moments.aligned_prev(last.end)
        start = start if earliest is None else max(start, earliest)
        if start <= last.start:  # the schedule has changed meanwhile: no two runs are about one date
            start = moments.after(start)
    if start is None or (bounds.latest is not None and start > bounds.latest):
        return None
    end = moments.after(start)
    return Due(start, start, end, end)


def _next_event(schedule: Mapping[str, Any], last: Due | None, now: datetime, bounds: Bounds) -> Due | None:
    dates = sorted(moment for text in schedule["dates"] if (moment := _date(text)) is not None)
    floor = max((moment for moment in dates if moment <= now), default=None)
    for moment in dates:
        if last is not None and moment <= last.run_after:
            continue
        if bounds.earliest is not None and moment < bounds.earliest:
            continue
        if not bounds.catchup and floor is not None and moment < floor:
            continue
        return bounds.within(_moment(moment))
    return None


def _moments(schedule: Mapping[str, Any]) -> Moments | None:
    if schedule["kind"] == "cron":
        return CronMoments(tuple(schedule["crons"]), ZoneInfo(schedule["timezone"]))
    if schedule["kind"] == "aws_cron":
        return CronMoments((_from_aws(schedule["cron"]),), ZoneInfo("UTC"))
    if schedule["kind"] == "delta":
        return DeltaMoments(float(schedule["seconds"]), int(schedule.get("months", 0)))
    return None


def _from_aws(cron: str) -> str:
    """AWS's six fields as croniter's seven (seconds and year last): Sunday is 0 here, the last Friday `L5`, not `6L`."""
    minutes, hours, day, month, week, year = cron.replace("?", "*").split()
    week = re.sub(r"(?<![#/\dA-Z])(\d)(L?)(?=$|[,#-])", lambda found: f"{found[2]}{int(found[1]) - 1}", week)
    return f"{minutes} {hours} {day} {month} {week} 0 {year}"


def _moment(moment: datetime) -> Due:
    return Due(moment, moment, moment, moment)


def _date(text: Json) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text)).astimezone(UTC)
