"""What a verb (clear, stop, mark) makes of one entry, and of the header that carries it as an intent.

A verb is stored on the header first and then applied item by item, by anybody, each item once: an item whose epoch is
already the intent's has been done.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from leeward.core.address import BLOCK, STRIDE, block_of, instance, is_summary, item_of, task_of
from leeward.core.callbacks import OF_TASKS, owed_by_end
from leeward.core.dag import Dag
from leeward.core.deadlines import debts, left_by_end, overdue, queued_again
from leeward.core.fail_fast import stopped
from leeward.core.run import ENDS, UNTOUCHED, Entry, Header, Intent, IntentKind, Mapped, Payer
from leeward.core.states import FINISHED, RUN_FINISHED, RunState, TaskState


def applied(intent: Intent, index: int, entry: Entry, now: float, after: Collection[int] = ()) -> Entry:
    """The entry after the verb. Tries only grow: a cleared task keeps its number and counts retries from there.

    `after` are the tasks right after this one. What a branch asked of these holds through their clear; what a short-circuit
    asked of others is taken back by it, as in Airflow, where only direct upstream tasks are asked again.
    """
    if intent.kind is IntentKind.STOP:
        if entry.state in FINISHED:
            return replace(entry, halts=False)
        mapped = None if entry.mapped is None else all_in_state(entry.mapped, TaskState.SKIPPED)
        kept = Entry(TaskState.SKIPPED, entry.try_number, base=entry.base, start=entry.start, end=now)
        return entry if is_summary(index) else replace(kept, mapped=mapped, width=entry.width)
    if intent.kind is IntentKind.FAIL_FAST:
        return replace(entry, halts=False) if task_of(index) in intent.tasks else stopped(index, entry, now)
    if is_summary(index):
        return UNTOUCHED if _inside(intent, index) else entry
    if not {index, task_of(index)} & intent.tasks:
        taken_back = intent.tasks.difference(after) if intent.kind is IntentKind.CLEAR else frozenset()
        kept = replace(entry, skip=entry.skip - taken_back) if entry.skip & taken_back else entry
        return _reopened(intent, index, kept)
    if intent.kind is IntentKind.CLEAR:
        return Entry(try_number=entry.try_number, base=entry.try_number, width=entry.width)
    if entry.state == intent.state:
        return entry
    state = TaskState(str(intent.state))
    mapped = None if entry.mapped is None else all_in_state(entry.mapped, state)
    bare = replace(entry, owner="", until=None, skip=frozenset(), owes=False, halts=False)
    return replace(bare, state=state, end=now, mapped=mapped)


def touches(intent: Intent, address: int) -> bool:
    """Whether the verb is about an entry, whatever it makes of it. It must apply to what is stored then, not to less."""
    if intent.kind is IntentKind.STOP:
        return True
    if intent.kind is IntentKind.FAIL_FAST:
        return task_of(address) not in intent.tasks
    return _inside(intent, address) if is_summary(address) else not intent.tasks.isdisjoint((address, task_of(address)))


def all_in_state(mapped: Mapped, state: TaskState) -> Mapped:
    """What a mapped task knows once all of its instances are in one state."""
    return Mapped(mapped.length, tuple(mapped.length if end is state else 0 for end in ENDS), pushed=mapped.pushed)


def _inside(intent: Intent, address: int) -> bool:
    """Whether the verb touches an instance of the block that a summary is about."""
    block = item_of(instance(task_of(address), block_of(address) * BLOCK))
    return task_of(address) in intent.tasks or any(each >= STRIDE and item_of(each) == block for each in intent.tasks)


def _reopened(intent: Intent, index: int, entry: Entry) -> Entry:
    """A mapped task's entry once single instances of it were changed: what they come to is to be found out again."""
    single = any(each >= STRIDE and task_of(each) == index for each in intent.tasks)
    if not single or entry.mapped is None:
        return entry
    return replace(entry, state=TaskState.EXPANDED, end=None, mapped=Mapped(entry.mapped.length))


def accepted(dag: Dag, header: Header, intent: Intent) -> Header:
    """The header once the verb is stored: the intent is there to be rolled over the run's items.

    A run that had ended is queued again by a clear, as in Airflow. Whoever is calling what its end owed has nothing more to
    note.
    """
    deadlines = header.deadlines
    if intent.kind is IntentKind.CLEAR:
        deadlines = queued_again(dag, header, intent.since)
    waits = header.state is RunState.QUEUED or (intent.kind is IntentKind.CLEAR and header.state in RUN_FINISHED)
    state = RunState.QUEUED if waits else RunState.RUNNING
    moved = replace(header, state=state, end=None, intent=intent, active=True)
    return replace(moved, deadlines=deadlines, payer=None, reason="")


def done(dag: Dag, header: Header, now: float, payer: Payer) -> Header:
    """The header once every item has been done: the intent is gone; a stopped run has ended and owes its end."""
    intent = header.intent
    if intent is None or intent.kind is not IntentKind.STOP:
        return replace(header, intent=None)
    return ended(dag, replace(header, intent=None), RunState(str(intent.state)), now, payer, intent.reason)


def ended(dag: Dag, header: Header, state: RunState, now: float, payer: Payer, reason: str = "") -> Header:
    """The header of a run that ends now: it stays among the active ones while its end owes something.

    Whoever ends it is the payer of that, unless somebody is, or callbacks of tasks come first.
    """
    left = left_by_end(header, state, now)
    owed = header.owed | owed_by_end(dag, state) | debts(overdue(header, now))
    pays = header.payer or (payer if owed and OF_TASKS not in owed else None)
    closed = replace(header, state=state, end=now, owed=owed, active=bool(owed or left))
    return replace(closed, deadlines=left, payer=pays, reason=reason)
