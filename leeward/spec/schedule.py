"""Schedules, in every form of the dialect, as one normalised form in plain JSON.

* `None`: no schedule, runs start by hand;
* `{"kind": "once"}`, `{"kind": "continuous"}`;
* `{"kind": "cron", "crons": [...], "timezone": ..., "timetable": ...}` with five-field expressions as Airflow (croniter)
  reads them, and `interval_seconds` where a trigger timetable has a data interval;
* `{"kind": "aws_cron", "cron": ..., "timezone": ..., "timetable": ...}`: six fields with a `?`, as AWS writes them, the last
  the year;
* `{"kind": "delta", "seconds": ..., "timetable": ...}`, or `months` (and `seconds`) for a relativedelta;
* `{"kind": "events", "dates": [...]}`, ISO 8601 with offset.

A time zone is an IANA name or an offset such as +05:30. Nothing here computes when a run is due.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from croniter import CroniterError, croniter

from leeward.core.dag import Json
from leeward.spec.aws_cron import parse_aws_cron
from leeward.spec.dates import fixed_datetime, zone
from leeward.spec.diagnostics import Report, closest
from leeward.spec.moments import zone_of
from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table
from leeward.spec.special import arguments, as_json, typed
from leeward.worker.values import TYPE

PRESETS: Final[Mapping[str, str]] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_OTHERS: Final = {"@once": "once", "@continuous": "continuous"}
_DELTAS: Final = ("datetime.timedelta", "dateutil.relativedelta.relativedelta")
_ASSETS: Final = re.compile(r"(^|\.)(Asset|AssetAny|AssetAll|AssetAlias|Dataset|DatasetAlias|DatasetAny|DatasetAll)$")
_RATE: Final = re.compile(r"rate\((\d+)\s+(minute|hour|day)s?\)")
_UNIT_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_CRON_CLASSES: Final = {
    "CronTriggerTimetable": ("cron", "timezone", "interval", "run_immediately"),
    "CronDataIntervalTimetable": ("cron", "timezone"),
    "MultipleCronTriggerTimetable": ("timezone", "interval", "run_immediately"),
}
_DELTA_CLASSES: Final = {
    "DeltaTriggerTimetable": ("delta", "interval"),
    "DeltaDataIntervalTimetable": ("delta",),
}
_PLAIN_CLASSES: Final = {"NullTimetable": None, "OnceTimetable": "once", "ContinuousTimetable": "continuous"}
TIMETABLES: Final = (*_CRON_CLASSES, *_DELTA_CLASSES, *_PLAIN_CLASSES, "EventsTimetable")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a schedule takes from around it: the DAG's time zone, and Airflow's `[scheduler] create_cron_data_intervals`."""

    timezone: str = "UTC"
    data_intervals: bool = False

    def timetable(self, unit: str) -> str:
        """The class that a plain schedule makes; `unit` is Cron or Delta."""
        return f"{unit}{'DataInterval' if self.data_intervals else 'Trigger'}Timetable"


PLAIN: Final = Defaults()


def compile_schedule(node: Node | None, report: Report, defaults: Defaults = PLAIN) -> Json:
    """The normalised form of a schedule; mistakes go to the report, and then the form is None."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return None
    if isinstance(node, Listing):
        return _several(node, report)
    if isinstance(node, Table):
        return _object(node, report, defaults)
    return _text(str(node.value), node.mark, report, defaults)


def describe(schedule: Json) -> str:
    """Airflow's name of the timetable that a normalised schedule makes."""
    if not isinstance(schedule, Mapping):
        return "NullTimetable"
    kind = str(schedule["kind"])
    fixed = {"once": "OnceTimetable", "continuous": "ContinuousTimetable", "events": "EventsTimetable"}
    return fixed.get(kind) or str(schedule.get("timetable", "CronTriggerTimetable"))


def _text(text: str, mark: Mark, report: Report, defaults: Defaults) -> Json:
    if text.lower() == "none":
        return None
    if text in _OTHERS:
        return {"kind": _OTHERS[text]}
    rate = _RATE.fullmatch(text)
    if rate:
        seconds = int(rate[1]) * _UNIT_SECONDS[rate[2]]
        return _delta(seconds, 0, defaults.timetable("Delta"), mark, report)
    wrapped = _AWS_CRON.fullmatch(text)
    fields = (wrapped[1] if wrapped else text).split()
    if wrapped or (len(fields) == 6 and ("?" in fields[2] or "?" in fields[4])):
        return _aws_cron(fields, mark, report, defaults)
    found = _cron(text, mark, report)
    return None if found is None else _crons([found], defaults.timezone, defaults.timetable("Cron"))


_AWS_CRON: Final = re.compile(r"cron\((.*)\)")


def _crons(crons: list[str], timezone: str, timetable: str) -> dict[str, Json]:
    return {"kind": "cron", "crons": crons, "timezone": timezone, "timetable": timetable}


def _cron(text: str, mark: Mark, report: Report) -> str | None:
    """A five-field expression that Airflow accepts; presets and a seconds field of 0 are written out."""
    if text.startswith("@"):
        if text not in PRESETS:
            hint = closest(text, [*PRESETS, *_OTHERS])
            report.error(mark, "LW116", f"there is no preset {text}", hint)
        return PRESETS.get(text)
    fields = text.split()
    if len(fields) not in (5, 6):
        report.error(
            mark, "LW116", f"{text!r} is no cron expression", "write five fields: minute hour day month weekday"
        )
        return None
    try:
        expanded = croniter.expand(text)[0]
    except (CroniterError, ValueError) as error:
        report.error(mark, "LW116", f"{text!r} is no cron expression: {error}")
        return None
    if len(fields) == 6 and expanded[5] != [0]:
        report.error(mark, "LW116", f"{text!r} fires within a minute", "write five fields, or 0 as the seconds")
        return None
    if _RANDOM.search(text):
        report.error(mark, "LW116", f"{text!r}: R is another time on every look", "name the time")
        return None
    return " ".join(fields[:5])


_RANDOM: Final = re.compile(r"(?<![A-Za-z])[Rr](?![A-Za-z])")


def _aws_cron(fields: list[str], mark: Mark, report: Report, defaults: Defaults) -> Json:
    text = " ".join(fields).upper()
    if len(fields) != 6:
        report.error(mark, "LW116", f"cron({text}) has not six fields", "write minute hour day month weekday year")
        return None
    try:
        parse_aws_cron(text)
    except ValueError as error:
        report.error(mark, "LW116", f"cron({text}): {error}")
        return None
    timetable = defaults.timetable("Cron")
    return {"kind": "aws_cron", "cron": text, "timezone": defaults.timezone, "timetable": timetable}


def _several(node: Listing, report: Report) -> Json:
    report.error(node.mark, "LW117", "schedules that wait for assets are not supported yet", "give a cron expression")
    return None


def _object(node: Table, report: Report, defaults: Defaults) -> Json:
    kind = node.get(TYPE)
    if not isinstance(kind, Scalar):
        if {"__and__", "__or__", "datasets", "file", "timetable"} & node.items.keys():
            return _several(Listing((), node.mark), report)
        report.error(node.mark, "LW116", "the schedule has no __type__", "write a cron expression or a __type__")
        return None
    name = kind.text
    if name in _DELTAS:
        return _from_delta(typed(node, report), defaults.timetable("Delta"), node.mark, report)
    if _ASSETS.search(name) or name == "builtins.list":
        return _several(Listing((), node.mark), report)
    return _timetable(name.rpartition(".")[2], node, report, defaults)


def _timetable(name: str, node: Table, report: Report, defaults: Defaults) -> Json:
    if name in _PLAIN_CLASSES:
        return None if _PLAIN_CLASSES[name] is None else {"kind": _PLAIN_CLASSES[name]}
    if name in _CRON_CLASSES:
        return _cron_timetable(name, node, report)
    if name in _DELTA_CLASSES:
        return _delta_timetable(name, node, report)
    if name == "EventsTimetable":
        return _events(node, report, defaults)
    report.error(node.items[TYPE].mark, "LW116", f"the timetable {name} is not supported", closest(name, TIMETABLES))
    return None


def _cron_timetable(name: str, node: Table, report: Report) -> Json:
    args, named = arguments(node)
    if not _known(name, named, _CRON_CLASSES[name], report):
        return None
    if name == "MultipleCronTriggerTimetable":
        texts: tuple[Node, ...] = args
    else:
        texts, args = (args[:1], args[1:]) if args else ((named["cron"],) if "cron" in named else (), ())
    crons = [_cron(text.text, text.mark, report) for text in texts if isinstance(text, Scalar)]
    if not crons or None in crons:
        if not crons:
            report.error(node.mark, "LW116", f"{name} wants a cron expression", 'write cron: "0 3 * * *"')
        return None
    form = _crons([cron for cron in crons if cron], _timezone(named.get("timezone"), report), name)
    return {**form, **_options(named, report)}


def _timezone(node: Node | None, report: Report) -> str:
    if node is None:
        return "UTC"
    if isinstance(node, Scalar):
        return "UTC" if node.text.upper() == "UTC" else str(zone(node.text, node.mark, report))
    report.error(node.mark, "LW115", "the time zone of a timetable is a name", "write it as in Europe/Berlin")
    return "UTC"


def _options(named: Mapping[str, Node], report: Report) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if "interval" in named:
        interval = typed(named["interval"], report)
        if hasattr(interval, "total_seconds"):
            found["interval_seconds"] = interval.total_seconds()
        else:
            report.error(named["interval"].mark, "LW116", "interval wants a datetime.timedelta")
    if "run_immediately" in named:
        found["run_immediately"] = as_json(named["run_immediately"], report)
    return found


def _delta_timetable(name: str, node: Table, report: Report) -> Json:
    args, named = arguments(node)
    if not _known(name, named, _DELTA_CLASSES[name], report):
        return None
    delta = args[0] if args else named.get("delta")
    value = None if delta is None else typed(delta, report)
    form = _from_delta(value, name, node.mark, report)
    return {**form, **_options(named, report)} if isinstance(form, dict) else form


def _events(node: Table, report: Report, defaults: Defaults) -> Json:
    args, named = arguments(node)
    if not _known("EventsTimetable", named, ("event_dates", "presorted", "description"), report):
        return None
    dates = args[0] if args else named.get("event_dates")
    if not isinstance(dates, Listing) or not dates.items:
        report.error(node.mark, "LW116", "EventsTimetable wants event_dates, a list of dates")
        return None
    local = zone_of(defaults.timezone)
    found = [fixed_datetime(date, local, report, "an event date") for date in dates.items]
    return {"kind": "events", "dates": [date.isoformat() for date in found if date is not None]}


def _known(name: str, named: Mapping[str, Node], allowed: tuple[str, ...], report: Report) -> bool:
    unknown = [key for key in named if key not in allowed]
    for key in unknown:
        report.error(named[key].mark, "LW116", f"{name} has no argument {key!r}", closest(key, allowed))
    return not unknown


def _from_delta(value: Any, timetable: str, mark: Mark, report: Report) -> Json:
    if value is None:
        report.error(mark, "LW116", "the schedule wants a timedelta or relativedelta")
        return None
    if hasattr(value, "total_seconds"):
        return _delta(value.total_seconds(), 0, timetable, mark, report)
    if any(getattr(value, name) for name in ("leapdays", "microseconds")) or any(
        getattr(value, name) is not None for name in _PLACES
    ):
        report.error(mark, "LW116", "the time between runs names a place in the calendar", "write a cron expression")
        return None
    days = value.days * 86400 + value.hours * 3600 + value.minutes * 60 + value.seconds
    return _delta(days, value.years * 12 + value.months, timetable, mark, report)


_PLACES: Final = ("year", "month", "day", "weekday", "hour", "minute", "second", "microsecond")
"""What a relativedelta sets instead of adding."""


def _delta(seconds: float, months: int, timetable: str, mark: Mark, report: Report) -> Json:
    if seconds < 0 or months < 0 or not (seconds or months):
        report.error(mark, "LW116", "the time between runs must be longer than nothing")
        return None
    form: dict[str, Json] = {"kind": "delta", "seconds": seconds, "timetable": timetable}
    return {**form, "months": months} if months else form
