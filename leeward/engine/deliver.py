"""Deliver what a run owes: its own callbacks, those of deadlines that it missed, a look at how many runs have failed.

Its own callbacks come once those of its tasks have been called.

At least once: a function that dies in between leaves the debt, and the sweep pays it. By one at a time: whoever calls has
stored that it does, in the write that made the debt or in one of its own, and is left alone for a while.
"""

from __future__ import annotations

from leeward.core.callbacks import OF_FAILURES, OF_RUN, OF_TASKS, claimed, paid
from leeward.core.deadlines import deadline_of
from leeward.core.run import Header, Item, Payer
from leeward.core.view import View
from leeward.engine.amend import amend
from leeward.engine.callbacks import pay_deadline, pay_old, pay_run
from leeward.engine.pause import pause_if_failing
from leeward.engine.scope import Scope


def deliver(scope: Scope, item: Item, payer: Payer | None = None) -> Item:
    """Pay whatever may be paid now, as `payer` if that one is known to be at it; the item with the header as it is then."""
    while (header := item.header) is not None and header.owed:
        debts, view = _payable(scope, header)
        calls = debts - {OF_TASKS}
        if calls and (payer is None or header.payer != payer):
            item, payer = _claim(scope, item)
            if payer is None:
                return item
            if item.header is None or item.header.owed != header.owed:
                continue
        for debt in sorted(calls):
            _pay(scope, header, view, debt)
        noted = _note(scope, item, debts, payer if calls else None)
        if noted is None:
            return item
        item = noted
    return item


def _claim(scope: Scope, item: Item) -> tuple[Item, Payer | None]:
    """Become the payer; None in its place if somebody else is at it, or it has been done."""
    payer = Payer(scope.ports.ids.token(), scope.ports.clock.now())
    item, before = amend(scope, item, lambda header: claimed(header, payer), item.epoch)
    return item, None if before is None else payer


def _note(scope: Scope, item: Item, debts: frozenset[str], payer: Payer | None) -> Item | None:
    """Take away what has been paid; None if that was for nothing: a verb has taken the run back, or somebody was faster."""
    item, before = amend(scope, item, lambda header: paid(header, debts, payer), item.epoch)
    return None if before is None else item


def _payable(scope: Scope, header: Header) -> tuple[frozenset[str], View]:
    """What may be paid now: of a run that has ended, all once no task owes anything; and the view that says so."""
    late = frozenset(debt for debt in header.owed if debt == OF_FAILURES or deadline_of(debt) is not None)
    view = scope.empty_view()
    ends = header.owed & {OF_TASKS, OF_RUN}
    if header.end is None or not ends:
        return late, view
    view = scope.read_instances(scope.read_all())
    return late | (ends if OF_TASKS not in ends or pay_old(scope, view) else frozenset()), view


def _pay(scope: Scope, header: Header, view: View, debt: str) -> None:
    deadline = deadline_of(debt)
    if debt == OF_FAILURES:
        pause_if_failing(scope)
    elif deadline is None:
        pay_run(scope, header, view)
    else:
        pay_deadline(scope, header, *deadline)
