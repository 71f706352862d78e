"""What a task or a task group is mapped over, as written: `expand`, `expand_kwargs`, and the sources in them.

A source is a literal list or mapping, a task's return value (`+task`, `task.output` or `XcomArg(task)`), or one of
`__zip__`, `__concat__` and `__map__`, which dag-factory has no key for: Airflow's methods of those names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from leeward.core.dag import XCOM, Expansion, Json
from leeward.core.sources import CONCAT, FILL, MAP, ZIP
from leeward.spec.diagnostics import Report
from leeward.spec.nodes import Listing, Node, Scalar, Table
from leeward.spec.special import as_json

_REFERENCES: Final = (
    re.compile(r"\+(?P<task>[\w.-]+)(?:\[(['\"])(?P<key>.+)\2\])?", re.ASCII),
    re.compile(r"(?P<task>[\w.-]+)\.output", re.ASCII),
    re.compile(r"X[Cc]omArg\((?P<task>[\w.-]+)\)", re.ASCII),
)
_HINT: Final = "write a list, a mapping, +task, task.output or XcomArg(task)"
_FORMS: Final = {ZIP: {ZIP, FILL}, CONCAT: {CONCAT}, MAP: {MAP, "callable"}}


@dataclass
class SourceReader:
    """Reads the sources of one task or group. `references` are the tasks whose XComs they take, with their nodes."""

    report: Report
    references: dict[str, Node] = field(default_factory=dict)
    calls: list[Node] = field(default_factory=list)

    def expansion(self, keys: Mapping[str, Node]) -> Expansion | None:
        """What the keys `expand` or `expand_kwargs` say; None if there is neither, or nothing right."""
        plain, kwargs = (_there(keys.get(name)) for name in ("expand", "expand_kwargs"))
        if plain is not None and kwargs is not None:
            self.report.error(kwargs.mark, "LW170", "expand and expand_kwargs are both there", "keep one of them")
            return None
        if kwargs is not None:
            return Expansion((("", self._kwargs(kwargs)),), kwargs=True)
        if plain is None:
            return None
        if not isinstance(plain, Table) or not plain.items:
            self.report.error(
                plain.mark, "LW170", "expand wants a mapping of arguments", "write expand: {argument: [..]}"
            )
            return None
        return Expansion(tuple((name, self.source(node)) for name, node in plain.items.items()))

    def source(self, node: Node) -> Json:
        """A source as the DAG carries it."""
        if isinstance(node, Listing):
            return as_json(node, self.report)
        if isinstance(node, Table):
            special = next((name for name in _FORMS if name in node.items), None)
            return as_json(node, self.report) if special is None else self._special(special, node)
        return self._reference(node)

    def _kwargs(self, node: Node) -> Json:
        source = self.source(node)
        items = source if isinstance(node, Listing) and isinstance(source, list) else []
        if isinstance(node, Table) and not any(name in node.items for name in _FORMS):
            self.report.error(node.mark, "LW170", "expand_kwargs wants a list of mappings", _HINT)
        for item, place in zip(items, node.items if isinstance(node, Listing) else (), strict=False):
            if not isinstance(item, Mapping):
                self.report.error(
                    place.mark, "LW170", "expand_kwargs wants mappings of arguments", "write - {argument: value}"
                )
        return source

    def _special(self, name: str, node: Table) -> Json:
        others = node.items.keys() - _FORMS[name]
        if others:
            self.report.error(
                node.mark, "LW170", f"{name} can't stand beside {min(others)}", "write it as a mapping of its own"
            )
        if name == MAP:
            self.calls.append(node)
            callable_ = as_json(node.items["callable"], self.report) if "callable" in node.items else None
            if not callable_:
                self.report.error(
                    node.mark, "LW170", "__map__ wants a callable beside it", "write callable: module.function"
                )
            return {MAP: self.source(node.items[MAP]), "callable": callable_}
        parts = node.items[name]
        if not isinstance(parts, Listing):
            self.report.error(parts.mark, "LW170", f"{name} wants a list of what to take", _HINT)
            return []
        found: dict[str, Json] = {name: [self.source(part) for part in parts]}
        if FILL in node.items:
            found[FILL] = as_json(node.items[FILL], self.report)
        return found

    def _reference(self, node: Scalar) -> Json:
        text = node.value if isinstance(node.value, str) else ""
        match = next((match for form in _REFERENCES if (match := form.fullmatch(text))), None)
        if match is None:
            self.report.error(node.mark, "LW170", f"{node.text!r} can't be mapped over", _HINT)
            return []
        key = match.groupdict().get("key")
        if key not in (None, "return_value"):
            self.report.error(node.mark, "LW171", f"only return values are mapped over, not the XCom {key!r}", "")
        self.references[match["task"]] = node
        return {XCOM: match["task"], "key": "return_value"}


def _there(node: Node | None) -> Node | None:
    """A node that is there and not null."""
    return None if isinstance(node, Scalar) and node.value is None else node


def with_partial(node: Table, report: Report) -> Table:
    """A task with the keys of its `partial` among its own: both are what all instances share."""
    partial = node.get("partial")
    if not isinstance(partial, Table):
        return node
    if _there(node.get("expand")) is None and _there(node.get("expand_kwargs")) is None:
        report.error(node.key_mark("partial"), "LW174", "partial without expand", "write its keys as keys of the task")
    for name in partial.items.keys() & node.items.keys():
        report.error(partial.key_mark(name), "LW173", f"{name} is a key of the task, too", "keep it in one place")
    items = {**{key: value for key, value in node.items.items() if key != "partial"}, **partial.items}
    return Table(items, node.mark, {**node.key_marks, **partial.key_marks})


def full_expansion(expansion: Expansion | None, ids: Mapping[str, str]) -> Expansion | None:
    """The expansion with references to full task ids."""
    if expansion is None:
        return None
    return replace(expansion, inputs=tuple((name, full(source, ids)) for name, source in expansion.inputs))


def full(value: Json, ids: Mapping[str, str]) -> Any:
    """An argument or a source with references to full task ids."""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {key: full(item, ids) for key, item in value.items()}
        if XCOM in found:
            found[XCOM] = ids.get(found[XCOM], found[XCOM])
        return found
    if isinstance(value, (list, tuple)):
        return [full(item, ids) for item in value]
    return value
