"""Pay what ended tries and runs owe: call their callbacks, then note that it was done.

At least once: a function that dies in between leaves the debt, and the sweep pays it. A young debt is left to whoever made
it, who also ends what waited for it; that is why nothing is called twice where nothing goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from leeward.contract import CALLBACK_SECONDS, STALE_DEBT_SECONDS
from leeward.core.callbacks import EVENTS, RUN_EVENTS, reason
from leeward.core.dag import CallbackEvent
from leeward.core.decide import Change, entries
from leeward.core.run import UNTOUCHED, Entry, Header, Item
from leeward.core.states import FAILURES
from leeward.core.view import View
from leeward.engine.attempts import attempt
from leeward.engine.events import deadline_context
from leeward.engine.ports import Call, Write
from leeward.engine.scope import Scope

_WITH_ERRORS: Final = (CallbackEvent.FAILURE, CallbackEvent.RETRY)


def announce(scope: Scope, index: int, entry: Entry) -> None:
    """Call what is to be called before a body."""
    callbacks = scope.task(index).callbacks.get(CallbackEvent.EXECUTE, ())
    if callbacks:
        _call(scope, index, entry, Call(CallbackEvent.EXECUTE, callbacks))


def pay(scope: Scope, view: View, index: int) -> Item:
    """Call what a try's end owes, and note it; the item as it is then."""
    shard = view.layout.shard(index)
    item = view.items[shard]
    entry = item.entry(index)
    if not entry.owes:
        return item
    event = EVENTS[entry.state]
    error = scope.ports.attempts.error(scope.info.ref, index, entry.try_number) if event in _WITH_ERRORS else None
    call = Call(event, scope.task(index).callbacks.get(event, ()), error)
    _call(scope, index, entry, call)
    return _note_paid(scope, shard, index, item)


def _note_paid(scope: Scope, shard: int, index: int, item: Item) -> Item:
    """Note that a try owes nothing any more, unless a verb has made something else of it; the item as it is then.

    What a failure owes besides (`halts`) may be paid at the same time by somebody else.
    """
    called, entry = item.entry(index), item.entry(index)
    while replace(entry, halts=called.halts) == called:
        paid = replace(entry, owes=False)
        written = scope.write(Write(shard, expect={index: entry}, put={index: paid}))
        item = written.item
        if written.won:
            scope.tell([Change(index, entry, paid, "callbacks called")], item.epoch)
            break
        entry = item.entry(index)
    return item


def pay_old(scope: Scope, view: View) -> bool:
    """Pay the debts that whoever made them has left; whether none is left. The view must be complete."""
    left = False
    found = [(index, entry) for item in view.items.values() for index, entry in item.entries.items()]
    for index, entry in found:
        if entry.owes and not _old(scope, entry):
            left = True
        elif entry.owes:
            pay(scope, view, index)
    return not left


def pay_run(scope: Scope, header: Header, view: View) -> None:
    """Call what the end of a run owes, with the context of the task instance that ended last (Airflow's choice)."""
    event = RUN_EVENTS[header.state]
    index, entry = _last(view, event)
    call = Call(event, scope.dag.callbacks.get(event, ()), reason=reason(header))
    _call(scope, index, entry, call)


def pay_deadline(scope: Scope, header: Header, place: int, due: float) -> None:
    """Call what a missed deadline asks for. It is about the run, so that any task of it may lend its place."""
    alert = scope.dag.deadlines[place]
    context = deadline_context(scope.dag, scope.info, header, place, due)
    call = Call("deadline", (alert.callback,), context=context, awaited=alert.awaited)
    _call(scope, 0, UNTOUCHED, call)


def _call(scope: Scope, index: int, entry: Entry, call: Call) -> None:
    """Call with the context of a try, whose own time is over: callbacks have theirs."""
    about = attempt(scope, index, entry, scope.ports.clock.now())
    scope.ports.bodies.call(replace(about, timeout_seconds=CALLBACK_SECONDS), call)


def _old(scope: Scope, entry: Entry) -> bool:
    return scope.ports.clock.now() - (entry.end or 0.0) >= STALE_DEBT_SECONDS


def _last(view: View, event: CallbackEvent) -> tuple[int, Entry]:
    found = list(enumerate(entries(view)))
    failed = [(index, entry) for index, entry in found if entry.state in FAILURES]
    chosen: Iterable[tuple[int, Entry]] = failed if failed and event is CallbackEvent.FAILURE else found
    return max(chosen, key=lambda each: (each[1].end or 0.0, each[0]))
