"""Names to edges: dependencies between tasks and groups become upstream task ids, in topological order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from leeward.core.dag import Task
from leeward.spec.diagnostics import Report, closest
from leeward.spec.expand import full, full_expansion
from leeward.spec.groups import Groups
from leeward.spec.nodes import Node
from leeward.spec.setups import check_followers, read_setups
from leeward.spec.tasks import TaskSpec


def wire(specs: Sequence[TaskSpec], groups: Groups, report: Report) -> tuple[Task, ...]:
    """The tasks with full ids and upstream ids, upstream before downstream, else in the order of the spec."""
    by_name = {spec.name: spec for spec in specs}
    _check_names(by_name, groups, report)
    ids = full_ids(specs, groups)
    setups = read_setups(by_name, ids, report)
    upstream = Wiring(groups, by_name, setups).upstream()
    marked = {s.name for s in specs if s.task.is_setup}.union(*setups.values())
    check_followers(by_name, marked, upstream, report)
    ordered = list(_ordered(upstream))
    if len(ordered) < len(upstream):
        _report_cycle(upstream, set(ordered), by_name, report)
    tasks = (_task(by_name[name], upstream[name], ids, groups, is_setup=name in marked) for name in ordered)
    return tuple(tasks)


def full_ids(specs: Sequence[TaskSpec], groups: Groups) -> dict[str, str]:
    """The runtime id of every task, by name."""
    return {spec.name: groups.full_id(spec.group, spec.name) for spec in specs}


@dataclass(frozen=True, slots=True)
class Wiring:
    """Draws edges in dag-factory's order, which matters: a group's first and last tasks depend on the edges so far.

    First what arguments take from other tasks, then the dependencies of tasks, then those of groups, each in the order of
    the spec. The setups of teardowns come last.
    """

    groups: Groups
    tasks: Mapping[str, TaskSpec]
    setups: Mapping[str, Sequence[str]]

    def upstream(self) -> dict[str, tuple[str, ...]]:
        """The direct upstream tasks of every task, by name."""
        edges: dict[str, list[str]] = {name: [] for name in self.tasks}
        for name, spec in self.tasks.items():
            edges[name] += [up for up in spec.references if up in self.tasks]
        for name, spec in self.tasks.items():
            self._draw(edges, (name,), spec.dependencies)
        for group in self.groups.by_name.values():
            for dependency in (*group.references, *group.dependencies):
                self._draw(edges, self._roots(edges, group.name), (dependency,))
        return {name: tuple(dict.fromkeys((*ups, *self.setups[name]))) for name, ups in edges.items()}

    def _draw(self, edges: Mapping[str, list[str]], downs: Iterable[str], names: Iterable[str]) -> None:
        for name in names:
            if name in self.groups.by_name:
                found: Sequence[str] = self._leaves(edges, name)
            else:
                found = (name,) if name in self.tasks else ()
            for down in downs:
                edges[down] += found

    def _members(self, group: str) -> tuple[str, ...]:
        """The tasks in a group and in the groups inside it."""
        paths = ((name, self.groups.path(spec.group)) for name, spec in self.tasks.items())
        return tuple(name for name, path in paths if any(each.name == group for each in path))

    def _roots(self, edges: Mapping[str, list[str]], group: str) -> tuple[str, ...]:
        """The tasks of a group that so far depend on nothing in it."""
        inside = self._members(group)
        return tuple(name for name in inside if not set(edges[name]) & set(inside))

    def _leaves(self, edges: Mapping[str, list[str]], group: str) -> tuple[str, ...]:
        """The tasks of a group on which so far nothing in it depends."""
        inside = self._members(group)
        wanted = {up for name in inside for up in edges[name]}
        return tuple(name for name in inside if name not in wanted)


def _check_names(tasks: Mapping[str, TaskSpec], groups: Groups, report: Report) -> None:
    for spec in tasks.values():
        _check(spec.dependencies, tasks, groups, report)
    taken = [spec.references for spec in tasks.values()] + [group.references for group in groups.by_name.values()]
    for references in taken:
        for name, node in references.items():
            if name not in tasks:
                report.error(node.mark, "LW142", f"there is no task {name!r}", closest(name, tasks))
    for group in groups.by_name.values():
        _check(group.dependencies, tasks, groups, report)


def _check(wanted: Mapping[str, Node], tasks: Mapping[str, TaskSpec], groups: Groups, report: Report) -> None:
    for name, node in wanted.items():
        if name in tasks and name in groups.by_name:
            report.error(node.mark, "LW143", f"{name!r} is both a task and a group", "rename one of them")
        elif name not in tasks and name not in groups.by_name:
            hint = closest(name, (*tasks, *groups.by_name))
            report.error(node.mark, "LW142", f"there is no task or group {name!r}", hint)


def _ordered(upstream: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Kahn's algorithm, the earliest of the spec first; what is in a cycle, or after one, is left out."""
    place = {name: i for i, name in enumerate(upstream)}
    names = list(upstream)
    waiting = {name: len(ups) for name, ups in upstream.items()}
    downstream: dict[str, list[str]] = {name: [] for name in upstream}
    for name, ups in upstream.items():
        for up in ups:
            downstream[up].append(name)
    ready = [place[name] for name, count in waiting.items() if not count]
    while ready:
        name = names[heapq.heappop(ready)]
        yield name
        for down in downstream[name]:
            waiting[down] -= 1
            if not waiting[down]:
                heapq.heappush(ready, place[down])


def _report_cycle(
    upstream: Mapping[str, Sequence[str]],
    done: set[str],
    tasks: Mapping[str, TaskSpec],
    report: Report,
) -> None:
    """Walk upstream among what is left until a task comes again: everything left has such an upstream."""
    path = [next(name for name in upstream if name not in done)]
    while path[-1] not in path[:-1]:
        path.append(next(up for up in upstream[path[-1]] if up not in done))
    cycle = path[path.index(path[-1]) :]
    shown = " -> ".join(reversed(cycle))
    report.error(tasks[cycle[0]].mark, "LW144", f"the dependencies are circular: {shown}")


def _task(spec: TaskSpec, upstream: Sequence[str], ids: Mapping[str, str], groups: Groups, *, is_setup: bool) -> Task:
    return replace(
        spec.task,
        is_setup=is_setup,
        task_id=ids[spec.name],
        upstream=tuple(ids[name] for name in upstream),
        group=groups.group_id(spec.group),
        arguments={key: full(value, ids) for key, value in spec.task.arguments.items()},
        expand=full_expansion(spec.task.expand, ids),
    )
