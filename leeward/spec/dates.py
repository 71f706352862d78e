"""Dates as specs write them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import text_of
from leeward.spec.nodes import Mark, Node, Scalar
from leeward.spec.special import typed

_AGO: Final = tuple((unit, re.compile(rf"([0-9]+)\s+{unit}s?")) for unit in ("hour", "minute", "second", "day"))


def zone(name: str, mark: Mark, report: Report) -> ZoneInfo:
    """The time zone of that IANA name; UTC, and an error, if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = closest(name, available_timezones())
        report.error(mark, "LW115", f"there is no time zone {name!r}", hint)
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Reads the start and end dates of one DAG and of its tasks. `timezone` is the DAG's own."""

    now: datetime.datetime
    timezone: Node | None
    report: Report

    def date(self, name: str, own: Mapping[str, Node], inherited: Mapping[str, Node]) -> str | None:
        """The date that somebody has itself, or else inherits; local to the zone beside it, or else to the DAG's."""
        found = self._moment(name, own, inherited)
        return None if found is None else found.isoformat()

    def zone_of(self, name: str, own: Mapping[str, Node], inherited: Mapping[str, Node]) -> str:
        """The time zone of that date: its IANA name, or the offset that the date is written with. UTC without a date."""
        found = self._moment(name, own, inherited)
        if found is None or found.tzinfo is datetime.UTC:
            return "UTC"
        return found.tzinfo.key if isinstance(found.tzinfo, ZoneInfo) else found.isoformat()[-6:]

    def _moment(self, name: str, own: Mapping[str, Node], inherited: Mapping[str, Node]) -> datetime.datetime | None:
        keys = inherited if _null(own.get(name)) else own
        node = keys.get(name)
        if node is None or _null(node):
            return None
        place = keys.get("timezone") or self.timezone
        local = zone(text_of(place) or "UTC", place.mark if place else node.mark, self.report)
        return as_datetime(node, local, self.now, self.report, name)


def _null(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value is None)


def as_datetime(
    node: Node, timezone: ZoneInfo, now: datetime.datetime, report: Report, what: str
) -> datetime.datetime | None:
    """A date from ISO text, a YAML date, a `__type__` or a time ago (`2 days`: that long before today's start).

    One without offset is local to `timezone`.
    """
    value = node.value if isinstance(node, Scalar) else None
    ago = _ago(value, timezone, now) if isinstance(value, str) else None
    return ago or fixed_datetime(node, timezone, report, what)


def fixed_datetime(node: Node, timezone: datetime.tzinfo, report: Report, what: str) -> datetime.datetime | None:
    """The same without times ago, which would be others whenever one looks."""
    value = node.value if isinstance(node, Scalar) else typed(node, report)
    moment = _parsed(value) if isinstance(value, str) else _moment(value)
    if moment is None:
        report.error(node.mark, "LW114", f"{what} is not a date", "write 2026-01-31, with a time and offset if need be")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone)


def _moment(value: object) -> datetime.datetime | None:
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - localised by the caller
    return None


def _parsed(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None


def _ago(text: str, timezone: ZoneInfo, now: datetime.datetime) -> datetime.datetime | None:
    for unit, pattern in _AGO:
        match = pattern.match(text)
        if match:
            start = now.astimezone(timezone).replace(hour=0, minute=0, second=0, microsecond=0)
            return start - datetime.timedelta(**{f"{unit}s": int(match[1])})
    return None
