"""Lists and mappings of named things (tasks, groups), and the small readings that they share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leeward.spec.diagnostics import Report
from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table

_ID = re.compile(r"[\w.-]+", re.ASCII)
MAX_ID = 250


@dataclass(frozen=True, slots=True)
class Member:
    """A task or group with its name."""

    name: str
    mark: Mark
    node: Table


def members(node: Node | None, name_key: str, report: Report) -> Iterator[Member]:
    """The members of a list (each with its name inside) or of a mapping (by name); bad ones are reported and left out."""
    seen: dict[str, Mark] = {}
    for member in _all(node, name_key, report):
        if member.name in seen:
            first = seen[member.name].line
            report.error(member.mark, "LW130", f"{name_key} {member.name!r} is there twice, first in line {first}")
        elif check_id(member.name, member.mark, name_key, report):
            seen[member.name] = member.mark
            yield member


def _all(node: Node | None, name_key: str, report: Report) -> Iterator[Member]:
    if isinstance(node, Table):
        for name, body in node.items.items():
            yield from _of_table(node, name, body, name_key, report)
    elif isinstance(node, Listing):
        for body in node:
            yield from _of_list(body, name_key, report)
    elif isinstance(node, Scalar) and node.value is not None:
        report.error(node.mark, "LW124", f"wants a list or a mapping, not {node.text!r}")


def _of_table(node: Table, name: str, body: Node, name_key: str, report: Report) -> Iterator[Member]:
    place = node.key_mark(name)
    if not isinstance(body, Table):
        report.error(place, "LW124", f"{name!r} wants a mapping of its keys")
        return
    inner = text_of(body.get(name_key))
    if inner not in (None, name):
        report.warning(
            body.items[name_key].mark, "LW203", f"{name_key} differs from the key {name!r}", "the key is the id"
        )
    yield Member(name, place, body)


def _of_list(body: Node, name_key: str, report: Report) -> Iterator[Member]:
    if not isinstance(body, Table):
        report.error(body.mark, "LW124", "wants a mapping")
        return
    name = text_of(body.get(name_key))
    if name is None:
        report.error(body.mark, "LW134", f"{name_key} is missing", f"write {name_key}: NAME")
        return
    yield Member(name, body.items[name_key].mark, body)


def check_id(name: str, mark: Mark, what: str, report: Report) -> bool:
    """Whether a name is one that Airflow allows."""
    if _ID.fullmatch(name) and len(name) <= MAX_ID:
        return True
    rule = f"use letters, digits, dashes, dots and underscores, at most {MAX_ID}"
    report.error(mark, "LW135", f"{what} {name!r} is not allowed", rule)
    return False


def text_of(node: Node | None) -> str | None:
    """The text of a scalar; None for null, for anything else, and for nothing."""
    if isinstance(node, Scalar) and node.value is not None:
        return node.text
    return None


def names_of(node: Node | None, report: Report) -> dict[str, Node]:
    """A list of names, or a single one, each with its node."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return {}
    items = node.items if isinstance(node, Listing) else (node,)
    found: dict[str, Node] = {}
    for item in items:
        name = text_of(item)
        if name is None:
            report.error(item.mark, "LW124", "wants the name of a task or group")
        else:
            found[name] = item
    return found


def in_file(keys: Mapping[str, Node], stem: str, what: str, report: Report, mark: Mark | None = None) -> dict[str, str]:
    """What `STEM_name` and `STEM_file` say, as a mapping with `file` and `name`; empty if not both are there.

    A missing half is reported at `mark`, by default at the other one.
    """
    found = {part: text for part in ("file", "name") if (text := text_of(keys.get(f"{stem}_{part}"))) is not None}
    if len(found) == 1:
        (half,) = found
        hint = f"write {stem}_name and {stem}_file, or {stem}"
        report.error(mark or keys[f"{stem}_{half}"].mark, "LW141", f"one half of the {what} is missing", hint)
        return {}
    return found
