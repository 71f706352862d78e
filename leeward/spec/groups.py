"""Task groups: their nesting, the prefixes that they give, and which tasks stand for a group in a dependency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leeward.core.dag import Expansion, TaskGroup
from leeward.spec.check import check_keys
from leeward.spec.diagnostics import Report, closest
from leeward.spec.expand import SourceReader, full_expansion
from leeward.spec.keys import Level
from leeward.spec.members import Member, members, names_of, text_of
from leeward.spec.nodes import Node, Table


@dataclass(frozen=True, slots=True)
class Group:
    """A group as written. `dependencies` are names with the nodes that hold them, `references` what it is mapped over."""

    name: str
    node: Table
    parent: str | None = None
    tooltip: str = ""
    prefixed: bool = True
    default_args: Table | None = None
    dependencies: Mapping[str, Node] = field(default_factory=dict)
    expand: Expansion | None = None
    references: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups of a DAG by name."""

    by_name: Mapping[str, Group] = field(default_factory=dict)

    def path(self, name: str | None) -> tuple[Group, ...]:
        """A group and what it is in, the innermost first."""
        found: list[Group] = []
        while name is not None:
            group = self.by_name[name]
            found.append(group)
            name = group.parent
        return tuple(found)

    def full_id(self, group: str | None, name: str) -> str:
        """The runtime id of a task or group of that name within a group."""
        if group is None or not self.by_name[group].prefixed:
            return name
        return f"{self.full_id(self.by_name[group].parent, group)}.{name}"

    def compiled(self, ids: Mapping[str, str]) -> tuple[TaskGroup, ...]:
        """The groups as the DAG carries them; `ids` are the full ids of tasks."""
        return tuple(
            TaskGroup(self.full_id(g.parent, g.name), self.group_id(g.parent), g.tooltip, full_expansion(g.expand, ids))
            for g in self.by_name.values()
        )

    def mapped(self, name: str | None) -> Group | None:
        """The innermost mapped group around something in that group."""
        return next((group for group in self.path(name) if group.expand is not None), None)

    def group_id(self, name: str | None) -> str | None:
        """The full id of a group; None for no group."""
        return None if name is None else self.full_id(self.by_name[name].parent, name)


def read_groups(node: Node | None, report: Report) -> Groups:
    """The groups of a DAG; one whose parent is missing or inside it is reported, and read as if it had none."""
    found = {member.name: _read(member, report) for member in members(node, "group_name", report)}
    for name, group in list(found.items()):
        if group.parent is not None and group.parent not in found:
            place = group.node.items["parent_group_name"].mark
            report.error(place, "LW131", f"there is no group {group.parent!r}", closest(group.parent, found))
            found[name] = replace(group, parent=None)
    for name in list(found):
        if _circular(name, found):
            place = found[name].node.items["parent_group_name"].mark
            report.error(place, "LW132", f"the group {name!r} is inside itself")
            found[name] = replace(found[name], parent=None)
    groups = Groups(found)
    for name, group in found.items():
        if group.expand is not None and groups.mapped(group.parent) is not None:
            report.error(
                group.node.mark, "LW175", f"the group {name!r} is mapped inside a mapped group", "map only one of them"
            )
    return groups


def _read(member: Member, report: Report) -> Group:
    keys = check_keys(member.node, Level.GROUP, report)
    defaults = keys.get("default_args")
    sources = SourceReader(report)
    expand = sources.expansion(keys)
    if sources.calls:
        report.error(
            sources.calls[0].mark, "LW172", "a group can't run the callable of __map__", "map its values in a task"
        )
    return Group(
        member.name,
        member.node,
        text_of(keys.get("parent_group_name")),
        text_of(keys.get("tooltip")) or "",
        text_of(keys.get("prefix_group_id")) not in ("false", "False", "FALSE"),
        defaults if isinstance(defaults, Table) else None,
        names_of(keys.get("dependencies"), report),
        expand,
        sources.references,
    )


def _circular(name: str, groups: Mapping[str, Group]) -> bool:
    seen: set[str] = set()
    parent: str | None = name
    while parent is not None and parent not in seen:
        seen.add(parent)
        parent = groups[parent].parent
    return parent == name
