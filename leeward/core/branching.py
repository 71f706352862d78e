"""Which tasks a branch or short-circuit asks to be skipped, given what its callable returned. Airflow's rules."""

from __future__ import annotations

from collections.abc import Iterable

from leeward.core.dag import Dag, SkipScope, Task
from leeward.core.errors import TaskError


def not_chosen(dag: Dag, task: Task, chosen: Iterable[str]) -> tuple[str, ...]:
    """The direct downstream tasks that are neither chosen nor downstream of a chosen one.

    `chosen` holds ids of tasks or of task groups; a group stands for its first tasks. Raises TaskError LW405 for an id
    that names nothing in the DAG.
    """
    index = dag.index[task.task_id]
    direct = dag.graph.downstream[index]
    picked = {place for name in chosen for place in _places(dag, name)}
    kept = picked | dag.graph.descendants(picked)
    return tuple(dag.tasks[place].task_id for place in direct if place not in kept)


def short_circuited(dag: Dag, task: Task) -> tuple[str, ...]:
    """What a short-circuit skips: everything downstream, or only its direct downstream tasks; but no teardown."""
    index = dag.index[task.task_id]
    everything = task.skip_scope is SkipScope.ALL
    found = dag.graph.descendants((index,)) if everything else dag.graph.downstream[index]
    return tuple(dag.tasks[place].task_id for place in sorted(found) if not dag.tasks[place].is_teardown)


def _places(dag: Dag, name: str) -> Iterable[int]:
    if name in dag.index:
        return (dag.index[name],)
    if any(group.group_id == name for group in dag.groups):
        return _roots(dag, name)
    raise TaskError("LW405", f"there is no task or task group {name!r} to choose", retryable=True)


def _roots(dag: Dag, group: str) -> tuple[int, ...]:
    """The tasks of a group, and of those inside it, that depend on nothing in it."""
    inside = {i for i, task in enumerate(dag.tasks) if _within(dag, task.group, group)}
    return tuple(i for i in sorted(inside) if not inside.intersection(dag.graph.upstream[i]))


def _within(dag: Dag, inner: str | None, outer: str) -> bool:
    parents = {group.group_id: group.parent for group in dag.groups}
    while inner is not None and inner != outer:
        inner = parents[inner]
    return inner is not None
