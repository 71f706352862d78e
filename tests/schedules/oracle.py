"""When runs are, said a second time: croniter on the clock on the wall, and Airflow's rule for clocks that are set, by pendulum.

For what AWS wrote, the clock on the wall is read by `aws_reading` in croniter's place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

import pendulum
from croniter import CroniterBadDateError, croniter

from tests.schedules.aws_reading import Reading

FIRST, LAST = date(2024, 1, 1), date(2033, 12, 31)
"""Ten years with three leap days."""

ALL_DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


class Wall(Protocol):
    """What fires on a clock on the wall."""

    def step(self, wall: datetime, *, forward: bool) -> datetime | None:
        """The time that follows one, or the one before."""


@dataclass(frozen=True)
class ByCroniter:
    """Five fields."""

    cron: str

    def step(self, wall: datetime, *, forward: bool) -> datetime | None:
        found = _croniter(self.cron)
        try:
            step: datetime = (found.get_next if forward else found.get_prev)(datetime, start_time=wall)
        except CroniterBadDateError:
            return None
        return step


@dataclass(frozen=True)
class ByReading:
    """What AWS wrote, within the ten years and two on each side."""

    reading: Reading

    def step(self, wall: datetime, *, forward: bool) -> datetime | None:
        days, times = _sorted_days(self.reading), sorted(aws_times(self.reading))
        place = bisect_left(days, wall.date())
        near = days[place : place + 2] if forward else days[max(0, place - 1) : place + 1]
        found = [datetime(day.year, day.month, day.day, *time) for day in near for time in times]
        if forward:
            return next((moment for moment in found if moment > wall), None)
        return next((moment for moment in reversed(found) if moment < wall), None)


@cache
def _sorted_days(found: Reading) -> list[date]:
    more = timedelta(days=800)
    return sorted(
        day
        for day in (FIRST - more + timedelta(days=n) for n in range((LAST - FIRST + 2 * more).days))
        if found.on(day)
    )


@cache
def _croniter(cron: str) -> croniter:
    return croniter(cron)


@dataclass(frozen=True)
class Airflow:
    """Airflow's `CronMixin` and what its timetables make of it, in the words of its release 3.3."""

    wall: Wall
    every_hour: bool
    zone: str

    def step(self, moment: datetime, *, forward: bool = True) -> datetime | None:
        """`_get_next`, or `_get_prev`; None where the expression has no further time."""
        timezone = pendulum.timezone(self.zone)
        current = pendulum.instance(moment).in_timezone(timezone)
        local = datetime(current.year, current.month, current.day, current.hour, current.minute, current.second)
        found = self.wall.step(local, forward=forward)
        if found is None:
            return None
        if self.every_hour:
            return moment + (found - local)
        return datetime.fromtimestamp(timezone.convert(found.replace(fold=1)).timestamp(), UTC)

    def runs(self, start: datetime) -> Iterator[datetime]:
        """The moments after one, step by step."""
        moment = self.step(start)
        while moment is not None:
            yield moment
            moment = self.step(moment)

    def intervals(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The data intervals after one."""
        while True:
            before = self.step(end, forward=False)
            if before is None:
                return
            begin = end if self.step(before) == end else before
            if begin <= start:
                begin = self.step(begin) or begin
            following = self.step(begin)
            if following is None or begin <= start:
                return
            yield begin, following
            start, end = begin, following


@cache
def cron_days(days: str) -> frozenset[date]:
    """Every day of the ten years on which croniter fires, for the last three fields of an expression."""
    found, end = croniter(f"0 0 {days}", datetime(2023, 12, 31, 12)), datetime(2034, 1, 1)
    seen = set()
    try:
        while (moment := found.get_next(datetime)) < end:
            seen.add(moment.date())
    except CroniterBadDateError:
        pass
    return frozenset(seen)


@cache
def cron_times(times: str) -> frozenset[tuple[int, int]]:
    """Every time of a day at which croniter fires, for the first two fields."""
    found, end = croniter(f"{times} * * *", datetime(2023, 12, 31, 23, 59)), datetime(2024, 1, 2)
    seen = set()
    while (moment := found.get_next(datetime)) < end:
        seen.add((moment.hour, moment.minute))
    return frozenset(seen)


@cache
def aws_days(found: Reading) -> frozenset[date]:
    """The same of an expression of AWS's."""
    return frozenset(day for day in ALL_DAYS if found.on(day))


@cache
def aws_times(found: Reading) -> frozenset[tuple[int, int]]:
    """The same of an expression of AWS's."""
    return frozenset((hour, minute) for hour in range(24) for minute in range(60) if found.at(hour, minute))


@cache
def clock_changes(zone: str) -> tuple[datetime, ...]:
    """The moments of the ten years at which a zone's clocks are set, to the minute."""
    local = ZoneInfo(zone)
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)

    def offset(minute: int) -> timedelta | None:
        return (begin + timedelta(minutes=minute)).astimezone(local).utcoffset()

    found = []
    for day in range(len(ALL_DAYS)):
        low, high = day * 1440, (day + 1) * 1440
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(begin + timedelta(minutes=high))
    return tuple(found)
