"""Special objects of the dialect: `__join__`, `__type__`, and lengths of time, as plain JSON in canonical form.

`__and__` and `__or__` are conditions on assets and are read where schedules are.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

from leeward.core.dag import Json
from leeward.spec.diagnostics import Report, closest
from leeward.spec.nodes import Listing, Node, Scalar, Table
from leeward.worker.values import ARGS, BUILDERS, TYPE, build, canonical

JOIN: Final = "__join__"
_DEEP_TYPES: Final = ("datetime.timedelta", "dateutil.relativedelta.relativedelta")


def fold(node: Node, report: Report) -> Node:
    """The node with every `__join__` in it replaced by the text that it joins."""
    if isinstance(node, Listing):
        return Listing(tuple(fold(item, report) for item in node.items), node.mark)
    if not isinstance(node, Table):
        return node
    items = {key: fold(value, report) for key, value in node.items.items()}
    if JOIN not in items:
        return Table(items, node.mark, node.key_marks)
    parts = items[JOIN]
    plain = isinstance(parts, Listing) and all(isinstance(part, Scalar) for part in parts)
    if len(items) > 1 or not plain:
        report.error(node.mark, "LW112", "__join__ wants a list of plain values, and no key beside it")
        return Scalar("", node.mark)
    text = "".join(part.text for part in parts if isinstance(part, Scalar))  # type: ignore[union-attr]
    return Scalar(text, node.mark, text)


def as_json(node: Node, report: Report) -> Json:
    """Plain JSON of any node; dates and `__type__` objects in canonical form."""
    if isinstance(node, Scalar):
        return canonical(node.value) if isinstance(node.value, datetime.date) else node.value
    if isinstance(node, Listing):
        return [as_json(item, report) for item in node]
    plain = {key: as_json(value, report) for key, value in node.items.items()}
    if TYPE in plain:
        _check_type(node, plain, report)
    return plain


def _check_type(node: Table, plain: Mapping[str, Json], report: Report) -> None:
    name = plain[TYPE]
    if not isinstance(name, str) or name not in BUILDERS:
        hint = closest(str(name), BUILDERS) or "allowed are " + ", ".join(BUILDERS)
        report.error(node.items[TYPE].mark, "LW110", f"__type__ {name} is not supported", hint)
        return
    try:
        build(plain)
    except Exception as error:  # noqa: BLE001 - whatever a constructor says of its arguments
        report.error(node.mark, "LW111", f"{name}: {error}")


def typed(node: Node, report: Report) -> Any:
    """The Python value of a `__type__` object with right arguments; None for anything else."""
    if not isinstance(node, Table) or TYPE not in node.items:
        return None
    before = len(report.errors)
    plain = as_json(node, report)
    return build(plain) if len(report.errors) == before else None


def as_timedelta(node: Node, report: Report, what: str, *, numbers: bool) -> float | None:
    """Seconds of a length of time: a `__type__`, or a number of seconds where those are allowed."""
    number = _number(node) if numbers else None
    if number is not None and number >= 0:
        return number
    if isinstance(node, Table) and _is_delta(node):
        value = typed(node, report)
        return None if value is None else _seconds(value, node, report, what)
    allowed = "a number of seconds or " if numbers else ""
    hint = f"write {allowed}{{__type__: datetime.timedelta, seconds: 300}}"
    report.error(node.mark, "LW113", f"{what} is not a length of time", hint)
    return None


def _number(node: Node) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _is_delta(node: Table) -> bool:
    kind = node.get(TYPE)
    return isinstance(kind, Scalar) and kind.value in _DEEP_TYPES


def _seconds(value: Any, node: Table, report: Report, what: str) -> float | None:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    start = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    if value.months or value.years or (start + value) - start != (start + 2 * value) - (start + value):
        report.error(node.mark, "LW113", f"{what} has no fixed length", "use days, hours, minutes or seconds")
        return None
    return float((start + value - start).total_seconds())


def arguments(node: Table) -> tuple[tuple[Node, ...], Mapping[str, Node]]:
    """The positional and named arguments of a `__type__` object, as nodes."""
    args = node.get(ARGS)
    named = {key: value for key, value in node.items.items() if key not in (TYPE, ARGS)}
    return (args.items if isinstance(args, Listing) else ()), named
