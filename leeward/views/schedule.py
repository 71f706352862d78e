"""A normalised schedule (see `leeward.spec.schedule`) in the words in which its author may have written it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from leeward.core.dag import Json

_PRESETS: Final = {
    "0 * * * *": "hourly",
    "0 0 * * *": "daily",
    "0 0 * * 0": "weekly",
    "0 0 1 * *": "monthly",
    "0 0 1 */3 *": "quarterly",
    "0 0 1 1 *": "yearly",
}
_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def schedule_words(schedule: Json) -> str:
    """Such as "hourly", "30 6 * * 1 (Europe/Berlin)", "every 15 minutes"; a kind of a later version is told by its name."""
    if not isinstance(schedule, Mapping):
        return "no schedule"
    kind = str(schedule.get("kind"))
    words = _WORDS.get(kind)
    return kind if words is None else words(schedule)


def _crons(schedule: Mapping[str, Any]) -> str:
    crons = [schedule["cron"]] if "cron" in schedule else schedule["crons"]
    shown = " and ".join(_PRESETS.get(cron, str(cron)) for cron in crons)
    zone = schedule.get("timezone", "UTC")
    return shown if zone == "UTC" else f"{shown} ({zone})"


def _every(schedule: Mapping[str, Any]) -> str:
    parts = [_count(schedule["months"], "month")] if schedule.get("months") else []
    left = schedule.get("seconds", 0)
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(_count(round(number), unit))
    return f"every {' '.join(parts)}".removesuffix(" ")


def _dates(schedule: Mapping[str, Any]) -> str:
    return f"on {_count(len(schedule['dates']), 'date')}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "once": lambda _: "once",
    "continuous": lambda _: "continuous",
    "cron": _crons,
    "aws_cron": _crons,
    "delta": _every,
    "events": _dates,
}
