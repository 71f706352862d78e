"""The EventBridge rules that a schedule wants, as plain values.

EventBridge reads six fields (minutes, hours, day of month, month, day of week, year) in UTC, exactly one of the two days a
`?`, Sunday = 1. A tick only says "look at this DAG": whether a run is due is decided by its timetable, so that a rule may
fire too often and never too seldom. A schedule in another zone fires at each offset that the zone knows, on every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from leeward.core.dag import Json

MAX_EXPRESSION: Final = 256
_YEARS: Final = 10
"""Offsets of a zone are looked up over so many years from its rules of today."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule on the default bus: a schedule expression of EventBridge's."""

    expression: str


def rules(schedule: Json, now: datetime) -> tuple[Rule, ...]:
    """The rules of a normalised schedule, without repetition, in a stable order. `now` is aware."""
    return _rules(schedule, now) if isinstance(schedule, Mapping) else ()


def _rules(schedule: Mapping[str, Any], now: datetime) -> tuple[Rule, ...]:
    kind = schedule["kind"]
    if kind == "cron":
        found = (text for cron in schedule["crons"] for text in _cron(cron, str(schedule["timezone"]), now))
        return tuple(_short(f"cron({text})") for text in sorted(set(found)))
    if kind == "aws_cron":
        return (Rule(f"cron({schedule['cron']})"),)
    if kind == "delta":
        return _delta(schedule)
    if kind == "events":
        return tuple(Rule(f"cron({_date(text)})") for text in sorted(set(schedule["dates"])))
    return ()


def _short(expression: str) -> Rule:
    """The rule; every minute where EventBridge would not take so long an expression (256 characters)."""
    return Rule(expression if len(expression) <= MAX_EXPRESSION else "rate(1 minute)")


def _delta(schedule: Mapping[str, Any]) -> tuple[Rule, ...]:
    """A rate has no phase that we could choose: a tick a minute where the minutes don't come out, else the rate itself."""
    minutes, rest = divmod(float(schedule["seconds"]), 60)
    if schedule.get("months") or rest or not minutes:
        return (Rule("rate(1 minute)"),)
    return (Rule(f"rate({int(minutes)} minute{'' if minutes == 1 else 's'})"),)


def _date(text: Any) -> str:
    moment = datetime.fromisoformat(str(text)).astimezone(UTC)
    return f"{moment.minute} {moment.hour} {moment.day} {moment.month} ? {moment.year}"


def _cron(cron: str, timezone: str, now: datetime) -> Iterable[str]:
    from croniter import croniter

    minutes, hours, *days = (_Field(part, size) for part, size in zip(croniter.expand(cron)[0], _SIZES, strict=False))
    plain = "#" not in cron and all(part.plain for part in days)
    offsets = _offsets(timezone, now)
    on = _days(*days) if plain and offsets == {timedelta()} else [_EVERY_DAY]
    for offset in offsets:
        for times in _shifted(minutes.numbers, hours.numbers, offset):
            yield from (f"{times} {day}" for day in on)


class _Field:
    """One field of an expression as croniter expands it: numbers, `*` for all, or letters such as `l` for the last day."""

    def __init__(self, part: Iterable[Any], size: tuple[int, int]) -> None:
        found, (first, self.count) = list(part), size
        self.plain = all(isinstance(number, int) or number == "*" for number in found)
        every = range(first, first + self.count)
        self.numbers = [number for number in every if "*" in found or number in found]
        self.all = len(self.numbers) == self.count


_SIZES: Final = ((0, 60), (0, 24), (1, 31), (1, 12), (0, 7))
_EVERY_DAY: Final = "* * ? *"


def _offsets(timezone: str, now: datetime) -> set[timedelta]:
    """Every offset from UTC that a zone has in the years to come."""
    zone = ZoneInfo(timezone)
    moments = (now + timedelta(days=days) for days in range(0, 366 * _YEARS, 7))
    return {moment.astimezone(zone).utcoffset() or timedelta() for moment in moments}


def _shifted(minutes: list[int], hours: list[int], offset: timedelta) -> Iterable[str]:
    """The times of a day in UTC, as texts of a minutes and an hours field."""
    shift = round(offset.total_seconds() / 60)
    by_hours: dict[frozenset[int], set[int]] = {}
    for minute in minutes:
        moved = frozenset((hour * 60 + minute - shift) // 60 % 24 for hour in hours)
        by_hours.setdefault(moved, set()).add((minute - shift) % 60)
    for moved, same in by_hours.items():
        yield f"{_text(same, 60)} {_text(moved, 24)}"


def _days(day: _Field, month: _Field, week: _Field) -> list[str]:
    """Day of month, month, day of week and year; two where both days are set, which cron reads as "or"."""
    months = _text(month.numbers, 12)
    by_month = f"{_text(day.numbers, 31)} {months} ? *"
    by_week = f"? {months} {_text([number + 1 for number in week.numbers], 7)} *"
    if week.all:
        return [by_month]
    return [by_week] if day.all else [by_month, by_week]


def _text(numbers: Iterable[int], count: int) -> str:
    found = sorted(numbers)
    return "*" if len(found) == count else ",".join(map(str, found))
