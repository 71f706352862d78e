"""What must hold of every stored step of a run, by name: checked after each write in tests and simulation.

An invariant that fails is a defect of ours; the message tells which one, and of which task instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias

from leeward.core.address import block_of, is_summary, map_index_of, task_of
from leeward.core.dag import Dag
from leeward.core.run import Entry, Item
from leeward.core.states import FINISHED, RUN_FINISHED, TaskState
from leeward.core.transitions import LEGAL

Check: TypeAlias = Callable[[Dag, Item, Item], Iterator[str]]


def _pairs(before: Item, after: Item) -> Iterator[tuple[int, Entry, Entry]]:
    """Changes of task instances; summaries of blocks are not instances."""
    for index in before.entries.keys() | after.entries.keys():
        old, new = before.entry(index), after.entry(index)
        if old != new and not is_summary(index):
            yield index, old, new


def _name(dag: Dag, index: int) -> str:
    task_id, here = dag.tasks[task_of(index)].task_id, map_index_of(index)
    return task_id if here < 0 else f"{task_id}[{here}]"


def legal_transition(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A state follows another only as the transition table says."""
    for index, old, new in _pairs(before, after):
        if old.state is not new.state and (old.state, new.state) not in LEGAL:
            yield f"{_name(dag, index)}: {old.state} -> {new.state}"


def tries_only_grow(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A try number never falls, and rises by one at a time, through clears too."""
    for index, old, new in _pairs(before, after):
        if not old.try_number <= new.try_number <= old.try_number + 1:
            yield f"{_name(dag, index)}: try {old.try_number} -> {new.try_number}"


def finished_stays(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Within an epoch a finished entry changes only from upstream_failed to skipped, at a branch's request, or pays."""
    for index, old, new in _pairs(before, after):
        asked = (old.state, new.state) == (TaskState.UPSTREAM_FAILED, TaskState.SKIPPED)
        paid = replace(old, owes=False) == new
        if old.state in FINISHED and before.epoch == after.epoch and not asked and not paid:
            yield f"{_name(dag, index)}: {old.state} -> {new.state} within an epoch"


def failure_stops_the_others(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Only a failure stops others, only where `fail_fast` says so, and no run ends before an intent has seen to it."""
    for index, entry in after.entries.items():
        if not entry.halts:
            if before.entry(index).halts and before.epoch == after.epoch:
                yield f"{_name(dag, index)}: forgot to stop the others"
            continue
        if entry.state is not TaskState.FAILED or not dag.fail_fast:
            yield f"{_name(dag, index)}: {entry.state} and stops the others"
        if after.header is not None and after.header.state in RUN_FINISHED:
            yield f"{_name(dag, index)}: the run ended before it had stopped the others"


def epoch_only_grows(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """An item's epoch never falls."""
    if after.epoch < before.epoch:
        yield f"{dag.dag_id}: epoch {before.epoch} -> {after.epoch}"


def running_has_an_owner(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A running entry names its owner and the end of its lease."""
    for index, _, new in _pairs(before, after):
        if new.state is TaskState.RUNNING and not (new.owner and new.until):
            yield f"{_name(dag, index)}: running without owner or lease"


def claim_is_exclusive(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A running try changes hands only by ending: no second owner claims the same try."""
    for index, old, new in _pairs(before, after):
        same_try = old.try_number == new.try_number
        both = old.state is TaskState.RUNNING and new.state is TaskState.RUNNING
        if both and same_try and old.owner != new.owner:
            yield f"{_name(dag, index)}: try {new.try_number} claimed twice"


def ended_runs_stay(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """A run that has ended changes its state only by a verb, which moves the epoch."""
    old, new = before.header, after.header
    if old is None or new is None or old.state not in RUN_FINISHED:
        return
    if old.state is not new.state and before.epoch == after.epoch:
        yield f"{dag.dag_id}: run {old.state} -> {new.state} within an epoch"


def summary_is_final(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Within an epoch the summary of a block never changes: it is written once, when all of the block has finished."""
    for index, old in before.entries.items():
        if is_summary(index) and before.epoch == after.epoch and after.entry(index) != old:
            yield f"{_name(dag, index)}: the summary of block {block_of(index)} changed"


def counts_fit(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Counts never exceed the instances that there are, and are complete when the mapped task, or block, has finished."""
    for index, entry in after.entries.items():
        if entry.mapped is None or before.entry(index) == entry:
            continue
        counted, there = sum(entry.mapped.counts), entry.mapped.length
        if counted > there or (entry.state in FINISHED and counted < there):
            yield f"{_name(dag, index)}: {counted} of {there} instances counted, {entry.state}"


def expansion_is_fixed(dag: Dag, before: Item, after: Item) -> Iterator[str]:
    """Within an epoch an expanded task keeps its number of instances, and counts of them only grow."""
    for index, old, new in _pairs(before, after):
        if old.mapped is None or before.epoch != after.epoch:
            continue
        there, counts = (new.mapped.length, new.mapped.counts) if new.mapped else (0, ())
        if there != old.mapped.length or any(a > b for a, b in zip(old.mapped.counts, counts, strict=False)):
            yield f"{_name(dag, index)}: {old.mapped} -> {new.mapped}"


INVARIANTS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            legal_transition,
            tries_only_grow,
            finished_stays,
            failure_stops_the_others,
            epoch_only_grows,
            running_has_an_owner,
            claim_is_exclusive,
            ended_runs_stay,
            summary_is_final,
            counts_fit,
            expansion_is_fixed,
        )
    }
)


def violations(dag: Dag, before: Item, after: Item) -> tuple[str, ...]:
    """Every named invariant that one write of an item breaks, as `name: story`."""
    return tuple(f"{name}: {story}" for name, check in INVARIANTS.items() for story in check(dag, before, after))
