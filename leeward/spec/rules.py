"""What makes a schedule's ticks come: rules of EventBridge, or schedules of EventBridge Scheduler, as plain values.

A tick only says "look at this DAG": whether a run is due is decided by its timetable, in the scheduler function and in the
sweep of every minute. So an expression may fire too often, and where no expression says what a schedule means there is none
and the sweep alone finds the run. `docs/schedules.md` has the answer for each form.

EventBridge's rules read six fields (minutes, hours, day of month, month, day of week, year) in UTC, exactly one of the two
days a `?`, Sunday = 1. A time zone, an end and the phase of a rate are beyond them: those are for the Scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leeward.core.dag import Dag
from leeward.spec.moments import NEVER, moments_of
from leeward.spec.timetable import bounds_of


@dataclass(frozen=True, slots=True)
class Rule:
    """One expression of EventBridge's that sends ticks.

    One with a `timezone` (an IANA name), a `start` or an `end` (ISO 8601, UTC) is for EventBridge Scheduler.
    """

    expression: str
    timezone: str | None = None
    start: str | None = None
    end: str | None = None

    @property
    def plain(self) -> bool:
        """Whether a rule of the bus can say it."""
        return self.timezone is None and self.start is None and self.end is None


def rules(dag: Dag, due: datetime | None, now: datetime) -> tuple[Rule, ...]:
    """What a DAG's ticks need, in a stable order. `due` is when its next run may start; None = there is none."""
    schedule = dag.schedule
    if due is None or not isinstance(schedule, Mapping):
        return ()
    end = _end(dag, schedule)
    if end is not None and utc(end) <= now:  # what is left to make up for is the sweep's
        return ()
    if schedule["kind"] == "delta":
        return _rate(schedule, due, now, end)
    zone = str(schedule.get("timezone", "UTC"))
    if zone[0] in "+-":  # an offset is no name of a zone
        return ()
    timezone = None if zone == "UTC" else zone
    return tuple(Rule(f"cron({text})", timezone, None, end) for text in sorted(set(_crons(schedule, now))))


def _end(dag: Dag, schedule: Mapping[str, Any]) -> str | None:
    """A minute after the last run may start: AWS does not say whether an end is part of the time before it."""
    latest = bounds_of(dag).latest
    if latest is not None and "DataInterval" in str(schedule.get("timetable")):
        latest = max(moments.after(latest) for moments in moments_of(schedule))
    return None if latest is None or latest == NEVER else (latest + timedelta(minutes=1)).isoformat()


def _rate(schedule: Mapping[str, Any], due: datetime, now: datetime, end: str | None) -> tuple[Rule, ...]:
    """Whole minutes from the next run on; what does not come out in minutes is left to the sweep."""
    minutes, rest = divmod(float(schedule["seconds"]), 60)
    if schedule.get("months") or rest or not minutes:
        return ()
    period = timedelta(minutes=minutes)
    start = due + max(0, -((due - now) // period)) * period
    unit = "minute" if minutes == 1 else "minutes"
    return (Rule(f"rate({int(minutes)} {unit})", None, start.isoformat(), end),)


def _crons(schedule: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """The expressions that have a moment to come: AWS may refuse one that has none."""
    given = [schedule["cron"]] if schedule["kind"] == "aws_cron" else schedule.get("crons", ())
    for cron, moments in zip(given, moments_of(schedule), strict=True):
        if moments.after(now) != NEVER:
            yield from [cron] if schedule["kind"] == "aws_cron" else _cron(cron)


def _cron(cron: str) -> Iterator[str]:
    """One of croniter's expressions as those of AWS: several where both days are set, which cron reads as "or".

    None is longer than 240 characters, of the 256 that EventBridge takes.
    """
    from croniter import croniter

    (minutes, hours, day, month, week), nth = croniter.expand(cron)
    nearest = re.search(r"[0-9]+(?=W)|(?<=W)[0-9]+", cron.split()[2].upper())
    for on_day, on_weekday in _dates(day, week, nth, nearest[0] if nearest else None):
        yield f"{_text(minutes, 0, 60)} {_text(hours, 0, 24)} {on_day} {_text(month, 1, 12)} {on_weekday} *"


def _dates(
    day: list[Any], week: list[Any], nth: Mapping[int, Iterable[Any]], nearest: str | None
) -> list[tuple[str, str]]:
    """Day of month and day of week, as often as AWS has to be told.

    To croniter the nth weekday of a month, its last, or the weekday nearest to a day win over the other field. What AWS
    can't say has no expression: both at once, which means days that are both, and the weekday nearest to a day that some
    months lack, for which croniter takes their last.
    """
    if nearest:
        return [] if nth or int(nearest) > 28 else [(f"{nearest}W", "?")]
    if nth:
        return [("?", place) for place in _places(nth)]
    by_week = [] if week == ["*"] else [("?", _text([number + 1 for number in week], 1, 7))]
    return [(text, "?") for text in _days_of_month(day)] + by_week or [("*", "?")]


def _days_of_month(day: list[Any]) -> Iterator[str]:
    numbers = [number for number in day if number not in ("*", "l")]
    if numbers:
        yield _text(numbers, 1, 31)
    if "l" in day:
        yield "L"


def _places(nth: Mapping[int, Iterable[Any]]) -> Iterator[str]:
    """An expression has place for one day with a `#` or an `L`, and Sunday is 1."""
    for day, places in nth.items():
        for place in places:
            yield f"{day + 1}L" if place == "l" else f"{day + 1}#{place}"


def _text(field: Iterable[Any], first: int, count: int) -> str:
    """Numbers as AWS writes them: `*` for all, `-` for three or more in a row."""
    numbers = [number for number in range(first, first + count) if "*" in field or number in field]
    if len(numbers) == count:
        return "*"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def utc(text: str) -> datetime:
    """A rule's start or end as a date."""
    return datetime.fromisoformat(text).astimezone(UTC)
