"""Templates in arguments, rendered to the character as Airflow renders them, with errors that say what to write.

Jinja is imported only when a text holds a template; a text that holds none goes through what Jinja would do to it.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from leeward.core.errors import TaskError
from leeward.templating.files import Read, names_a_file, no_files

if TYPE_CHECKING:
    from jinja2 import UndefinedError

MAX_TEMPLATE: Final = 256 * 1024
_MARKS: Final = ("{{", "{%", "{#")
_NEWLINE: Final = re.compile(r"\r\n|\r")
_UNDEFINED: Final = re.compile(r"'(\w+)' is undefined")
_REMOVED: Final[Mapping[str, str]] = {
    "conf": "read the run's own as dag_run.conf",
    "execution_date": "write logical_date",
    "next_ds": "write data_interval_end | ds",
    "next_ds_nodash": "write data_interval_end | ds_nodash",
    "next_execution_date": "write data_interval_end",
    "prev_ds": "write macros.ds_add(ds, -1)",
    "prev_ds_nodash": "write macros.ds_add(ds, -1)",
    "prev_execution_date": "write prev_data_interval_start_success",
    "prev_execution_date_success": "write prev_data_interval_start_success",
    "tomorrow_ds": "write macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "write macros.ds_add(ds, 1)",
    "yesterday_ds": "write macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "write macros.ds_add(ds, -1)",
}
"""Names of Airflow 2 that Airflow 3 removed, and what stands for them."""


def holds_template(value: Any) -> bool:
    """Whether a value holds anything for Jinja."""
    if isinstance(value, str):
        return any(mark in value for mark in _MARKS)
    if isinstance(value, Mapping):
        return any(holds_template(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(holds_template(item) for item in value)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a task's templates are rendered: to text or to Python values, with which macros of the DAG's own, and files.

    `filters` are the DAG's own, `undefined` names one of Jinja's classes, `options` are settings of its environment.
    """

    native: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)
    read: Read = no_files
    filters: Mapping[str, Any] = field(default_factory=dict)
    undefined: str = "StrictUndefined"
    options: Mapping[str, Any] = field(default_factory=dict)


def render(value: Any, context: Mapping[str, Any], settings: Settings) -> Any:
    """The value with every template in it rendered; lists and mappings are gone through, keys stay.

    The context's names go before the DAG's own macros. Raises TaskError LW401 for a template that can't be rendered.
    """
    if isinstance(value, str):
        jinja = holds_template(value) or settings.options
        return _text(value, context, settings) if jinja else _plain(value, settings.native)
    if isinstance(value, Mapping):
        return {key: render(item, context, settings) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [render(item, context, settings) for item in value]
    return value


def _plain(text: str, native: bool) -> Any:
    """What Jinja makes of a text without templates: plain line ends, none at the end; natively, a literal's value."""
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    return _literal(text.removesuffix("\n")) if native else text.removesuffix("\n")


def _literal(text: str) -> Any:
    from ast import literal_eval, parse

    try:
        return literal_eval(parse(text, mode="eval"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _text(text: str, context: Mapping[str, Any], settings: Settings) -> Any:
    from jinja2 import TemplateError, UndefinedError

    if len(text) > MAX_TEMPLATE:
        raise TaskError("LW401", f"a template is longer than {MAX_TEMPLATE} characters", retryable=True)
    try:
        return _joined(text, context, settings)
    except TaskError:
        raise
    except UndefinedError as error:
        raise _failed(text, error, _hint(error, {*context, *settings.own})) from error
    except (
        TemplateError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise _failed(text, error) from error


def _joined(text: str, context: Mapping[str, Any], settings: Settings) -> Any:
    from leeward.templating.sandbox import MAX_OUTPUT, compiled, kind_of, special

    kind = kind_of(settings.native, settings.undefined, settings.options)
    if names_a_file(text):
        template, context = special(text, kind, settings.filters, settings.read), present(context)
    else:
        template = special(text, kind, settings.filters) if settings.filters else compiled(text, kind)
    environment = template.environment
    names: Any = ChainMap(context, settings.own, template.globals)  # type: ignore[arg-type]
    size, pieces = 0, []
    for piece in template.root_render_func(
        environment.context_class(environment, names, template.name, template.blocks)
    ):
        size += len(str(piece))
        if size > MAX_OUTPUT:
            raise TaskError("LW401", f"a template wrote more than {MAX_OUTPUT} characters", retryable=True)
        pieces.append(piece)
    joined: Any = environment.concat(pieces)
    return joined


def present(context: Mapping[str, Any]) -> dict[str, Any]:
    """All that a context has, as a plain mapping, without the names that can't exist here.

    For whoever wants everything: a callable with `**kwargs`, and Jinja, which hands a context on to another template.
    """
    found: dict[str, Any] = {}
    for name in context:
        with suppress(TaskError):
            found[name] = context[name]
    return found


def _failed(text: str, error: Exception, hint: str = "") -> TaskError:
    shown = repr(text if len(text) <= 80 else text[:77] + "...")
    message = f"the template {shown} can't be rendered: {type(error).__name__}: {error}"
    return TaskError("LW401", message + hint, retryable=True)


def _hint(error: UndefinedError, known: set[str]) -> str:
    """What to write instead of a name that nothing defines."""
    match = _UNDEFINED.fullmatch(str(error))
    if match is None:
        return ""
    if match[1] in _REMOVED:
        return f" (Airflow 3 removed it: {_REMOVED[match[1]]})"
    close = get_close_matches(match[1], known, 1)
    return f" (did you mean {close[0]}?)" if close else ""
