"""AWS's schedule expressions, read a second time: from AWS's documentation, and sharing no code with Leeward's own reading.

It answers yes or no, for a day and for a time of day, where Leeward enumerates.
Sources: "Cron expressions reference" of the EventBridge user guide, "Schedule types" of the EventBridge Scheduler user guide.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

MONTH_NAMES = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAY_NAMES = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (1, 7), "year": (1970, 2199)}


@dataclass(frozen=True)
class Reading:
    """`cron(...)`, its six fields by name."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str
    year: str

    def at(self, hour: int, minute: int) -> bool:
        """Whether it fires at that time of the days on which it fires."""
        return _holds(self.hour, "hour", hour) and _holds(self.minute, "minute", minute)

    def on(self, day: date) -> bool:
        """Whether it fires on that day."""
        if not (_holds(self.month, "month", day.month) and _holds(self.year, "year", day.year)):
            return False
        return self._on_day(day) if self.weekday == "?" else self._on_weekday(day)

    def _on_day(self, day: date) -> bool:
        if self.day == "L":
            return (day + timedelta(days=1)).day == 1
        if "W" in self.day:
            return day == _weekday_nearest(int(self.day.replace("W", "")), day)
        return _holds(self.day, "day", day.day)

    def _on_weekday(self, day: date) -> bool:
        number = day.isoweekday() % 7 + 1
        if "#" in self.weekday:
            name, nth = self.weekday.split("#")
            return _value(name, "weekday") == number and (day.day + 6) // 7 == int(nth)
        if self.weekday == "L":
            return number == DAY_NAMES["SAT"]
        if self.weekday.endswith("L"):
            last = (day + timedelta(days=7)).month != day.month
            return last and _value(self.weekday[:-1], "weekday") == number
        return _holds(self.weekday, "weekday", number)


def reading(expression: str) -> Reading:
    """Read an expression. What AWS would refuse fails an assertion."""
    assert len(expression) <= 256, expression
    assert expression.startswith("cron("), expression
    assert expression.endswith(")"), expression
    fields = expression[len("cron(") : -1].upper().split(" ")
    assert len(fields) == 6, expression
    found = Reading(*fields)
    assert (found.day == "?") != (found.weekday == "?"), expression
    assert "#" not in found.weekday or "," not in found.weekday, expression
    assert "/" not in found.weekday, expression
    return found


def _holds(field: str, kind: str, value: int) -> bool:
    return any(_part_holds(part, kind, value) for part in field.split(","))


def _part_holds(part: str, kind: str, value: int) -> bool:
    low, high = LIMITS[kind]
    whole, _, step = part.partition("/")
    first, dash, last = whole.partition("-")
    start = low if whole == "*" else _value(first, kind)
    end = _value(last, kind) if dash else high if whole == "*" or step else start
    assert low <= start <= end <= high, part
    return start <= value <= end and (value - start) % int(step or 1) == 0


def _value(text: str, kind: str) -> int:
    names = {"month": MONTH_NAMES, "weekday": DAY_NAMES}.get(kind, {})
    return names[text] if text in names else int(text)


def _weekday_nearest(number: int, within: date) -> date | None:
    """The weekday nearest to a day of the month, inside of that month; None if the month has no such day."""
    length = calendar.monthrange(within.year, within.month)[1]
    if number > length:
        return None
    days = [within.replace(day=day) for day in range(1, length + 1)]
    return min((day for day in days if day.isoweekday() < 6), key=lambda day: abs(day.day - number))
