"""Miss the deadlines of a run that have passed: one write makes them debts, whoever makes it pays them."""

from __future__ import annotations

from leeward.core.deadlines import missed
from leeward.core.run import Item, Payer
from leeward.engine.amend import amend
from leeward.engine.deadlines import tell_deadlines
from leeward.engine.deliver import deliver
from leeward.engine.scope import Scope


def miss_deadlines(scope: Scope, item: Item) -> Item:
    """Call what missed deadlines ask for; the item with the header as it is then."""
    now = scope.ports.clock.now()
    payer = Payer(scope.ports.ids.token(), now)
    item, before = amend(scope, item, lambda header: missed(header, now, payer))
    if before is None or item.header is None:
        return item
    tell_deadlines(scope, before, item.header, item.epoch)
    return deliver(scope, item, payer)
