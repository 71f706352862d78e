"""Task groups: their nesting, the prefixes that they give, and which tasks stand for a group in a dependency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from leeward.core.dag import TaskGroup
from leeward.spec.check import check_keys
from leeward.spec.diagnostics import Report, closest
from leeward.spec.keys import Level
from leeward.spec.members import Member, members, names_of, text_of
from leeward.spec.nodes import Node, Table


@dataclass(frozen=True, slots=True)
class Group:
    """A group as written. `dependencies` are names with the nodes that hold them."""

    name: str
    node: Table
    parent: str | None = None
    tooltip: str = ""
    prefixed: bool = True
    default_args: Table | None = None
    dependencies: Mapping[str, Node] = field(default_factory=dict)


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

    def compiled(self) -> tuple[TaskGroup, ...]:
        """The groups as the DAG carries them."""
        return tuple(
            TaskGroup(self.full_id(g.parent, g.name), self.group_id(g.parent), g.tooltip)
            for g in self.by_name.values()
        )

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
    return Groups(found)


def _read(member: Member, report: Report) -> Group:
    keys = check_keys(member.node, Level.GROUP, report)
    defaults = keys.get("default_args")
    return Group(
        member.name,
        member.node,
        text_of(keys.get("parent_group_name")),
        text_of(keys.get("tooltip")) or "",
        text_of(keys.get("prefix_group_id")) not in ("false", "False", "FALSE"),
        defaults if isinstance(defaults, Table) else None,
        names_of(keys.get("dependencies"), report),
    )


def _circular(name: str, groups: Mapping[str, Group]) -> bool:
    seen: set[str] = set()
    parent: str | None = name
    while parent is not None and parent not in seen:
        seen.add(parent)
        parent = groups[parent].parent
    return parent == name


@dataclass(frozen=True, slots=True)
class Wiring:
    """Resolves names in dependencies to tasks. `tasks` maps a task's name to its group and its dependencies."""

    groups: Groups
    tasks: Mapping[str, tuple[str | None, tuple[str, ...]]]

    def members(self, group: str) -> tuple[str, ...]:
        """The tasks in a group and in the groups inside it."""
        return tuple(
            name
            for name, (own, _) in self.tasks.items()
            if any(each.name == group for each in self.groups.path(own))
        )

    def upstream(self, task: str) -> tuple[str, ...]:
        """The names of all direct upstream tasks: its own, and those of every group of which it is a first task."""
        own, dependencies = self.tasks[task]
        found = list(self._leaves_of(dependencies))
        for group in self.groups.path(own):
            if task in self._roots(group.name):
                found += self._leaves_of(group.dependencies)
        return tuple(dict.fromkeys(found))

    def _leaves_of(self, names: Iterable[str]) -> Iterable[str]:
        for name in names:
            yield from self._leaves(name) if name in self.groups.by_name else (name,)

    def _roots(self, group: str) -> frozenset[str]:
        """The tasks of a group that depend on nothing in it."""
        inside = self._inside(group)
        return frozenset(
            task
            for task in self.members(group)
            if not any(name in inside for name in self._wants(task, group))
        )

    def _leaves(self, group: str) -> tuple[str, ...]:
        """The tasks of a group on which nothing in it depends."""
        inside = self._inside(group)
        wanted = {name for task in self.members(group) for name in self._wants(task, group)}
        return tuple(
            task
            for task in self.members(group)
            if not wanted & {task, *(g.name for g in self.groups.path(self.tasks[task][0]) if g.name in inside)}
        )

    def _wants(self, task: str, group: str) -> Iterable[str]:
        """What a task depends on, through itself or through the groups between it and `group`."""
        own, dependencies = self.tasks[task]
        yield from dependencies
        for each in self.groups.path(own):
            if each.name == group:
                return
            yield from each.dependencies

    def _inside(self, group: str) -> frozenset[str]:
        """The names of all tasks and groups inside a group."""
        nested = (
            name
            for name in self.groups.by_name
            if name != group and any(each.name == group for each in self.groups.path(name))
        )
        return frozenset((*self.members(group), *nested))
