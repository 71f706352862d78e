"""Instances of mapped tasks as a view shows them: what they depend on, when a task expands, what its blocks come to.

Nothing here writes, and `decide` asks. The image of a block holds all of its entries, so that no count is kept beside them;
what crosses items (a summary, the sum in the task's own entry) is derived from finished entries and written once an epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from leeward.core.address import (
    BLOCK,
    block_of,
    blocks,
    instance,
    is_summary,
    item_of,
    map_index_of,
    summaries,
    summary,
    task_of,
)
from leeward.core.dag import Dag, Expansion, TriggerRule, xcoms_of
from leeward.core.rules import Tally, verdict
from leeward.core.run import ENDS, Entry, Mapped
from leeward.core.sources import length
from leeward.core.states import FAILURES, FINISHED, TaskState
from leeward.core.view import View

Found: TypeAlias = Entry | frozenset[int] | None
"""An entry as it is due, the items to read first, or nothing."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an upstream entry adds to a tally: so many instances that took this state, the first in this pass."""

    state: TaskState
    beat: int
    count: int


def shares(entry: Entry) -> Iterator[Share]:
    """What an entry adds: a mapped task what its instances came to, so far; any other itself, once it has finished."""
    if entry.mapped is not None:
        rows = zip(ENDS, entry.mapped.firsts, entry.mapped.counts, strict=True)
        yield from (Share(state, beat, count) for state, beat, count in rows if count)
    elif entry.state in FINISHED:
        yield Share(entry.state, entry.beat, 1)


def weight(entry: Entry | None) -> int:
    """How many task instances an upstream entry stands for."""
    return 1 if entry is None or entry.mapped is None else entry.mapped.length


def relevant(dag: Dag, view: View, address: int) -> tuple[int, ...]:
    """The upstream entries that a task or an instance depends on.

    In a mapped group an instance depends on those of its own map index, and the expansion of a task on nothing of a task of
    the group that has been expanded.
    """
    return _seen_from(dag, view, address, dag.graph.upstream[task_of(address)])


def guards_of(dag: Dag, view: View, address: int) -> tuple[int, ...]:
    """The setups that guard a task or an instance, in the same way."""
    return _seen_from(dag, view, address, dag.guards[task_of(address)])


def _seen_from(dag: Dag, view: View, address: int, tasks: Iterable[int]) -> tuple[int, ...]:
    index, here = task_of(address), map_index_of(address)
    companions = dag.companions[index]
    found: list[int] = []
    for up in tasks:
        entry = view.entry(up) if up in companions else None
        if entry is None or entry.mapped is None:
            found.append(up)
        elif here >= 0:
            found.append(instance(up, here))
    return tuple(found)


def skippers(dag: Dag, address: int) -> tuple[int, ...]:
    """The branches that may ask for a task or an instance to be skipped: inside a mapped group those of its map index."""
    index, here = task_of(address), map_index_of(address)
    companions = dag.companions[index]
    if here < 0:
        return tuple(each for each in dag.skippers[index] if each not in companions)
    return tuple(instance(each, here) for each in dag.skippers[index] if each in companions)


def depends_inside(dag: Dag, index: int) -> bool:
    """Whether a task depends on another one of its mapped group; else its instances wait for nothing of their own."""
    return not dag.companions[index].isdisjoint((*dag.graph.upstream[index], *dag.guards[index]))


def given_up(dag: Dag, view: View, index: int) -> tuple[TaskState, int] | None:
    """What becomes of a mapped task, and in which pass, because something that it is mapped over failed or was skipped."""
    found = [entry for source in given_up_by(dag, view, index) if (entry := view.entry(source))]
    if not found:
        return None
    failed = any(entry.state in FAILURES for entry in found)
    return TaskState.UPSTREAM_FAILED if failed else TaskState.SKIPPED, min(entry.beat for entry in found) + 1


def given_up_by(dag: Dag, view: View, index: int) -> list[int]:
    """What a task is mapped over that failed or was skipped; a task that is not mapped, and an instance, have none."""
    sources = sources_of(dag, index) if map_index_of(index) < 0 else ()
    return [source for source in sources if (entry := view.entry(source)) and _without_values(entry)]


def _without_values(entry: Entry) -> bool:
    return entry.state in FINISHED and entry.state is not TaskState.SUCCESS and entry.mapped is None


def sources_of(dag: Dag, index: int) -> Iterator[int]:
    """The tasks whose XComs a task is mapped over."""
    expansion = dag.expansions[index]
    return (dag.index[name] for name in xcoms_of(expansion)) if expansion else iter(())


def expanded(dag: Dag, view: View, index: int, expansion: Expansion, entry: Entry, beat: int, now: float) -> Found:
    """The entry of a mapped task whose rule is met. One with rule `always` does not wait for what it is mapped over."""
    sources = [*sources_of(dag, index)]
    unread = view.unread(sources)
    if unread:
        return unread
    waits = dag.tasks[index].trigger_rule is not TriggerRule.ALWAYS
    if waits and not all(_finished(view, source) for source in sources):
        return None
    count = length(expansion, lambda task_id: _pushed(view.entry(dag.index[task_id])))
    base = Entry(try_number=entry.try_number, base=entry.base, beat=beat, width=entry.width)
    if not count:
        state = TaskState.UPSTREAM_FAILED if count is None else TaskState.SKIPPED
        return replace(base, state=state, end=now)
    width = max(entry.width, count)
    return replace(base, state=TaskState.EXPANDED, start=now, mapped=Mapped(count), width=width)


def _finished(view: View, address: int) -> bool:
    entry = view.entry(address)
    return entry is not None and entry.state in FINISHED


def _pushed(entry: Entry | None) -> int | None:
    """How many values a task pushed to be mapped over."""
    if entry is None or entry.state not in FINISHED:
        return None
    return entry.pushed if entry.mapped is None else entry.mapped.pushed


def summarised(view: View, address: int) -> Found:
    """The summary of a block whose instances have all finished."""
    index, block = task_of(address), block_of(address)
    task, unread = view.entry(index), view.unread((index, address, instance(index, block * BLOCK)))
    if unread or task is None:
        return unread
    if task.state is not TaskState.EXPANDED or task.mapped is None or task.mapped.length <= BLOCK:
        return None
    members = _members(view, index, block, task.mapped.length)
    total = _total(members)
    return None if total is None else Entry(_ending(total), mapped=total, width=len(blocks(index, task.mapped.length)))


def gathered(dag: Dag, view: View, index: int, entry: Entry, now: float) -> Found:
    """The entry of an expanded task when its last block is finished, or when a state is new that somebody waits for."""
    count = entry.mapped.length if entry.mapped else 0
    total = _sum(view, index, count)
    if isinstance(total, Mapped):
        return replace(entry, state=_ending(total), end=now, mapped=total)
    return _noted(dag, view, index, entry, now) or total


def _sum(view: View, index: int, count: int) -> Mapped | frozenset[int] | None:
    """What all instances came to, the items to read before that can be told, or None while some are unfinished."""
    if count <= BLOCK:
        unread = view.unread((instance(index, 0),))
        return unread or _total(_members(view, index, 0, count))
    parts = [view.entry(summary(index, block)) for block in range(-(-count // BLOCK))]
    if any(part is not None and part.state not in FINISHED for part in parts):
        return None
    unread = frozenset(number for number in summaries(index, count) if number not in view.items)
    return unread or _added([part.mapped for part in parts if part and part.mapped], count)


def _members(view: View, index: int, block: int, count: int) -> list[Entry]:
    """The entries of a block that has been read."""
    places = range(block * BLOCK, min(count, (block + 1) * BLOCK))
    found = (view.entry(instance(index, place)) for place in places)
    return [entry for entry in found if entry is not None]


def _total(members: Collection[Entry]) -> Mapped | None:
    """What the entries of a block came to, or None while some are unfinished."""
    if not all(entry.state in FINISHED for entry in members):
        return None
    ones = [Mapped(1, _one(entry.state), _one(entry.state, entry.beat), entry.pushed or 0) for entry in members]
    return _added(ones, len(ones))


def _one(state: TaskState, value: int = 1) -> tuple[int, ...]:
    return tuple(value if state is end else 0 for end in ENDS)


def _added(parts: Iterable[Mapped], count: int) -> Mapped:
    """The sum; the first pass of each state is that of the first part that has it."""
    parts = tuple(parts)
    rows = range(len(ENDS))
    return Mapped(
        count,
        tuple(sum(part.counts[row] for part in parts) for row in rows),
        tuple(min((part.firsts[row] for part in parts if part.counts[row]), default=0) for row in rows),
        sum(part.pushed for part in parts),
    )


def _ending(total: Mapped) -> TaskState:
    """The state of a mapped task, or of a block, whose instances came to that: a failure shows."""
    order = (TaskState.FAILED, TaskState.UPSTREAM_FAILED, TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED)
    return next(state for state in order if total.counts[ENDS.index(state)])


def _noted(dag: Dag, view: View, index: int, entry: Entry, now: float) -> Entry | None:
    """The entry with one instance more in each state that is new and that a downstream rule cares for."""
    mapped = entry.mapped or Mapped(0)
    firsts: dict[TaskState, int] = {}
    for share in _seen(view, index, mapped.length):
        if share.state in _awaited(dag, index):
            firsts[share.state] = min(share.beat, firsts.get(share.state, share.beat))
    fresh = {state: beat for state, beat in firsts.items() if not mapped.counts[ENDS.index(state)]}
    if not fresh:
        return None
    counts = tuple(1 if state in fresh else count for state, count in zip(ENDS, mapped.counts, strict=True))
    beats = tuple(fresh.get(state, beat) for state, beat in zip(ENDS, mapped.firsts, strict=True))
    gave_up = entry.end is None and not {*fresh} <= {TaskState.SUCCESS}
    return replace(entry, mapped=replace(mapped, counts=counts, firsts=beats), end=now if gave_up else entry.end)


def _seen(view: View, index: int, count: int) -> Iterator[Share]:
    """What the blocks in a view show of a task's instances."""
    for number in blocks(index, count):
        for address, entry in view.items[number].entries.items() if number in view.items else ():
            if map_index_of(address) < count:
                yield from shares(entry)


def _awaited(dag: Dag, index: int) -> frozenset[TaskState]:
    """The states of which a single instance can settle what becomes of a downstream task."""
    downs = (down for down in dag.graph.downstream[index] if down not in dag.companions[index])
    rules = {dag.tasks[down].trigger_rule for down in downs}
    guarded = any(down not in dag.companions[index] for down in dag.guarded[index])
    told = frozenset(state for state in ENDS for rule in rules if verdict(rule, _one_of_many(state)) is not None)
    return told | {*FAILURES, TaskState.SKIPPED} if guarded else told


def _one_of_many(state: TaskState) -> Tally:
    return Tally(
        3,
        success=int(state is TaskState.SUCCESS),
        failed=int(state is TaskState.FAILED),
        upstream_failed=int(state is TaskState.UPSTREAM_FAILED),
        skipped=int(state is TaskState.SKIPPED),
    )


def all_of(view: View, index: int) -> Iterator[int]:
    """Whatever may be due of an expanded task besides itself: instances and summaries of blocks that have none yet."""
    entry = view.entry(index)
    if entry is None or entry.mapped is None or entry.state is not TaskState.EXPANDED:
        return
    for block, _ in enumerate(blocks(index, entry.width)):
        done = view.entry(summary(index, block)) if entry.mapped.length > BLOCK else None
        if done is None or done.state not in FINISHED:
            yield summary(index, block)
            yield from (instance(index, i) for i in range(block * BLOCK, min(entry.width, (block + 1) * BLOCK)))


def follows(dag: Dag, view: View, address: int, touched: Collection[int]) -> Iterator[int]:
    """What can be due because an instance, or a summary, of a mapped task changed."""
    index, here = task_of(address), map_index_of(address)
    if is_summary(address):
        yield from [index] if _complete(view, address) else []
        return
    companions = dag.companions[index]
    behind = (*dag.graph.downstream[index], *dag.guarded[index])
    yield from (instance(down, here) for down in behind if down in companions)
    item, entry = view.items.get(item_of(address)), view.entry(address)
    if item is None or entry is None or entry.state not in FINISHED:
        return
    if all(each.state in FINISHED for each in item.entries.values()):
        yield from (index, summary(index, block_of(address)))
    elif entry.state in _awaited(dag, index):
        others = (each.state for place, each in item.entries.items() if place not in touched)
        if entry.state not in others:
            yield index


def _complete(view: View, address: int) -> bool:
    """Whether the item of a summary holds those of all its blocks: a summary's `width` says how many the task has."""
    item, entry = view.items.get(item_of(address)), view.entry(address)
    if item is None or entry is None:
        return False
    there = sum(each.state in FINISHED for each in item.entries.values())
    return there == min(BLOCK, entry.width - block_of(address) // BLOCK * BLOCK)
