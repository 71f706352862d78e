"""One run as a use case sees it: its DAG version, its layout, the ports, and the few steps that all use cases share.

Nothing is decided here. Whoever wins a write logs it and dispatches what it owes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leeward.contract import (
    MAX_HINT_DELAY_SECONDS,
    METRIC_TASK_FAILURES,
    METRIC_TASK_SUCCESSES,
    SHORTEST_WAIT_SECONDS,
)
from leeward.core.address import STRIDE, blocks, is_summary, task_of
from leeward.core.dag import Dag, Task
from leeward.core.decide import Change, Moment, Try
from leeward.core.fail_fast import halts
from leeward.core.gates import gated
from leeward.core.past import Past
from leeward.core.presence import absent
from leeward.core.run import Entry, Item, RunInfo
from leeward.core.states import FINISHED, TaskState
from leeward.core.view import Layout, View
from leeward.engine.events import changed
from leeward.engine.hints import Execute, Hint, Look, Poll
from leeward.engine.past import wake_next
from leeward.engine.ports import Ports, Write, Written


@dataclass(frozen=True, slots=True)
class Scope:
    """A run, its pinned DAG and the world."""

    ports: Ports
    dag: Dag
    info: RunInfo

    @property
    def layout(self) -> Layout:
        """Where the run's entries lie."""
        return Layout(len(self.dag.tasks))

    def task(self, address: int) -> Task:
        """The task of an entry."""
        return self.dag.tasks[task_of(address)]

    @property
    def absent(self) -> frozenset[int]:
        """The tasks that have no instance in the run."""
        return absent(self.dag, self.info)

    @property
    def gated(self) -> frozenset[int]:
        """The tasks whose tries need slots."""
        return gated(self.dag, self.ports.pools)

    def moment(self, held: frozenset[Try] = frozenset(), past: Past | None = None) -> Moment:
        """The run, the present time, the tries that hold their slots although they have not been queued, the run before."""
        return Moment(self.info, self.ports.clock.now(), self.gated, held, past)

    def empty_view(self) -> View:
        """A view that has read nothing."""
        return View(self.layout)

    def read(self, view: View, shards: Iterable[int]) -> View:
        """The view with those items read (again)."""
        for shard, item in self.ports.runs.read(self.info.ref, sorted(shards)).items():
            view = view.with_item(shard, item)
        return view

    def read_all(self) -> View:
        """A view of the entries of all tasks, read now."""
        return self.read(self.empty_view(), range(self.layout.shards))

    def read_instances(self, view: View, *, under_way: bool = False) -> View:
        """The view with the blocks of mapped tasks read, too, or of those alone whose instances are under way."""
        wanted: list[int] = []
        for index in range(len(self.dag.tasks)):
            entry = view.entry(index)
            if entry and entry.mapped and (entry.state is TaskState.EXPANDED or not under_way):
                wanted += blocks(index, entry.mapped.length)
        return self.read(view, wanted) if wanted else view

    def write(self, write: Write) -> Written:
        """Write one item of this run."""
        return self.ports.runs.write(self.info.ref, write)

    def won(self, changes: Iterable[Change], epoch: int) -> None:
        """What the winner of a write owes: the log, the metrics, and the dispatch of what it queued."""
        self.send(self.note(changes, epoch))

    def note(self, changes: Iterable[Change], epoch: int) -> list[Hint]:
        """All that the winner of a write owes but the hints of what it queued, which are returned."""
        changes = tuple(change for change in changes if not is_summary(change.index))
        self.tell(changes, epoch)
        now = self.ports.clock.now()
        for change in changes:
            self._arm(change, now)
            self._count(change)
        wake_next(self.ports, self.dag, self.info, changes)
        return [*self.hints({c.index: c.after for c in changes if c.after.state is TaskState.QUEUED})]

    def tell(self, changes: Iterable[Change], epoch: int) -> None:
        """Log changes that were won, a line each."""
        now = self.ports.clock.now()
        self.ports.log.append([changed(self.dag, self.info, change, epoch, now) for change in changes])

    def send(self, hints: Sequence[Hint]) -> None:
        """Send hints, if there are any."""
        if hints:
            self.ports.dispatch.send(hints)

    def hints(self, queued: Mapping[int, Entry]) -> list[Execute]:
        """The hints of queued tries: one each, and one for all instances of a mapped task that lie in one block."""
        groups: dict[int, list[tuple[int, Entry]]] = {}
        for index, entry in queued.items():
            place = self.layout.shard(index) if index >= STRIDE else index
            groups.setdefault(place, []).append((index, entry))
        return [Execute(self.info, *group[0], tuple(group[1:])) for group in groups.values()]

    def _arm(self, change: Change, now: float) -> None:
        """Send the delayed hint of a try that waits for its retry or for its job."""
        after = change.after
        if after.until is None:
            return
        if after.state is TaskState.UP_FOR_RETRY and after.until > now:
            send_at(self, Look(self.info, (change.index,)), after.until)
        if after.state is TaskState.DEFERRED:
            seconds = after.until - now
            poll = Poll(self.info, change.index, after.try_number, after.polls, after.until, seconds)
            send_at(self, poll, after.until)

    def _count(self, change: Change) -> None:
        names = {TaskState.SUCCESS: METRIC_TASK_SUCCESSES, TaskState.FAILED: METRIC_TASK_FAILURES}
        name = names.get(change.after.state)
        if name is not None and change.before.state is not change.after.state:
            self.ports.metrics.count(name, dag_id=self.dag.dag_id)


def open_scope(ports: Ports, info: RunInfo) -> Scope:
    """The scope of a run, at the version that it is pinned to."""
    return Scope(ports, ports.specs.get(info.ref.version), info)


def gives_cause(change: Change) -> bool:
    """Whether something may follow from a change at once: one that ended or was expanded, or a retry that may be due."""
    return change.after.state in FINISHED or change.after.state in (TaskState.UP_FOR_RETRY, TaskState.EXPANDED)


def shard_finished(scope: Scope, shard: int, item: Item) -> bool:
    """Whether nothing of an item of tasks is open, or a failure in it has still to stop the others.

    Blocks don't count as open: the mapped task's own entry does.

    In a run without some of its tasks, what waits may wait for ever: it counts as open only while something else moves.
    """
    closed = FINISHED | {TaskState.NONE} if scope.absent else FINISHED
    if scope.dag.fail_fast and halts(item):
        return True
    return shard < STRIDE and all(item.entry(index).state in closed for index in scope.layout.indexes(shard))


def send_at(scope: Scope, hint: Hint, due: float) -> None:
    """Send a hint to arrive when it is due, or earlier where the queue can't delay it so long (it is then re-armed)."""
    wait = due - scope.ports.clock.now()
    delay = min(max(wait, SHORTEST_WAIT_SECONDS), MAX_HINT_DELAY_SECONDS) if wait > 0 else 0.0
    scope.ports.dispatch.send([hint], delay)
