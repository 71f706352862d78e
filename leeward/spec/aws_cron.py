"""Cron expressions as AWS writes them: minutes, hours, day of month, month, day of week, year; Sunday is 1.

Exactly one of the two days is a `?`. Read is what AWS documents and nothing beyond: what EventBridge might take or leave is
refused here, so that a spec that compiles also deploys.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_CHARACTERS: Final = 256 - len("cron()")
"""EventBridge takes 256 characters with what stands around them (PutRule and CreateSchedule)."""

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEK: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART: Final = re.compile(r"(?:\*|([0-9A-Z]+)(?:-([0-9A-Z]+))?)(?:/([0-9]+))?")


@dataclass(frozen=True, slots=True)
class AwsCron:
    """An expression, read. `day` and `week` are the texts of the two days, checked; the numbers are sorted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day: str
    months: tuple[int, ...]
    week: str
    years: tuple[int, ...]

    @property
    def every_hour(self) -> bool:
        """Whether it fires in every hour of its days."""
        return len(self.hours) == 24

    def after(self, moment: datetime) -> datetime | None:
        """The first time after one, both without a zone."""
        day = moment.replace(hour=0, minute=0)
        for date in self._dates(day, forward=True):
            found = [time for time in self._times(date) if time > moment]
            if found:
                return found[0]
        return None

    def before(self, moment: datetime) -> datetime | None:
        """The last time before one, both without a zone."""
        day = moment.replace(hour=0, minute=0)
        for date in self._dates(day, forward=False):
            found = [time for time in self._times(date) if time < moment]
            if found:
                return found[-1]
        return None

    def _times(self, date: datetime) -> list[datetime]:
        return [date + timedelta(hours=hour, minutes=minute) for hour in self.hours for minute in self.minutes]

    def _dates(self, day: datetime, *, forward: bool) -> Iterator[datetime]:
        """The days on which it fires, from that one on or back."""
        years = (
            self.years[bisect_left(self.years, day.year) :]
            if forward
            else self.years[: bisect_right(self.years, day.year)]
        )
        for year in years if forward else reversed(years):
            for month in self.months if forward else reversed(self.months):
                days = self._days(year, month)
                for number in days if forward else reversed(days):
                    date = datetime(year, month, number)  # noqa: DTZ001 - times of a clock on the wall
                    if date.date() >= day.date() if forward else date.date() <= day.date():
                        yield date

    def _days(self, year: int, month: int) -> list[int]:
        first, last = monthrange(year, month)
        if self.week == "?":
            return _days_of_month(self.day, (first + 1) % 7, last)
        return _days_of_week(self.week, (first + 1) % 7, last)


def parse_aws_cron(text: str) -> AwsCron:
    """Read six fields. Raises ValueError with what is wrong in words."""
    minutes, hours, day, month, week, year = text.upper().split()
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"longer than {MAX_CHARACTERS} characters")
    if (day == "?") == (week == "?"):
        raise ValueError("one of day of month and day of week must be `?`, and only one")
    _check_day(day)
    _check_week(week)
    return AwsCron(
        _numbers(minutes, "minutes", 0, 59),
        _numbers(hours, "hours", 0, 23),
        day,
        _numbers(month, "month", 1, 12, _MONTHS),
        week,
        _numbers(year, "year", 1970, 2199),
    )


def _check_day(day: str) -> None:
    if day in ("?", "L"):
        return
    number = day.removesuffix("W")
    if number != day and not (number.isdecimal() and 1 <= int(number) <= 31):
        raise ValueError(f"{day!r}: a W stands behind one day, as in 15W")
    _numbers(number, "day of month", 1, 31)


def _check_week(week: str) -> None:
    if week in ("?", "L"):
        return
    name, hash_, nth = week.partition("#")
    if hash_ and not (nth.isdecimal() and 1 <= int(nth) <= 5):
        raise ValueError(f"{week!r}: a # stands behind one day, with a number from 1 to 5, and alone")
    name = name if hash_ else week.removesuffix("L")
    found = _numbers(name, "day of week", 1, 7, _WEEK)
    if "/" in week:
        raise ValueError(f"{week!r}: days of the week have no steps")
    if name != week and len(found) != 1:
        raise ValueError(f"{week!r}: # and L stand behind one day, as in 6#2 and 6L")


def _numbers(text: str, name: str, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[int, ...]:
    """The numbers of a field of lists, ranges and steps. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no {name}")
        first, last, step = match.groups()
        start = low if first is None else _number(first, name, low, high, names)
        end = high if first is None or (last is None and step) else start
        end = end if last is None else _number(last, name, low, high, names)
        if end < start or step == "0":
            raise ValueError(f"{part!r} holds no {name}")
        found.update(range(start, end + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    number = names.index(text) + low if text in names else int(text) if text.isdecimal() else -1
    if not low <= number <= high:
        raise ValueError(f"{text!r} is out of range for {name} ({low}-{high})")
    return number


def _days_of_month(day: str, first: int, last: int) -> list[int]:
    """`first` is the weekday (Sunday = 0) of the first of a month that has `last` days."""
    if day == "L":
        return [last]
    if not day.endswith("W"):
        return [number for number in _numbers(day, "", 1, 31) if number <= last]
    number = int(day[:-1])
    if number > last:
        return []
    weekday = (first + number - 1) % 7
    if weekday == 6:
        return [number - 1 if number > 1 else number + 2]
    if weekday == 0:
        return [number + 1 if number < last else number - 2]
    return [number]


def _days_of_week(week: str, first: int, last: int) -> list[int]:
    """The same by days of the week."""
    name, _, nth = week.partition("#")
    wanted = (7,) if week == "L" else _numbers(name if nth else week.removesuffix("L"), "", 1, 7, _WEEK)
    days = [day for day in range(1, last + 1) if (first + day - 1) % 7 + 1 in wanted]
    if nth:
        return days[int(nth) - 1 : int(nth)]
    return days[-1:] if week.endswith("L") and week != "L" else days
