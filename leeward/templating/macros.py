"""`macros` of the context: Airflow's functions, and stand-ins for the modules and classes that it offers beside them.

A stand-in is frozen and answers to the names that are listed here, nothing else: through a real module a template would
reach all that the module imports. What may block, never end, or open files is not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final, NoReturn

Make = Callable[[], Any]


class StandIn:
    """Something with a few names on it. Each is made when it is first asked for; `call` is what calling it does."""

    __slots__ = ("_call", "_made", "_members", "_name")

    def __init__(self, name: str, members: Mapping[str, Make], call: Callable[..., Any] | None = None) -> None:
        for slot, value in (("_name", name), ("_members", members), ("_call", call), ("_made", {})):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        if name not in self._members:
            raise AttributeError(f"{self._name} has no {name!r} for templates")
        if name not in self._made:
            self._made[name] = self._members[name]()
        return self._made[name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call what it stands for."""
        if self._call is None:
            raise TypeError(f"{self._name} can't be called")
        return self._call(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{self._name} is frozen")

    def __repr__(self) -> str:
        return f"<{self._name}>"


def _of(source: Any, *names: str) -> dict[str, Make]:
    """Those members of a module or class."""
    return {name: partial(getattr, source, name) for name in names}


def ds_add(ds: str, days: int) -> str:
    """The date so many days later, both as `2026-01-31`."""
    if not days:
        return str(ds)
    moved = datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days=days)  # noqa: DTZ007 - text in, text out
    return moved.strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """A date in another format, both in the directives of strptime."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)  # noqa: DTZ007 - text in, text out


def ds_format_locale(ds: str, input_format: str, output_format: str, locale: str | None = None) -> str:
    """A date in the pattern of a locale (`EEEE dd MMMM yyyy`), from the directives of strptime."""
    from leeward.templating.locales import format_in_locale

    return format_in_locale(datetime.strptime(str(ds), input_format), output_format, locale)  # noqa: DTZ007


def datetime_diff_for_humans(dt: datetime, since: datetime | None = None) -> str:
    """`2 days ago`, or `2 days before` another date."""
    import pendulum

    return pendulum.instance(dt).diff_for_humans(since)  # type: ignore[arg-type]


def _datetime() -> StandIn:
    names = ("combine", "fromisocalendar", "fromisoformat", "fromordinal", "fromtimestamp", "max", "min", "now")
    more = ("resolution", "strptime", "today", "utcfromtimestamp", "utcnow")
    return StandIn("class 'datetime.datetime'", _of(datetime, *names, *more), datetime)


def _timedelta() -> StandIn:
    return StandIn("class 'datetime.timedelta'", _of(timedelta, "max", "min", "resolution"), timedelta)


def _time() -> StandIn:
    import time

    names = ("asctime", "ctime", "gmtime", "localtime", "mktime", "monotonic", "perf_counter", "strftime", "strptime")
    return StandIn("module 'time'", _of(time, *names, "time", "time_ns", "timezone", "tzname"))


def _uuid() -> StandIn:
    import uuid

    spaces = ("NAMESPACE_DNS", "NAMESPACE_OID", "NAMESPACE_URL", "NAMESPACE_X500")
    return StandIn("module 'uuid'", _of(uuid, "UUID", "uuid3", "uuid4", "uuid5", *spaces))


def _json() -> StandIn:
    import json

    return StandIn("module 'json'", _of(json, "dumps", "loads"))


def _yaml() -> StandIn:
    return StandIn("module 'yaml'", {"dump": lambda: _yaml_dump, "safe_dump": lambda: _yaml_dump, "safe_load": _loader})


def _yaml_dump(data: Any, **options: Any) -> str:
    """YAML of plain data: only that, since PyYAML's own `dump` writes down the insides of any object."""
    import yaml

    try:
        text: str = yaml.safe_dump(data, **options)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return text


def _loader() -> Callable[[str], Any]:
    import yaml

    def safe_load(stream: str) -> Any:
        try:
            return yaml.safe_load(str(stream))
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error

    return safe_load


def _dateutil() -> StandIn:
    return StandIn(
        "module 'dateutil'",
        {"easter": _easter, "parser": _parser, "relativedelta": _relativedelta, "tz": _tz, "utils": _date_utils},
    )


def _easter() -> StandIn:
    from dateutil import easter

    return StandIn("module 'dateutil.easter'", _of(easter, "easter"))


def _parser() -> StandIn:
    from dateutil import parser

    return StandIn("module 'dateutil.parser'", _of(parser, "isoparse", "parse"))


def _relativedelta() -> StandIn:
    from dateutil import relativedelta

    days = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    return StandIn("module 'dateutil.relativedelta'", _of(relativedelta, "relativedelta", *days))


def _tz() -> StandIn:
    from dateutil import tz

    members = _of(tz, "UTC", "tzoffset", "tzutc")
    return StandIn("module 'dateutil.tz'", {**members, "gettz": lambda: _gettz})


def _gettz(name: str) -> Any:
    """The zone of that IANA name; dateutil's own function would open any file."""
    from dateutil import tz

    if name.startswith(("/", ":", "~")) or ".." in name:
        raise ValueError(f"{name!r} is no name of a time zone")
    return tz.gettz(name)


def _date_utils() -> StandIn:
    from dateutil import utils

    return StandIn("module 'dateutil.utils'", _of(utils, "default_tzinfo", "today", "within_delta"))


def _random() -> Callable[[], float]:
    from random import random

    return random


FUNCTIONS: Final = (ds_add, ds_format, ds_format_locale, datetime_diff_for_humans)
_OTHERS: Final[Mapping[str, Make]] = {
    "datetime": _datetime,
    "timedelta": _timedelta,
    "dateutil": _dateutil,
    "time": _time,
    "uuid": _uuid,
    "random": _random,
    "json": _json,
    "yaml": _yaml,
}


@cache
def macros() -> StandIn:
    """All of them; a module behind one is imported when that one is used."""
    functions: dict[str, Make] = {f.__name__: lambda f=f: f for f in FUNCTIONS}  # type: ignore[misc]
    return StandIn("macros", {**functions, **_OTHERS})
