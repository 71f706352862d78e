"""What must hold of every stored step of a run, by name: checked after each write in tests and simulation.

An invariant that fails is a defect of ours; the message tells which one, and of which task instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias

from leeward.core.dag import Dag
from leeward.core.run import Entry, Item
from leeward.core.states import FINISHED, RUN_FINISHED, TaskState
from leeward.core.transitions import LEGAL

Check: TypeAlias = Callable[[Dag, Item, Item], Iterator[str]]


def _pairs(before: Item, after: Item) -> Iterator[tuple[int, Entry, Entry]]:
    for index in before.entries.keys() | after.entries.keys():
        old, new = before.entry(index), after.entry(index)
        if old != new:
            yield index, old, new


def legal_transition(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A state follows another only as the transition table says."""
    for index, old, new in _pairs(before, after):
        if old.state is not new.state and (old.state, new.state) not in LEGAL:
            yield f"{dag.tasks[index].task_id}: {old.state} -> {new.state}"


def tries_only_grow(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A try number never falls, and rises by one at a time, through clears too."""
    for index, old, new in _pairs(before, after):
        if not old.try_number <= new.try_number <= old.try_number + 1:
            yield f"{dag.tasks[index].task_id}: try {old.try_number} -> {new.try_number}"


def finished_stays(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Within an epoch a finished entry changes only from upstream_failed to skipped, at a branch's request, or pays."""
    for index, old, new in _pairs(before, after):
        asked = (old.state, new.state) == (TaskState.UPSTREAM_FAILED, TaskState.SKIPPED)
        paid = replace(old, owes=False) == new
        if old.state in FINISHED and before.epoch == after.epoch and not asked and not paid:
            yield f"{dag.tasks[index].task_id}: {old.state} -> {new.state} within an epoch"


def epoch_only_grows(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """An item's epoch never falls."""
    if after.epoch < before.epoch:
        yield f"{dag.dag_id}: epoch {before.epoch} -> {after.epoch}"


def running_has_an_owner(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A running entry names its owner and the end of its lease."""
    for index, _, new in _pairs(before, after):
        if new.state is TaskState.RUNNING and not (new.owner and new.until):
            yield f"{dag.tasks[index].task_id}: running without owner or lease"


def claim_is_exclusive(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A running try changes hands only by ending: no second owner claims the same try."""
    for index, old, new in _pairs(before, after):
        same_try = old.try_number == new.try_number
        both = old.state is TaskState.RUNNING and new.state is TaskState.RUNNING
        if both and same_try and old.owner != new.owner:
            yield f"{dag.tasks[index].task_id}: try {new.try_number} claimed twice"


def ended_runs_stay(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A run that has ended changes its state only by a verb, which moves the epoch."""
    old, new = before.header, after.header
    if old is None or new is None or old.state not in RUN_FINISHED:
        return
    if old.state is not new.state and before.epoch == after.epoch:
        yield f"{dag.dag_id}: run {old.state} -> {new.state} within an epoch"


INVARIANTS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            legal_transition,
            tries_only_grow,
            finished_stays,
            epoch_only_grows,
            running_has_an_owner,
            claim_is_exclusive,
            ended_runs_stay,
        )
    }
)


def violations(dag: Dag, before: Item, after: Item) -> tuple[str, ...]:
    """Every named invariant that one write of an item breaks, as `name: story`."""
    return tuple(f"{name}: {story}" for name, check in INVARIANTS.items() for story in check(dag, before, after))
