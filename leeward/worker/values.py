"""Values that JSON can't say: canonical mappings with `__type__`, and the Python values that they stand for.

Compiled DAGs hold the canonical form, so that they stay plain JSON; `build` makes the real value where a task runs. The
list of types is closed: nothing else is ever imported because a spec names it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

TYPE: Final = "__type__"
ARGS: Final = "__args__"


def _relativedelta(*args: Any, **kwargs: Any) -> Any:
    from dateutil.relativedelta import relativedelta

    return relativedelta(*args, **kwargs)


def _datetime(*args: Any, tzinfo: Any = None, **kwargs: Any) -> datetime.datetime:
    moment = datetime.datetime(*args, **kwargs)  # noqa: DTZ001 - as naive as its author wrote it
    if tzinfo is None:
        return moment
    from zoneinfo import ZoneInfo

    return moment.replace(tzinfo=ZoneInfo(tzinfo))


def _items(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    def make(*args: Any, items: Any = ()) -> Any:
        return kind(args[0] if args else items)

    return make


BUILDERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "datetime.datetime": _datetime,
        "datetime.date": datetime.date,
        "datetime.time": datetime.time,
        "datetime.timedelta": datetime.timedelta,
        "dateutil.relativedelta.relativedelta": _relativedelta,
        "builtins.list": _items(list),
        "builtins.tuple": _items(tuple),
        "builtins.set": _items(set),
        "builtins.str": str,
        "builtins.int": int,
        "builtins.float": float,
        "builtins.bool": bool,
        "builtins.dict": dict,
    }
)


def build(value: Any) -> Any:
    """The Python value of canonical JSON, recursively. Raises TypeError or ValueError for arguments that don't fit."""
    if isinstance(value, Mapping):
        built = {key: build(item) for key, item in value.items()}
        kind = built.pop(TYPE, None)
        if kind is None:
            return built
        return BUILDERS[kind](*built.pop(ARGS, ()), **built)
    if isinstance(value, (list, tuple)):
        return [build(item) for item in value]
    return value


def canonical(moment: datetime.date) -> dict[str, Any]:
    """The canonical form of a date or datetime that stands in YAML."""
    if not isinstance(moment, datetime.datetime):
        return {TYPE: "datetime.date", ARGS: [moment.year, moment.month, moment.day]}
    parts = [*moment.timetuple()[:6], moment.microsecond]
    zone = {} if moment.tzinfo is None else {"tzinfo": "UTC"}
    if moment.tzinfo is not None:
        parts = [*moment.astimezone(datetime.UTC).timetuple()[:6], moment.microsecond]
    return {TYPE: "datetime.datetime", ARGS: parts, **zone}


def plain(value: Any) -> Any:
    """A Python value as JSON, dates and the like in canonical form. Raises TypeError for what JSON can't hold."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            raise TypeError(f"the key {wrong!r} of an XCom is no text")
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview, range)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {TYPE: "builtins.set", "items": [plain(item) for item in value]}
    if isinstance(value, datetime.date):
        return canonical(value)
    if isinstance(value, datetime.timedelta):
        parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
        return {TYPE: "datetime.timedelta", **parts}
    raise TypeError(f"a value of type {type(value).__name__} can't be stored as an XCom")
