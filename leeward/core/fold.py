"""The fold: recording a finished try together with what follows from it in the same item, in one write.

"t ended in s, u running" in one write is legal iff t and u share an item, s is final, u's rule is met by s and *recorded*
finished states, the write is conditional on every entry and on the epoch as seen, and u may run here and now. What else
becomes due in the item travels in the same write; what lies elsewhere waits until the write is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from leeward.core.address import task_of
from leeward.core.dag import Dag, Task
from leeward.core.decide import Change, Moment, close, outcome
from leeward.core.run import Entry
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.view import View


@dataclass(frozen=True, slots=True)
class Lease:
    """What an execution puts into an entry that it claims: its token, and when its lease ends."""

    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Fold:
    """One write: all `changes` lie in one item.

    `follow` is the change that the same execution runs next; `end` is the state of the run if the write ends it (only
    where header and entries share the item).
    """

    changes: tuple[Change, ...]
    follow: Change | None = None
    end: RunState | None = None

    @property
    def alone(self) -> bool:
        """Whether it records nothing but the try itself."""
        return len(self.changes) == 1 and self.end is None


def fold(
    dag: Dag,
    view: View,
    moment: Moment,
    record: Change,
    lease_for: Callable[[Task], Lease | None],
) -> Fold:
    """The write that records `record`, on the image in `view` of its own item.

    `lease_for` gives the lease under which the same execution may run a task's body next, or None if it may not.
    """
    if record.after.state not in FINISHED:
        return Fold((record,))
    shard = view.layout.shard(record.index)
    changes = close(dag, view, moment, (record,), shard)
    follow = None
    for place, change in enumerate(changes):
        lease = lease_for(dag.tasks[task_of(change.index)]) if change.after.state is TaskState.QUEUED else None
        if lease is not None:
            running = claimed(change.after, lease, moment.now)
            follow = replace(change, after=running, cause=f"{change.cause}, claimed at once")
            changes = (*changes[:place], follow, *changes[place + 1 :])
            break
    return Fold(changes, follow, _end(dag, view, moment, changes))


def claimed(queued: Entry, lease: Lease, now: float) -> Entry:
    """A queued entry as its claimer writes it."""
    return replace(queued, state=TaskState.RUNNING, owner=lease.owner, start=now, end=None, until=lease.until)


def _end(dag: Dag, view: View, moment: Moment, changes: tuple[Change, ...]) -> RunState | None:
    header = view.header
    if not view.layout.single or header is None or header.intent is not None:
        return None
    if dag.fail_fast and any(dag.expansions):
        return None  # a failed instance lies in a block
    if header.state is not RunState.RUNNING:
        return None
    after = view.with_entries({change.index: change.after for change in changes})
    return outcome(dag, after, moment.info)
