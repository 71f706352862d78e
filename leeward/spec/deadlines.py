"""The key `deadline`: one DeadlineAlert of Airflow's, or a list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from leeward.core.dag import Callback, DeadlineAlert, DeadlineReference
from leeward.spec.dates import Calendar, as_datetime
from leeward.spec.diagnostics import Report
from leeward.spec.members import text_of
from leeward.spec.nodes import Listing, Node, Scalar
from leeward.spec.objects import Shape, read_object
from leeward.spec.special import as_json, as_timedelta

_ALERT: Final = {
    "DeadlineAlert": Shape(("reference", "interval", "callback", "name"), ("reference", "interval", "callback"))
}
_AVERAGE: Final = Shape(("max_runs", "min_runs"))
_REFERENCES: Final[Mapping[str, tuple[DeadlineReference, Shape]]] = {
    "DAGRUN_LOGICAL_DATE": (DeadlineReference.DAGRUN_LOGICAL_DATE, Shape()),
    "DagRunLogicalDateDeadline": (DeadlineReference.DAGRUN_LOGICAL_DATE, Shape()),
    "DAGRUN_QUEUED_AT": (DeadlineReference.DAGRUN_QUEUED_AT, Shape()),
    "DagRunQueuedAtDeadline": (DeadlineReference.DAGRUN_QUEUED_AT, Shape()),
    "FIXED_DATETIME": (DeadlineReference.FIXED_DATETIME, Shape(("dt",), ("dt",))),
    "FixedDatetimeDeadline": (DeadlineReference.FIXED_DATETIME, Shape(("_datetime",), ("_datetime",))),
    "AVERAGE_RUNTIME": (DeadlineReference.AVERAGE_RUNTIME, _AVERAGE),
    "AverageRuntimeDeadline": (DeadlineReference.AVERAGE_RUNTIME, _AVERAGE),
}
"""Members of Airflow's `DeadlineReference`, and the classes behind them."""
_SHAPES: Final = {name: shape for name, (_, shape) in _REFERENCES.items()}
_CALLBACKS: Final = {
    "SyncCallback": Shape(("callback_callable", "kwargs", "executor"), ("callback_callable",)),
    "AsyncCallback": Shape(("callback_callable", "kwargs"), ("callback_callable",)),
}
_DEFAULT_RUNS: Final = 10
"""Airflow's AverageRuntimeDeadline.DEFAULT_LIMIT."""


def read_deadlines(node: Node | None, calendar: Calendar) -> tuple[DeadlineAlert, ...]:
    """The alerts of a DAG; those with mistakes are reported and left out."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return ()
    return tuple(_alerts(node.items if isinstance(node, Listing) else (node,), calendar))


def _alerts(nodes: tuple[Node, ...], calendar: Calendar) -> Iterator[DeadlineAlert]:
    report = calendar.report
    for node in nodes:
        found = read_object(node, _ALERT, "deadline alert", report)
        if found is None:
            continue
        keys = found[1]
        alert = _reference(keys["reference"], calendar)
        seconds = as_timedelta(keys["interval"], report, "interval", numbers=False)
        callback = _callback(keys["callback"], report)
        if alert is not None and seconds is not None and callback is not None:
            target, awaited = callback
            reference, moment, most, least = alert
            yield DeadlineAlert(reference, seconds, target, awaited, text_of(keys.get("name")), moment, most, least)


_Read = tuple[DeadlineReference, str | None, int, int]


def _reference(node: Node, calendar: Calendar) -> _Read | None:
    """What the deadline is counted from; of a fixed one its date, of an average the numbers of runs."""
    found = read_object(node, _SHAPES, "deadline reference", calendar.report)
    if found is None:
        return None
    reference, shape = _REFERENCES[found[0]]
    moment = None
    if reference is DeadlineReference.FIXED_DATETIME:
        (name,) = shape.parameters
        date = as_datetime(found[1][name], ZoneInfo("UTC"), calendar.now, calendar.report, name)
        if date is None:
            return None
        moment = date.isoformat()
    given = found[1].get("max_runs")
    unset = found[0] == "AVERAGE_RUNTIME" and isinstance(given, Scalar) and given.value == 0
    most = _count(None if unset else given, _DEFAULT_RUNS, calendar.report)
    least = _count(found[1].get("min_runs"), most, calendar.report)
    return reference, moment, most, least


def _count(node: Node | None, default: int, report: Report) -> int:
    value = node.value if isinstance(node, Scalar) else None
    if node is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    report.error(node.mark, "LW180", "a number of runs is at least 1")
    return default


def _callback(node: Node, report: Report) -> tuple[Callback, bool] | None:
    """The callback, and whether it is asynchronous."""
    found = read_object(node, _CALLBACKS, "callback of a deadline", report)
    if found is None:
        return None
    kind, keys = found
    path = text_of(keys["callback_callable"])
    kwargs = as_json(keys["kwargs"], report) if "kwargs" in keys else {}
    if path is None or "." not in path:
        report.error(
            keys["callback_callable"].mark, "LW160", "callback_callable names nothing to call", "write module.function"
        )
        return None
    if not isinstance(kwargs, Mapping) or "context" in kwargs:
        report.error(
            keys["kwargs"].mark, "LW180", "kwargs is a mapping of arguments, without `context`, which is given"
        )
        return None
    if "executor" in keys:
        report.warning(keys["executor"].mark, "LW201", "executor does nothing", "it picks one of Airflow's executors")
    return Callback(path, kwargs), kind == "AsyncCallback"
