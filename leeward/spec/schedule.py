"""Schedules, in every form of the dialect, as one normalised form in plain JSON.

* `None`: no schedule, runs start by hand;
* `{"kind": "once"}`, `{"kind": "continuous"}`;
* `{"kind": "cron", "crons": [...], "timezone": ..., "timetable": ...}` with five-field expressions as Airflow (croniter)
  reads them, and `interval_seconds` where a trigger timetable has a data interval;
* `{"kind": "aws_cron", "cron": ..., "timezone": "UTC"}`: six fields with a `?`, as AWS writes them, the last the year;
* `{"kind": "delta", "seconds": ..., "timetable": ...}`, or `months` (and `seconds`) for a relativedelta;
* `{"kind": "events", "dates": [...], "presorted": ...}`.

Nothing here computes when a run is due.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from croniter import CroniterError, croniter

from leeward.core.dag import Json
from leeward.spec.diagnostics import Report, closest
from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table
from leeward.spec.special import arguments, as_json, typed
from leeward.worker.values import TYPE

PRESETS: Final[Mapping[str, str]] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
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

_AWS_FIELDS: Final = (
    ("minutes", r"[\d*,/-]+", 0, 59),
    ("hours", r"[\d*,/-]+", 0, 23),
    ("day of month", r"[\d*,/?LW-]+", 1, 31),
    ("month", r"[\dA-Z*,/-]+", 1, 12),
    ("day of week", r"[\dA-Z*,/?#-]+", 1, 7),
    ("year", r"[\d*,/-]+", 1970, 2199),
)


def compile_schedule(node: Node | None, report: Report) -> Json:
    """The normalised form of a schedule; mistakes go to the report, and then the form is None."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return None
    if isinstance(node, Listing):
        return _several(node, report)
    if isinstance(node, Table):
        return _object(node, report)
    return _text(str(node.value), node.mark, report)


def describe(schedule: Json) -> str:
    """Airflow's name of the timetable that a normalised schedule makes."""
    if not isinstance(schedule, Mapping):
        return "NullTimetable"
    kind = str(schedule["kind"])
    fixed = {"once": "OnceTimetable", "continuous": "ContinuousTimetable", "events": "EventsTimetable"}
    return fixed.get(kind) or str(schedule.get("timetable", "CronTriggerTimetable"))


def _text(text: str, mark: Mark, report: Report) -> Json:
    if text.lower() == "none":
        return None
    if text in _OTHERS:
        return {"kind": _OTHERS[text]}
    rate = _RATE.fullmatch(text)
    if rate:
        seconds = int(rate[1]) * _UNIT_SECONDS[rate[2]]
        return _delta(seconds, 0, "DeltaTriggerTimetable", mark, report)
    cron = _AWS_CRON.sub(r"\1", text)
    fields = cron.split()
    if len(fields) == 6 and ("?" in fields[2] or "?" in fields[4]):
        return _aws_cron(fields, mark, report)
    found = _cron(cron, mark, report)
    return None if found is None else _crons([found], "UTC", "CronTriggerTimetable")


_AWS_CRON: Final = re.compile(r"^cron\((.*)\)$")


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
    if len(fields) == 6 and fields[5] != "0":
        report.error(mark, "LW116", f"{text!r} fires within a minute", "write five fields, or 0 as the seconds")
        return None
    if len(fields) not in (5, 6):
        report.error(
            mark, "LW116", f"{text!r} is no cron expression", "write five fields: minute hour day month weekday"
        )
        return None
    try:
        croniter.expand(" ".join(fields[:5]))
    except (CroniterError, ValueError) as error:
        report.error(mark, "LW116", f"{text!r} is no cron expression: {error}")
        return None
    return " ".join(fields[:5])


def _aws_cron(fields: list[str], mark: Mark, report: Report) -> Json:
    """Six fields as AWS reads them: minutes hours day-of-month month day-of-week year, one of the days a `?`."""
    if (fields[2] == "?") == (fields[4] == "?"):
        report.error(mark, "LW116", "one of day of month and day of week must be `?`, and only one")
        return None
    for field, (name, pattern, low, high) in zip(fields, _AWS_FIELDS, strict=True):
        numbers = [int(number) for number in re.findall(r"(?<![/#\d])\d+", field)]
        if not re.fullmatch(pattern, field) or any(not low <= number <= high for number in numbers):
            report.error(mark, "LW116", f"{field!r} is out of range for {name} ({low}-{high})")
            return None
    if "W" in fields[2]:
        report.error(mark, "LW116", f"{fields[2]!r}: the nearest weekday is not supported yet", "name the days")
        return None
    return {"kind": "aws_cron", "cron": " ".join(fields), "timezone": "UTC"}


def _several(node: Listing, report: Report) -> Json:
    report.error(node.mark, "LW117", "schedules that wait for assets are not supported yet", "give a cron expression")
    return None


def _object(node: Table, report: Report) -> Json:
    kind = node.get(TYPE)
    if not isinstance(kind, Scalar):
        if {"__and__", "__or__", "datasets", "file", "timetable"} & node.items.keys():
            return _several(Listing((), node.mark), report)
        report.error(node.mark, "LW116", "the schedule has no __type__", "write a cron expression or a __type__")
        return None
    name = kind.text
    if name in _DELTAS:
        return _from_delta(typed(node, report), "DeltaTriggerTimetable", node.mark, report)
    if _ASSETS.search(name) or name == "builtins.list":
        return _several(Listing((), node.mark), report)
    return _timetable(name.rpartition(".")[2], node, report)


def _timetable(name: str, node: Table, report: Report) -> Json:
    if name in _PLAIN_CLASSES:
        return None if _PLAIN_CLASSES[name] is None else {"kind": _PLAIN_CLASSES[name]}
    if name in _CRON_CLASSES:
        return _cron_timetable(name, node, report)
    if name in _DELTA_CLASSES:
        return _delta_timetable(name, node, report)
    if name == "EventsTimetable":
        return _events(node, report)
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
    zone = named.get("timezone")
    timezone = zone.text if isinstance(zone, Scalar) else "UTC"
    form = _crons([cron for cron in crons if cron], timezone, name)
    return {**form, **_options(named, report)}


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


def _events(node: Table, report: Report) -> Json:
    args, named = arguments(node)
    if not _known("EventsTimetable", named, ("event_dates", "presorted", "description"), report):
        return None
    dates = args[0] if args else named.get("event_dates")
    if not isinstance(dates, Listing) or not dates.items:
        report.error(node.mark, "LW116", "EventsTimetable wants event_dates, a list of dates")
        return None
    return {"kind": "events", "dates": as_json(dates, report)}


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
    days = value.days * 86400 + value.hours * 3600 + value.minutes * 60 + value.seconds
    return _delta(days, value.years * 12 + value.months, timetable, mark, report)


def _delta(seconds: float, months: int, timetable: str, mark: Mark, report: Report) -> Json:
    if seconds < 0 or months < 0 or not (seconds or months):
        report.error(mark, "LW116", "the time between runs must be longer than nothing")
        return None
    form: dict[str, Json] = {"kind": "delta", "seconds": seconds, "timetable": timetable}
    return {**form, "months": months} if months else form
