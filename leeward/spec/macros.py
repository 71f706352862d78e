"""What the templates of a DAG stand on: macros and filters of its own, folders, and settings of Jinja.

A macro that is text is the import path of user code, a mapping holds more macros, anything else is a value; a filter is an
import path. User code never runs where AWS calls are made, so that a template of such a task can't use it: that is told at
once. Jinja's delimiters stay as they are, because templates are told from other text by them; so does what would load code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from leeward.core.dag import Json, Task
from leeward.spec.check import mismatch
from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import names_of, text_of
from leeward.spec.nodes import Mark, Node, Scalar, Table
from leeward.spec.special import as_json
from leeward.worker.macros import IMPORT, has_imports
from leeward.worker.values import TYPE

UNDEFINED: Final = ("StrictUndefined", "Undefined", "ChainableUndefined", "DebugUndefined")
_FLAG: Final[Mapping[str, Json]] = {"type": "boolean"}
OPTIONS: Final[Mapping[str, Mapping[str, Json]]] = {
    "autoescape": _FLAG,
    "extensions": {"type": "array", "items": {"enum": ["jinja2.ext.do", "jinja2.ext.loopcontrols"]}},
    "keep_trailing_newline": _FLAG,
    "lstrip_blocks": _FLAG,
    "newline_sequence": {"enum": ["\n", "\r\n", "\r"]},
    "trim_blocks": _FLAG,
}
"""Settings of `jinja2.Environment` that templates may have."""
_WITHOUT_EFFECT: Final = frozenset({"auto_reload", "cache_size", "optimized"})
_PATH: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_INSIDE: Final = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")


def read_macros(node: Node | None, report: Report) -> dict[str, Json]:
    """The macros as plain JSON, import paths as mappings with `__import__`."""
    return _table(node, report) if isinstance(node, Table) else {}


def _table(node: Table, report: Report) -> dict[str, Json]:
    for name in node.items:
        if not _NAME.fullmatch(name):
            report.error(node.key_mark(name), "LW129", f"{name!r} is no name that a template can use")
    return {name: _macro(value, report) for name, value in node.items.items()}


def _macro(node: Node, report: Report) -> Json:
    if isinstance(node, Table) and TYPE not in node.items:
        return _table(node, report)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return as_json(node, report)
    if not _PATH.fullmatch(node.value):
        hint = "write module.function; a plain text belongs into params"
        report.error(node.mark, "LW129", f"the macro {node.value!r} is no import path", hint)
    return {IMPORT: node.value}


def read_filters(node: Node | None, report: Report) -> dict[str, Json]:
    """The filters, import paths as mappings with `__import__`."""
    found = read_macros(node, report)
    for name, value in node.items.items() if isinstance(node, Table) else ():
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            report.error(value.mark, "LW129", f"the filter {name!r} is no import path", "write module.function")
    return found


def read_undefined(node: Node | None, report: Report) -> str:
    """Jinja's class of undefined values, by its name."""
    path = text_of(node)
    if node is None or path is None:
        return UNDEFINED[0]
    module, _, name = path.rpartition(".")
    if module not in ("jinja2", "jinja2.runtime") or name not in UNDEFINED:
        hint = closest(path, [f"jinja2.{each}" for each in UNDEFINED])
        report.error(node.mark, "LW152", f"{path} is none of Jinja's classes of undefined values", hint)
        return UNDEFINED[0]
    return name


def read_options(node: Node | None, report: Report) -> dict[str, Json]:
    """The settings of Jinja's environment that templates may have."""
    found: dict[str, Json] = {}
    for name, value in node.items.items() if isinstance(node, Table) else ():
        plain = as_json(value, report)
        if name in _WITHOUT_EFFECT:
            report.warning(value.mark, "LW201", f"{name} does nothing", "it changes no text")
        elif name not in OPTIONS:
            hint = closest(name, OPTIONS)
            report.error(value.mark, "LW152", f"templates can't have the setting {name!r}", hint)
        elif problem := mismatch(plain, OPTIONS[name]):
            report.error(value.mark, "LW152", f"{name} {problem}")
        else:
            found[name] = plain
    return found


def read_searchpath(node: Node | None, root: str, report: Report) -> tuple[str, ...]:
    """The folders, relative to the spec's own, which `root` is where a folder is written out from the file system's root."""
    found: list[str] = []
    for item in names_of(node, report).values():
        text = f"{(text_of(item) or '').rstrip('/')}/"
        inside = beside_spec(text, root)
        if inside is None:
            hint = "write a folder beside the spec: it travels with its versions"
            report.error(item.mark, "LW149", f"{text[:-1]!r} does not lie beside the spec", hint)
        else:
            found.append(inside.rstrip("/"))
    return tuple(folder for folder in found if folder not in ("", "."))


def beside_spec(path: str, root: str) -> str | None:
    """A path relative to the spec's folder, which may be written out as `root`; None if it leads elsewhere."""
    inside = path.removeprefix(f"{root.rstrip('/')}/") if root else path
    return None if inside.startswith("/") or ".." in inside.split("/") else inside


def check_use(
    macros: Mapping[str, Json], filters: Iterable[str], tasks: Iterable[tuple[Task, Mark]], report: Report
) -> None:
    """Report the templates that use macros or filters of user code where none may run: in `tasks`, which run none."""
    own = [name for name, macro in macros.items() if has_imports(macro)]
    words = [*_words("macro", r"(?<![\w.])", own), *_words("filter", r"(?:\||^[-+]?\s*filter\b)\s*", [*filters])]
    for task, mark in tasks if words else ():
        for kind, word in words:
            found = next((match[1] for text in _texts(task.arguments) if (match := word.search(text))), None)
            if found is not None:
                hint = "compute the value in a Python task before it, and pull its XCom"
                what = f"the task {task.task_id!r} runs no user code, such as the {kind} {found}"
                report.error(mark, "LW133", what, hint)


def _words(kind: str, before: str, names: Sequence[str]) -> list[tuple[str, re.Pattern[str]]]:
    """What finds one of these names in a template, if there are any."""
    return [(kind, re.compile(rf"{before}({'|'.join(map(re.escape, names))})\b"))] if names else []


def _texts(value: Json) -> Iterator[str]:
    """What stands between the braces of templates in an argument, without the texts in quotes."""
    if isinstance(value, str):
        for match in _INSIDE.finditer(value):
            yield _QUOTED.sub("''", match[1])
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
