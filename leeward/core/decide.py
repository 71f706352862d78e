"""What stored state says must happen next: pure, total, and the only place where Airflow's semantics live.

`decide` reads a view of one run and returns the changes that are due. It concludes only from finished states: an
unfinished or unread task may delay a verdict and never reverse it, so it may be asked by anybody, at any time, on any
mixture of reads of one epoch. Asking again changes nothing (a change that was written is no longer due).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from leeward.core.dag import Dag, SkipScope
from leeward.core.retry import after_failure
from leeward.core.rules import Tally, verdict
from leeward.core.run import Entry, RunInfo
from leeward.core.states import FAILURES, FINISHED, RunState, TaskState
from leeward.core.transitions import SKIPPABLE
from leeward.core.view import View


@dataclass(frozen=True, slots=True)
class Change:
    """One task instance's due change: `before` as seen, `after` as it is to be written."""

    index: int
    before: Entry
    after: Entry
    cause: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The changes due, and the shards whose reading could make more of them due."""

    changes: tuple[Change, ...] = ()
    look: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """What `decide` may know besides stored state: the run and the time (seconds since the epoch)."""

    info: RunInfo
    now: float


def decide(
    dag: Dag, view: View, moment: Moment, touched: Collection[int] | None = None
) -> Decision:
    """Every change that is due; with `touched`, only those that can follow from these tasks.

    A task is touched when its entry changed: then itself, its direct downstream tasks and what it asked to be skipped
    can be due. On a view at rest before, the two forms agree.
    """
    if view.torn:
        return Decision()
    candidates = range(len(dag.tasks)) if touched is None else _reach(dag, view, touched)
    changes: list[Change] = []
    look: set[int] = set()
    for index in candidates:
        due = _due(dag, view, moment, index)
        if isinstance(due, Change):
            changes.append(due)
        elif due:
            look |= due
    return Decision(tuple(changes), frozenset(look))


def close(
    dag: Dag, view: View, moment: Moment, changes: Iterable[Change], shard: int
) -> tuple[Change, ...]:
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


def outcome(dag: Dag, view: View) -> RunState | None:
    """The state that a run ends in, or None while a task instance is unfinished. The view must be complete.

    Only the leaves count, as in Airflow: a failure that a later task recovered from leaves the run a success.
    """
    states = [entry.state for entry in entries(view)]
    if not FINISHED.issuperset(states):
        return None
    failed = any(states[leaf] in FAILURES for leaf in dag.graph.leaves)
    return RunState.FAILED if failed else RunState.SUCCESS


def entries(view: View) -> Iterator[Entry]:
    """All entries of a complete view, in the order of their indexes."""
    for shard in range(view.layout.shards):
        item = view.items[shard]
        yield from map(item.entry, view.layout.indexes(shard))


def _reach(dag: Dag, view: View, touched: Collection[int]) -> list[int]:
    found = set(touched)
    for index in touched:
        found.update(dag.graph.downstream[index])
        if dag.tasks[index].skip_scope is not SkipScope.NOTHING:
            entry = view.entry(index)
            found.update(entry.skip if entry else ())
    return sorted(found)


def _due(dag: Dag, view: View, moment: Moment, index: int) -> Change | frozenset[int] | None:
    """The change that is due for one task, the shards to read first, or nothing."""
    entry = view.entry(index)
    if entry is None or entry.state is TaskState.NONE:
        return _start(dag, view, moment, index, entry)
    if entry.state in SKIPPABLE and _skip_requested(dag, view, index):
        return _finish(index, entry, TaskState.SKIPPED, moment, "skipped by a branch")
    if entry.until is None or entry.until > moment.now:
        return None
    if entry.state is TaskState.UP_FOR_RETRY:
        return _queue(dag, index, entry, moment, "retry due")
    if entry.state is TaskState.RUNNING:
        return Change(index, entry, _lost(dag, index, entry, moment), "lease expired")
    return None


def _start(
    dag: Dag, view: View, moment: Moment, index: int, entry: Entry | None
) -> Change | frozenset[int] | None:
    """What becomes of a task that nothing has happened to (or whose entry has not been read)."""
    if entry is not None and _skip_requested(dag, view, index):
        return _finish(index, entry, TaskState.SKIPPED, moment, "skipped by a branch")
    state = verdict(dag.tasks[index].trigger_rule, tally(dag, view, index))
    if state is None:
        waiting = any(_unfinished(view, up) for up in dag.graph.upstream[index])
        return None if waiting else view.unread(dag.graph.upstream[index])
    unread = view.unread((index, *dag.skippers[index]))
    if entry is None or unread:
        return unread
    if state is TaskState.QUEUED:
        return _queue(dag, index, entry, moment, "trigger rule met")
    return _finish(index, entry, state, moment, "trigger rule can't be met")


def tally(dag: Dag, view: View, index: int) -> Tally:
    """The finished states of a task's direct upstream; what has not been read counts as unfinished."""
    counts = dict.fromkeys(FINISHED, 0)
    upstream = dag.graph.upstream[index]
    for up in upstream:
        entry = view.entry(up)
        if entry is not None and entry.state in counts:
            counts[entry.state] += 1
    return Tally(
        total=len(upstream),
        success=counts[TaskState.SUCCESS],
        failed=counts[TaskState.FAILED],
        upstream_failed=counts[TaskState.UPSTREAM_FAILED],
        skipped=counts[TaskState.SKIPPED],
        removed=counts[TaskState.REMOVED],
    )


def _unfinished(view: View, index: int) -> bool:
    entry = view.entry(index)
    return entry is not None and entry.state not in FINISHED


def _skip_requested(dag: Dag, view: View, index: int) -> bool:
    asked = (view.entry(skipper) for skipper in dag.skippers[index])
    return any(e is not None and e.state is TaskState.SUCCESS and index in e.skip for e in asked)


def _queue(dag: Dag, index: int, entry: Entry, moment: Moment, cause: str) -> Change:
    state = TaskState.QUEUED
    after = Entry(state, entry.try_number + 1, base=entry.base)
    if dag.tasks[index].instant:
        after = replace(after, state=TaskState.SUCCESS, start=moment.now, end=moment.now)
    return Change(index, entry, after, cause)


def _finish(index: int, entry: Entry, state: TaskState, moment: Moment, cause: str) -> Change:
    after = Entry(state, entry.try_number, base=entry.base, start=entry.start, end=moment.now)
    return Change(index, entry, after, cause)


def _lost(dag: Dag, index: int, entry: Entry, moment: Moment) -> Entry:
    task = dag.tasks[index]
    return after_failure(
        task.retry, entry, retry_seed(moment.info, task.task_id), moment.now, retryable=True
    )


def retry_seed(info: RunInfo, task_id: str) -> str:
    """What Airflow hashes for the jitter of a retry: `dag_id#task_id#logical_date`."""
    logical_date = (info.logical_date or "None").replace("T", " ")
    return f"{info.ref.dag_id}#{task_id}#{logical_date}"
