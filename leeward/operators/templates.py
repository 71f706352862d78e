"""Jinja templates in arguments, rendered in a sandbox over plain data and listed functions.

Jinja is imported only when a text holds a template. An undefined name is an error, as in Airflow. Caps keep a hostile
template from filling memory: on its length, on what it writes, and on `*` and `**`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from leeward.core.errors import TaskError

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_TEMPLATE: Final = 256 * 1024
MAX_OUTPUT: Final = 4 * 1024 * 1024
MAX_EXPONENT: Final = 1000
_MARKS: Final = ("{{", "{%", "{#")


def render(value: Any, context: Mapping[str, Any], *, native: bool) -> Any:
    """The value with every template in it rendered; lists and mappings are gone through, keys stay.

    Raises TaskError LW401 for a template that can't be rendered.
    """
    if isinstance(value, str):
        return _text(value, context, native) if any(mark in value for mark in _MARKS) else value
    if isinstance(value, Mapping):
        return {key: render(item, context, native=native) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [render(item, context, native=native) for item in value]
    return value


def _text(text: str, context: Mapping[str, Any], native: bool) -> Any:
    from jinja2 import TemplateError

    if len(text) > MAX_TEMPLATE:
        raise TaskError("LW401", f"a template is longer than {MAX_TEMPLATE} characters", retryable=True)
    try:
        template = _template(text, native)
        names = template.new_context({**_globals(), **context})
        pieces = _pieces(template, names)
        joined: Any = template.environment.concat(pieces)
    except TaskError:
        raise
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"the template {_short(text)} can't be rendered: {type(error).__name__}: {error}"
        raise TaskError("LW401", message, retryable=True) from error
    return joined


def _pieces(template: Template, names: Any) -> list[Any]:
    size, pieces = 0, []
    for piece in template.root_render_func(names):
        size += len(str(piece))
        if size > MAX_OUTPUT:
            raise TaskError("LW401", f"a template wrote more than {MAX_OUTPUT} characters", retryable=True)
        pieces.append(piece)
    return pieces


@cache
def _environment(native: bool) -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.nativetypes import NativeEnvironment
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        """Public attributes only, and arithmetic that can't explode."""

        intercepted_binops = frozenset({"*", "**"})

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return attr != "channel" and super().is_safe_attribute(obj, attr, value)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**" and abs(right) > MAX_EXPONENT:
                raise SecurityError(f"an exponent over {MAX_EXPONENT}")
            if operator == "*" and _repeated(left, right) > MAX_OUTPUT:
                raise SecurityError(f"more than {MAX_OUTPUT} items by repetition")
            return super().call_binop(context, operator, left, right)

    class NativeSandbox(Sandbox, NativeEnvironment):
        """The same, for templates that give Python values."""

    made = (NativeSandbox if native else Sandbox)(undefined=StrictUndefined, keep_trailing_newline=True)
    made.filters.update(FILTERS)
    return made


def _repeated(left: Any, right: Any) -> int:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and hasattr(other, "__len__"):
            return one * len(other)
    return 0


@cache
def _template(text: str, native: bool) -> Template:
    return _environment(native).from_string(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def ds(date: datetime) -> str:
    """`2026-01-31`."""
    return f"{date:%Y-%m-%d}"


def ds_nodash(date: datetime) -> str:
    """`20260131`."""
    return f"{date:%Y%m%d}"


def ts(date: datetime) -> str:
    """`2026-01-31T06:00:00+00:00`."""
    return date.isoformat()


def ts_nodash(date: datetime) -> str:
    """`20260131T060000`."""
    return f"{date:%Y%m%dT%H%M%S}"


def ts_nodash_with_tz(date: datetime) -> str:
    """`20260131T060000+0000`."""
    return date.isoformat().replace("-", "").replace(":", "")


FILTERS: Final = {f.__name__: f for f in (ds, ds_nodash, ts, ts_nodash, ts_nodash_with_tz)}


def ds_add(date: str, days: int) -> str:
    """The date so many days later, both as `2026-01-31`."""
    return ds(datetime.fromisoformat(date) + timedelta(days=days)) if days else date


def ds_format(date: str, input_format: str, output_format: str) -> str:
    """A date in another format, both in the directives of strptime."""
    return datetime.strptime(date, input_format).strftime(output_format)  # noqa: DTZ007 - text in, text out


@cache
def _globals() -> Mapping[str, Any]:
    """`macros`: functions only, never modules."""
    plain_json = SimpleNamespace(dumps=json.dumps, loads=json.loads)
    return {"macros": SimpleNamespace(ds_add=ds_add, ds_format=ds_format, timedelta=timedelta, json=plain_json)}
