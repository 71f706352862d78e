"""What stored state says must happen next: pure, total, and the only place where Airflow's semantics live.

`decide` reads a view of one run and returns the changes that are due. It concludes only from finished states: an
unfinished or unread task may delay a verdict and never reverse it, so it may be asked by anybody, at any time, on any
mixture of reads of one epoch. Asking again changes nothing (a change that was written is no longer due).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.address import STRIDE, is_block, is_summary, map_index_of, task_of
from leeward.core.callbacks import owing
from leeward.core.dag import Dag, SkipScope, TriggerRule
from leeward.core.fail_fast import failed, halting
from leeward.core.instances import (
    Found,
    all_of,
    depends_inside,
    expanded,
    follows,
    gathered,
    given_up,
    guards_of,
    relevant,
    shares,
    skippers,
    summarised,
    weight,
)
from leeward.core.past import Past
from leeward.core.presence import absent
from leeward.core.retry import after_failure
from leeward.core.rules import UNGUARDED, Tally, verdict
from leeward.core.run import UNTOUCHED, Entry, RunInfo
from leeward.core.states import FAILURES, FINISHED, RunState, TaskState
from leeward.core.transitions import SKIPPABLE
from leeward.core.view import View

Try: TypeAlias = tuple[int, int]
"""A try of a run: the address of its entry, and its number."""

MET: Final = "trigger rule met"
EXPANDED: Final = "trigger rule met, expanded"
RETRY: Final = "retry due"
NOT_MET: Final = "trigger rule can't be met"
BRANCHED: Final = "skipped by a branch"

STARTS: Final = frozenset({MET, EXPANDED, RETRY})
"""The causes for which a task that depends on the past waits for it."""

SKIPS: Final = frozenset({NOT_MET, BRANCHED})
"""The causes of skips that may wait for the past."""

GIVEN_UP: Final = FAILURES | {TaskState.SKIPPED}
"""What an all_success successor gives up for."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry's due change: `before` as seen, `after` as it is to be written. `index` is its address."""

    index: int
    before: Entry
    after: Entry
    cause: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The changes due, and the shards whose reading could make more of them due.

    `later` holds the tasks whose verdict waits for nothing but time, each with its moment; `wanted` are changes that would
    be due if their tries held the slots that they need, `behind` those that would be due but for the run before.
    """

    changes: tuple[Change, ...] = ()
    look: frozenset[int] = frozenset()
    later: tuple[tuple[int, float], ...] = ()
    wanted: tuple[Change, ...] = ()
    behind: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """What `decide` may know besides stored state: the run and the time (seconds since the epoch).

    Tries of `gated` tasks are queued only if they are among those that hold their slots (`held`: address, number). Tasks
    that depend on the past start only if `past` lets them: while it is None nobody has looked, and none do.
    """

    info: RunInfo
    now: float
    gated: frozenset[int] = frozenset()
    held: frozenset[Try] = frozenset()
    past: Past | None = None


def decide(dag: Dag, view: View, moment: Moment, touched: Collection[int] | None = None) -> Decision:
    """Every change that is due; with `touched`, only those that can follow from these tasks.

    A task is touched when its entry changed: then itself, its direct downstream tasks, those that it guards as a setup and
    what it asked to be skipped can be due. On a view at rest before, the two forms agree. While a failure has still to stop
    the others (`fail_fast`), nothing else is due.
    """
    if view.torn or failed(dag, view):
        return Decision()
    candidates = _everything(dag, view) if touched is None else _reach(dag, view, touched)
    missing = absent(dag, moment.info)
    changes: list[Change] = []
    wanted: list[Change] = []
    behind: list[Change] = []
    look: set[int] = set()
    later: list[tuple[int, float]] = []
    for index in candidates:
        due = None if task_of(index) in missing else _due(dag, view, moment, index)
        if isinstance(due, Change):
            lacks = wanted if _lacks_slots(due, moment) else changes
            (behind if held_up(dag, due, moment.past) else lacks).append(due)
        elif isinstance(due, float):
            later.append((index, due))
        elif due:
            look |= due
    return Decision(tuple(changes), frozenset(look), tuple(later), tuple(wanted), tuple(behind))


def _lacks_slots(change: Change, moment: Moment) -> bool:
    """Whether a change queues a try that needs slots and holds none."""
    if change.after.state is not TaskState.QUEUED or task_of(change.index) not in moment.gated:
        return False
    return (change.index, change.after.try_number) not in moment.held


def held_up(dag: Dag, change: Change, past: Past | None) -> bool:
    """Whether the run before keeps a task from what is due."""
    index = task_of(change.index)
    if index not in dag.dependents or (past is not None and index in past.passed):
        return False
    skips = change.cause in SKIPS and change.after.state is TaskState.SKIPPED
    return change.cause in STARTS or (skips and dag.tasks[index].wait_for_past_depends_before_skipping)


def nearby(dag: Dag, view: View) -> list[int]:
    """All tasks, and of mapped ones the instances in the blocks that have been read: where a slot is offered first."""
    found = (address for number in view.items if is_block(number) for address in view.layout.indexes(number))
    return [*range(len(dag.tasks)), *found]


def close(dag: Dag, view: View, moment: Moment, changes: Iterable[Change], shard: int) -> tuple[Change, ...]:
    """The changes, and all that follow from them within one shard, so that one write can carry the lot.

    All of `changes` must lie in that shard. Consequences in other shards wait until this write is recorded.
    """
    found = {change.index: change for change in changes}
    fresh: Collection[int] = tuple(found)
    while fresh:
        view = view.with_entries({index: found[index].after for index in fresh})
        due = decide(dag, view, moment, fresh).changes
        new = [c for c in due if view.layout.shard(c.index) == shard and c.index not in found]
        found.update((change.index, change) for change in new)
        fresh = tuple(change.index for change in new)
    return tuple(found.values())


def outcome(dag: Dag, view: View, info: RunInfo) -> RunState | None:
    """The state that a run ends in, or None while a task instance is unfinished or a failure has still to stop the others.

    The view must be complete; where there may be blocks, they are looked at only if it holds them.

    Only the leaves count, as in Airflow: a failure that a later task recovered from leaves the run a success.
    """
    missing = absent(dag, info)
    states = {index: entry.state for index, entry in enumerate(entries(view)) if index not in missing}
    if failed(dag, view) or not FINISHED.issuperset(states.values()):
        return None
    of_leaves = any(states.get(leaf) in FAILURES for leaf in dag.leaves)
    return RunState.FAILED if of_leaves else RunState.SUCCESS


def entries(view: View) -> Iterator[Entry]:
    """All entries of a complete view, in the order of their indexes."""
    for shard in range(view.layout.shards):
        item = view.items[shard]
        yield from map(item.entry, view.layout.indexes(shard))


def _everything(dag: Dag, view: View) -> list[int]:
    tasks = range(len(dag.tasks))
    return [*tasks, *(address for index in tasks for address in all_of(view, index))]


def _reach(dag: Dag, view: View, touched: Collection[int]) -> list[int]:
    found = set(touched)
    for index in touched:
        entry = view.entry(index)
        if index >= STRIDE:
            found.update(follows(dag, view, index, touched))
        else:
            found.update(dag.graph.downstream[index], dag.guarded[index])
            if entry and entry.mapped and not any(entry.mapped.counts):
                found.update(all_of(view, index))
        if dag.tasks[task_of(index)].skip_scope is not SkipScope.NOTHING:
            found.update(entry.skip if entry else ())
    return sorted(found)


Due: TypeAlias = Change | frozenset[int] | float | None
"""A change that is due, the shards to read first, the moment to wait for, or nothing."""


def _due(dag: Dag, view: View, moment: Moment, index: int) -> Due:
    """What is due for one task, instance or summary."""
    entry = view.entry(index)
    if is_summary(index):
        found = None if entry and entry.state in FINISHED else summarised(view, index)
        return _changed(index, entry, found, "block ended")
    if entry is None or entry.state is TaskState.NONE:
        return _begin(dag, view, moment, index, entry)
    if entry.state is TaskState.EXPANDED:
        return _changed(index, entry, gathered(dag, view, index, entry, moment.now), "instances ended")
    if entry.state in SKIPPABLE:
        asked = _skip_requested(dag, view, index)
        if asked is not None:
            return _finish(index, entry, TaskState.SKIPPED, moment, BRANCHED, asked)
    unread = view.unread(skippers(dag, index)) if entry.state is TaskState.UP_FOR_RETRY else None
    if unread:
        return unread
    if entry.until is None or entry.until > moment.now or entry.owes:
        return None
    if entry.state is TaskState.UP_FOR_RETRY:
        return _queue(dag, index, entry, moment, RETRY, entry.beat + 1)
    if entry.state is TaskState.RUNNING:
        return Change(index, entry, _lost(dag, index, entry, moment), "lease expired")
    return None


def _begin(dag: Dag, view: View, moment: Moment, index: int, entry: Entry | None) -> Due:
    """What becomes of whatever nothing has happened to (or whose entry has not been read)."""
    if map_index_of(index) >= 0:
        return _start_instance(dag, view, moment, index, entry)
    if entry is None and dag.expansions[index] is not None:
        return view.unread((index,))
    return _start(dag, view, moment, index, entry)


def _changed(index: int, entry: Entry | None, found: Found, cause: str) -> Due:
    if isinstance(found, Entry):
        noted = found.state is TaskState.EXPANDED and entry is not None and entry.state is found.state
        return Change(index, entry or UNTOUCHED, found, "instances noted" if noted else cause)
    return found


def _start_instance(dag: Dag, view: View, moment: Moment, index: int, entry: Entry | None) -> Due:
    """What becomes of an instance of a mapped task that has not been queued. A limit on instances would be kept here."""
    task = view.entry(task_of(index))
    if task is None or entry is None:
        return view.unread((task_of(index), index))
    if task.state is not TaskState.EXPANDED or task.mapped is None:
        return None
    if map_index_of(index) >= task.mapped.length:
        gone = entry != UNTOUCHED
        return (
            _finish(index, entry, TaskState.REMOVED, moment, "instance no longer exists", task.beat) if gone else None
        )
    if depends_inside(dag, task_of(index)):
        return _start(dag, view, moment, index, entry)
    return _queue(dag, index, entry, moment, MET, task.beat)


def _start(dag: Dag, view: View, moment: Moment, index: int, entry: Entry | None) -> Due:
    """What becomes of a task that nothing has happened to (or whose entry has not been read)."""
    asked = _skip_requested(dag, view, index)
    if asked is not None:
        if entry is None:
            return view.unread((index,))
        return _finish(index, entry, TaskState.SKIPPED, moment, BRANCHED, asked)
    found = judge(dag, view, index)
    gone = given_up(dag, view, index) if found in (None, TaskState.QUEUED) and index < STRIDE else None
    if found is None and gone is None:
        above = needs(dag, view, index)
        waiting = any(_unfinished(view, up) for up in above)
        return None if waiting else view.unread(above)
    unread = view.unread((index, *skippers(dag, index), *guards_of(dag, view, index)))
    if entry is None or unread:
        return unread
    if gone is not None:
        return _finish(index, entry, gone[0], moment, "nothing to be mapped over", gone[1])
    state, beat = _first_verdict(dag, view, index)
    expansion = dag.expansions[index] if index < STRIDE else None
    if state is TaskState.QUEUED and expansion is not None:
        found_entry = expanded(dag, view, index, expansion, entry, beat, moment.now)
        return _changed(index, entry, found_entry, EXPANDED)
    if state is TaskState.QUEUED:
        return _queue(dag, index, entry, moment, MET, beat)
    wait = _early(dag, view, index, moment)
    if wait is not None:
        return wait
    return _finish(index, entry, state, moment, NOT_MET, beat)


def needs(dag: Dag, view: View, index: int) -> tuple[int, ...]:
    """Those whose ends the verdict follows from: what is directly upstream, and the setups that guard it."""
    return (*relevant(dag, view, index), *guards_of(dag, view, index))


def _first_verdict(dag: Dag, view: View, index: int) -> tuple[TaskState, int]:
    """The verdict of the first scheduler pass in which there is one, and that pass.

    The verdicts of all_success, and of setups further up, depend on who ends first. Airflow's scheduler looks in passes, a
    failure winning over a skip that it sees in the same pass; a task that ended is seen in the pass after its own.
    """
    above = (entry for up in needs(dag, view, index) if (entry := view.entry(up)))
    beats = (0, *sorted({share.beat + 1 for entry in above for share in shares(entry)}))
    found = ((judge(dag, view, index, beat), beat) for beat in beats)
    return next((state, beat) for state, beat in found if state is not None)


def judge(dag: Dag, view: View, index: int, beat: float = math.inf) -> TaskState | None:
    """The verdict over what had ended before a pass (by default, by now); what has not been read counts as unfinished."""
    direct = _tally(dag, view, relevant(dag, view, index), beat)
    guards = guards_of(dag, view, index)
    rule = dag.tasks[task_of(index)].trigger_rule
    return verdict(rule, direct, _tally(dag, view, guards, beat) if guards else UNGUARDED)


def _early(dag: Dag, view: View, index: int, moment: Moment) -> frozenset[int] | float | None:
    """What an early verdict waits for: shards to read, or the moment when it need not wait for others any more.

    The others are those that could still give another verdict: for all_success every upstream task, for any rule the
    setups that guard the task and the branches that may ask for it to be skipped.
    """
    rule = dag.tasks[task_of(index)].trigger_rule
    upstream = relevant(dag, view, index) if rule is TriggerRule.ALL_SUCCESS else ()
    others = frozenset((*upstream, *guards_of(dag, view, index), *skippers(dag, index))) - absent(dag, moment.info)
    ended = (view.entry(up) for up in causes(dag, view, index))
    due = min(entry.end or 0.0 for entry in ended if entry) + EARLY_VERDICT_SECONDS
    if due <= moment.now:
        return None
    found = [view.entry(other) for other in others]
    if any(entry is not None and entry.state not in FINISHED for entry in found):
        return due
    return view.unread(others) or None


def causes(dag: Dag, view: View, index: int) -> list[int]:
    """Those above a task for which an early verdict is given: that failed or skipped, else all that ended."""
    above = needs(dag, view, index)
    states = {up: {share.state for share in shares(entry)} for up in above if (entry := view.entry(up))}
    gave_up = [up for up, found in states.items() if not found.isdisjoint(GIVEN_UP)]
    return gave_up or [up for up, found in states.items() if found]


def witnesses(dag: Dag, view: View, index: int) -> tuple[int, ...]:
    """Those above a task whose ends an early verdict follows from, so that whoever looks at them again finds it again."""
    if dag.tasks[task_of(index)].trigger_rule is TriggerRule.ALL_SUCCESS:
        return tuple(causes(dag, view, index))
    return tuple(up for up in needs(dag, view, index) if (entry := view.entry(up)) and any(shares(entry)))


def _tally(dag: Dag, view: View, above: Sequence[int], beat: float) -> Tally:
    """The states of some task instances that ended before a pass."""
    total = setups = 0
    counts, of_setups = Counter[TaskState](), Counter[TaskState]()
    for up in above:
        entry = view.entry(up)
        is_setup = task_of(up) in dag.scopes.setups
        total += weight(entry)
        setups += weight(entry) if is_setup else 0
        for share in shares(entry) if entry else ():
            if share.beat < beat:
                counts[share.state] += share.count
                of_setups[share.state] += share.count if is_setup else 0
    return Tally(
        total=total,
        success=counts[TaskState.SUCCESS],
        failed=counts[TaskState.FAILED],
        upstream_failed=counts[TaskState.UPSTREAM_FAILED],
        skipped=counts[TaskState.SKIPPED],
        removed=counts[TaskState.REMOVED],
        setups=setups,
        setups_succeeded=of_setups[TaskState.SUCCESS],
        setups_skipped=of_setups[TaskState.SKIPPED],
    )


def _unfinished(view: View, index: int) -> bool:
    entry = view.entry(index)
    return entry is not None and entry.state not in FINISHED


def _skip_requested(dag: Dag, view: View, index: int) -> int | None:
    """The pass in which a finished branch asked for the task to be skipped, the first one's if several did."""
    asking = (view.entry(skipper) for skipper in skipped_by(dag, view, index))
    return min((entry.beat for entry in asking if entry is not None), default=None)


def skipped_by(dag: Dag, view: View, index: int) -> list[int]:
    """The finished branches that asked for a task or an instance to be skipped."""
    found = ((skipper, view.entry(skipper)) for skipper in skippers(dag, index))
    return [
        skipper
        for skipper, entry in found
        if entry is not None and entry.state is TaskState.SUCCESS and index in entry.skip
    ]


def _queue(dag: Dag, index: int, entry: Entry, moment: Moment, cause: str, beat: int) -> Change:
    after = Entry(TaskState.QUEUED, entry.try_number + 1, base=entry.base, beat=beat)
    if dag.tasks[task_of(index)].instant:
        after = replace(after, state=TaskState.SUCCESS, start=moment.now, end=moment.now)
    return Change(index, entry, after, cause)


def _finish(index: int, entry: Entry, state: TaskState, moment: Moment, cause: str, beat: int) -> Change:
    after = Entry(
        state,
        entry.try_number,
        base=entry.base,
        start=entry.start,
        end=moment.now,
        beat=beat,
        width=entry.width,
    )
    return Change(index, entry, after, cause)


def _lost(dag: Dag, index: int, entry: Entry, moment: Moment) -> Entry:
    task = dag.tasks[task_of(index)]
    seed = retry_seed(moment.info, task.task_id)
    return halting(dag, owing(task, after_failure(task.retry, entry, seed, moment.now, retryable=True)))


def retry_seed(info: RunInfo, task_id: str) -> str:
    """What Airflow hashes for the jitter of a retry: `dag_id#task_id#logical_date`."""
    logical_date = (info.logical_date or "None").replace("T", " ")
    return f"{info.ref.dag_id}#{task_id}#{logical_date}"
