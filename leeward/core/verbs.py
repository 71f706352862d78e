"""What a verb (clear, stop, mark) makes of one entry, and of the header that carries it as an intent.

A verb is stored on the header first and then applied item by item, by anybody, each item once: an item whose epoch is
already the intent's has been done.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from leeward.core.callbacks import owed_by_end
from leeward.core.dag import Dag
from leeward.core.run import Entry, Header, Intent, IntentKind
from leeward.core.states import FINISHED, RunState, TaskState


def applied(intent: Intent, index: int, entry: Entry, now: float, after: Collection[int] = ()) -> Entry:
    """The entry after the verb. Tries only grow: a cleared task keeps its number and counts retries from there.

    `after` are the tasks right after this one. What a branch asked of these holds through their clear; what a short-circuit
    asked of others is taken back by it, as in Airflow, where only direct upstream tasks are asked again.
    """
    if intent.kind is IntentKind.STOP:
        if entry.state in FINISHED:
            return entry
        return Entry(TaskState.SKIPPED, entry.try_number, base=entry.base, start=entry.start, end=now)
    if index not in intent.tasks:
        taken_back = intent.tasks.difference(after) if intent.kind is IntentKind.CLEAR else frozenset()
        return replace(entry, skip=entry.skip - taken_back) if entry.skip & taken_back else entry
    if intent.kind is IntentKind.CLEAR:
        return Entry(try_number=entry.try_number, base=entry.try_number)
    if entry.state == intent.state:
        return entry
    state = TaskState(str(intent.state))
    return replace(entry, state=state, owner="", end=now, until=None, skip=frozenset(), owes=False)


def accepted(header: Header, intent: Intent) -> Header:
    """The header once the verb is stored: the run moves (again), and the intent is there to be rolled over its items."""
    return replace(header, state=RunState.RUNNING, end=None, intent=intent, active=True)


def done(dag: Dag, header: Header, now: float) -> Header:
    """The header once every item has been done: the intent is gone; a stopped run has ended and owes its end."""
    intent = header.intent
    if intent is None or intent.kind is not IntentKind.STOP:
        return replace(header, intent=None)
    return ended(dag, replace(header, intent=None), RunState(str(intent.state)), now)


def ended(dag: Dag, header: Header, state: RunState, now: float) -> Header:
    """The header of a run that ends now: it stays among the active ones while its end owes something."""
    owed = header.owed | owed_by_end(dag, state)
    return replace(header, state=state, end=now, owed=owed, active=bool(owed))
