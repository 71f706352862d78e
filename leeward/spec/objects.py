"""Objects of Airflow's that keys take by `__type__`, such as a DeadlineAlert: their class and their arguments, as nodes.

Each key has a closed list of classes. Nothing is imported, so that a class of the user's can only be refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import text_of
from leeward.spec.nodes import Node, Table
from leeward.spec.special import arguments
from leeward.worker.values import TYPE


@dataclass(frozen=True, slots=True)
class Shape:
    """The arguments that a class takes, in their order, and those that it can't do without."""

    parameters: tuple[str, ...] = ()
    required: Collection[str] = field(default_factory=tuple)


def read_object(
    node: Node, shapes: Mapping[str, Shape], what: str, report: Report
) -> tuple[str, dict[str, Node]] | None:
    """The class, by its last name, and the arguments by name; None if there is a mistake, which is reported (LW180)."""
    path = text_of(node.get(TYPE)) if isinstance(node, Table) else None
    name = (path or "").rpartition(".")[2]
    if not isinstance(node, Table) or path is None or not path.startswith("airflow.") or name not in shapes:
        shown = f"{path} is no {what}" if path else f"this is no {what}"
        report.error(node.mark, "LW180", shown, f"write __type__: airflow.sdk.{next(iter(shapes))}, or {_list(shapes)}")
        return None
    shape = shapes[name]
    positional, named = arguments(node)
    found = {**dict(zip(shape.parameters, positional, strict=False)), **named}
    for key in (key for key in named if key not in shape.parameters):
        report.error(node.key_mark(key), "LW180", f"{name} has no argument {key!r}", closest(key, shape.parameters))
    for key in (key for key in shape.required if key not in found):
        report.error(node.mark, "LW180", f"{name} wants the argument {key}")
    right = found.keys() <= set(shape.parameters) and found.keys() >= set(shape.required)
    return (name, found) if right else None


def _list(shapes: Mapping[str, Shape]) -> str:
    return "one of " + ", ".join(shapes)
