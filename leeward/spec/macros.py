"""What the templates of a DAG stand on: `user_defined_macros` and `template_searchpath`.

A macro that is text is the import path of user code, a mapping holds more macros, anything else is a value. User code never
runs where AWS calls are made, so that a template of such a task can't use it: that is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from leeward.core.dag import Json, Task
from leeward.spec.diagnostics import Report
from leeward.spec.members import names_of, text_of
from leeward.spec.nodes import Mark, Node, Scalar, Table
from leeward.spec.special import as_json
from leeward.worker.macros import IMPORT, has_imports
from leeward.worker.values import TYPE

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


def read_searchpath(node: Node | None, root: str, report: Report) -> tuple[str, ...]:
    """The folders, relative to the spec's own, which `root` is where a folder is written out from the file system's root."""
    found: list[str] = []
    for item in names_of(node, report).values():
        text = f"{(text_of(item) or '').rstrip('/')}/"
        inside = text.removeprefix(f"{root.rstrip('/')}/") if root else text
        if inside.startswith("/") or ".." in inside.split("/"):
            hint = "write a folder beside the spec: it travels with its versions"
            report.error(item.mark, "LW149", f"{text[:-1]!r} does not lie beside the spec", hint)
        else:
            found.append(inside.rstrip("/"))
    return tuple(folder for folder in found if folder not in ("", "."))


def check_use(macros: Mapping[str, Json], tasks: Iterable[tuple[Task, Mark]], report: Report) -> None:
    """Report the templates that use a macro of user code where none may run: in `tasks`, which run no user code."""
    names = [name for name, macro in macros.items() if has_imports(macro)]
    if not names:
        return
    word = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})\b")
    for task, mark in tasks:
        found = next((match[1] for text in _texts(task.arguments) if (match := word.search(text))), None)
        if found is not None:
            hint = "compute the value in a Python task before it, and pull its XCom"
            report.error(mark, "LW133", f"the task {task.task_id!r} runs no user code, such as the macro {found}", hint)


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
