"""fail_fast: what the final failure of a task does to the rest of its run.

The failure is a debt (`Entry.halts`) that its own record stores: nothing else is decided in the run until the debt is paid
by an intent, which is rolled over all items as verbs are. So a crash in between loses nothing, and what is cleared later is
not stopped again for a failure that is over. The rules are those of `_stop_remaining_tasks` of Airflow 3.3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from leeward.core.address import is_summary, task_of
from leeward.core.dag import Dag
from leeward.core.run import ENDS, UNTOUCHED, Entry, Item, Mapped
from leeward.core.states import TaskState
from leeward.core.view import View

STOPPED: Final = "stopped by fail_fast"
"""What the log says of whatever a failure stopped."""

LEFT_ALONE: Final = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.REMOVED})
"""What has ended so stays; upstream_failed becomes skipped, as in Airflow."""

_UPSTREAM_FAILED: Final = ENDS.index(TaskState.UPSTREAM_FAILED)


def halting(dag: Dag, after: Entry) -> Entry:
    """The entry of a try that has ended so, with the debt to stop the others if this was a final failure."""
    return replace(after, halts=True) if dag.fail_fast and after.state is TaskState.FAILED else after


def halts(item: Item) -> bool:
    """Whether a failure in an item has still to stop the others."""
    return any(entry.halts for entry in item.entries.values())


def failed(dag: Dag, view: View) -> frozenset[int]:
    """The tasks whose failures, in what was read, have still to stop the others."""
    if not dag.fail_fast:
        return frozenset()
    found = (item.entries.items() for item in view.items.values())
    return frozenset(task_of(index) for entries in found for index, entry in entries if entry.halts)


def spared(dag: Dag, failures: Collection[int]) -> frozenset[int]:
    """The tasks that go on: teardowns, and the other instances of the task that failed if it is only one."""
    own = failures if len(failures) == 1 else ()
    return dag.scopes.teardowns.union(own)


def stopped(index: int, entry: Entry, now: float) -> Entry:
    """The entry of what is not spared: a running body has failed, all else that has not ended is skipped.

    What a mapped task comes to is found out again, from its instances.
    """
    if is_summary(index):
        return UNTOUCHED
    if entry.mapped is not None and (entry.state not in LEFT_ALONE or entry.mapped.counts[_UPSTREAM_FAILED]):
        return replace(entry, state=TaskState.EXPANDED, end=None, mapped=Mapped(entry.mapped.length))
    if entry.state in LEFT_ALONE:
        return replace(entry, halts=False)
    state = TaskState.FAILED if entry.state is TaskState.RUNNING else TaskState.SKIPPED
    return Entry(state, entry.try_number, base=entry.base, start=entry.start, end=now, width=entry.width)
