"""What a verb (clear, stop, mark) makes of one entry, and of the header that carries it as an intent.

A verb is stored on the header first and then applied item by item, by anybody, each item once: an item whose epoch is
already the intent's has been done.
"""

from __future__ import annotations

from dataclasses import replace

from leeward.core.address import BLOCK, STRIDE, block_of, instance, is_summary, item_of, task_of
from leeward.core.run import ENDS, UNTOUCHED, Entry, Header, Intent, IntentKind, Mapped
from leeward.core.states import FINISHED, RunState, TaskState

RUN_ENDED = "run_ended"
"""What the end of a run owes: the announcement that it ended."""


def applied(intent: Intent, index: int, entry: Entry, now: float) -> Entry:
    """The entry after the verb. Tries only grow: a cleared task keeps its number and counts retries from there."""
    if intent.kind is IntentKind.STOP:
        if entry.state in FINISHED:
            return entry
        mapped = None if entry.mapped is None else all_in_state(entry.mapped, TaskState.SKIPPED)
        kept = Entry(TaskState.SKIPPED, entry.try_number, base=entry.base, start=entry.start, end=now)
        return entry if is_summary(index) else replace(kept, mapped=mapped, width=entry.width)
    if is_summary(index):
        return UNTOUCHED if _inside(intent, index) else entry
    if not {index, task_of(index)} & intent.tasks:
        return _reopened(intent, index, entry)
    if intent.kind is IntentKind.CLEAR:
        return Entry(try_number=entry.try_number, base=entry.try_number, width=entry.width)
    if entry.state == intent.state:
        return entry
    state = TaskState(str(intent.state))
    mapped = None if entry.mapped is None else all_in_state(entry.mapped, state)
    return replace(entry, state=state, owner="", end=now, until=None, skip=frozenset(), mapped=mapped)


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


def accepted(header: Header, intent: Intent) -> Header:
    """The header once the verb is stored: the run moves (again), and the intent is there to be rolled over its items."""
    return replace(header, state=RunState.RUNNING, end=None, intent=intent, active=True)


def done(header: Header, now: float) -> Header:
    """The header once every item has been done: the intent is gone; a stopped run has ended and owes its end."""
    intent = header.intent
    if intent is None or intent.kind is not IntentKind.STOP:
        return replace(header, intent=None)
    state = RunState(str(intent.state))
    return replace(header, intent=None, state=state, end=now, owed=header.owed | {RUN_ENDED})
