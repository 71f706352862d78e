"""What Airflow refuses of mapped tasks and groups, found once names are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leeward.contract import SHORT_BODY_SECONDS
from leeward.core.dag import Json, TriggerRule, xcoms_of
from leeward.core.sources import MAPPED
from leeward.spec.diagnostics import Report, closest
from leeward.spec.groups import Group, Groups
from leeward.spec.tasks import TaskSpec


def check_mapping(specs: Sequence[TaskSpec], groups: Groups, report: Report) -> None:
    """Report tasks that are mapped where that is not possible, and arguments of groups that are not there."""
    for spec in specs:
        group = groups.mapped(spec.group)
        _check_place(spec, group, report)
        _check_always(spec, group, report)
        _check_arguments(spec, group, report)
        _check_calls(spec, report)


def _check_place(spec: TaskSpec, group: Group | None, report: Report) -> None:
    if group is not None and spec.task.expand is not None:
        hint = "map either the task or the group"
        report.error(
            spec.mark, "LW175", f"the task {spec.name!r} is mapped inside the mapped group {group.name!r}", hint
        )


def _check_always(spec: TaskSpec, group: Group | None, report: Report) -> None:
    """With rule `always` a task starts before the values are there."""
    if spec.task.trigger_rule is not TriggerRule.ALWAYS:
        return
    expand = spec.task.expand
    decorated = expand is not None and "Decorated" in spec.task.operator and any(xcoms_of(expand))
    if group is not None or decorated:
        hint = "take another rule, such as all_done"
        report.error(spec.mark, "LW176", f"the mapped task {spec.name!r} can't have the trigger rule always", hint)


def _check_arguments(spec: TaskSpec, group: Group | None, report: Report) -> None:
    expand = group.expand if group else None
    known = [name for name, _ in expand.inputs] if expand else []
    for name in _taken(spec.task.arguments):
        if expand is None:
            report.error(spec.mark, "LW177", f"{MAPPED}: {name} stands outside of a mapped group", "map the group")
        elif not expand.kwargs and name not in known:
            report.error(spec.mark, "LW177", f"the group is not mapped over {name!r}", closest(name, known))


def _check_calls(spec: TaskSpec, report: Report) -> None:
    """Instances that share a call must surely end while the executor waits for it, and be Python."""
    many, seconds = spec.task.instances_per_call, spec.task.execution_timeout_seconds
    if many == 1:
        return
    if "python_callable" not in spec.task.arguments:
        report.error(spec.mark, "LW178", f"instances of {spec.name!r} can't share a call", "only Python callables can")
    elif seconds is None or many * seconds > SHORT_BODY_SECONDS:
        hint = f"write an execution_timeout of at most {SHORT_BODY_SECONDS / many:g} seconds"
        report.error(spec.mark, "LW178", f"{many} instances of {spec.name!r} may outlast their call", hint)


def _taken(value: Json) -> Iterator[str]:
    """The arguments of the group that an argument takes."""
    if isinstance(value, Mapping):
        if MAPPED in value:
            yield str(value[MAPPED])
        for part in value.values():
            yield from _taken(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _taken(part)
