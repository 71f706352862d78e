"""Setups and teardowns as specs write them, read as Airflow's `as_setup` and `as_teardown` would be called.

Those calls come when every dependency has been drawn: a teardown still stands for its group as any other task does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from leeward.core.dag import Task, TriggerRule
from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import Member
from leeward.spec.nodes import Mark, Node, Scalar


def marked(task: Task, member: Member, keys: Mapping[str, Node], report: Report) -> Task:
    """The task as a setup or a teardown, if its keys say so."""
    setup, teardown, counts = (_true(keys, name) for name in ("is_setup", "is_teardown", "on_failure_fail_dagrun"))
    if setup and teardown:
        report.error(member.mark, "LW147", f"the task {task.task_id!r} is a setup and a teardown", "make it two tasks")
    for name in ("setups", "on_failure_fail_dagrun"):
        if name in keys and not teardown and (name == "setups" or counts):
            report.error(keys[name].mark, "LW147", f"{name} is for teardowns", "write is_teardown: true beside it")
    if not teardown:
        return replace(task, is_setup=setup)
    if "trigger_rule" in keys and task.trigger_rule is not TriggerRule.ALL_DONE_SETUP_SUCCESS:
        hint = "leave it out: the rule is all_done_setup_success"
        report.warning(keys["trigger_rule"].mark, "LW206", "a teardown has a rule of its own", hint)
    rule = TriggerRule.ALL_DONE_SETUP_SUCCESS
    return replace(task, trigger_rule=rule, is_teardown=True, on_failure_fail_dagrun=counts)


class Named(Protocol):
    """A task before names are resolved, with the setups that it names if it is a teardown."""

    @property
    def name(self) -> str:
        """The name, without the prefix of a group."""

    @property
    def mark(self) -> Mark:
        """Where the task stands."""

    @property
    def task(self) -> Task:
        """The task as far as it has been read."""

    @property
    def setups(self) -> Mapping[str, Node]:
        """The names of setups, with the nodes that hold them."""


def read_setups(tasks: Mapping[str, Named], ids: Mapping[str, str], report: Report) -> dict[str, tuple[str, ...]]:
    """The setups that each teardown names, by name. A setup may be named by its full id too, as in Airflow."""
    names = {**{full: name for name, full in ids.items()}, **{name: name for name in ids}}
    found: dict[str, tuple[str, ...]] = {}
    for name, task in tasks.items():
        for wanted, node in task.setups.items():
            if wanted not in names:
                report.error(node.mark, "LW142", f"there is no task {wanted!r}", closest(wanted, names))
            elif tasks[names[wanted]].task.is_teardown:
                report.error(node.mark, "LW147", f"the task {wanted!r} is a teardown and can't be a setup")
        found[name] = tuple(names[wanted] for wanted in task.setups if wanted in names)
    return found


def check_followers(
    tasks: Mapping[str, Named], setups: Collection[str], upstream: Mapping[str, Sequence[str]], report: Report
) -> None:
    """Report what comes right after a setup, is no teardown, and has another rule than all_success."""
    for name, spec in tasks.items():
        before = [up for up in upstream[name] if up in setups]
        fits = spec.task.is_teardown or spec.task.trigger_rule is TriggerRule.ALL_SUCCESS
        if before and not fits:
            story = f"{name!r} comes right after the setup {before[0]!r} and has the rule {spec.task.trigger_rule}"
            report.error(spec.mark, "LW148", story, "leave trigger_rule out")


def _true(keys: Mapping[str, Node], name: str) -> bool:
    node = keys.get(name)
    return isinstance(node, Scalar) and node.value is True
