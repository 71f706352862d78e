"""Look and advance: write what is due, dispatch what the writes owe, until nothing follows.

Anybody may advance a run at any time; who loses a write has nothing to do but to look at the image that beat it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.decide import Change, Decision, Moment, causes, close, decide, witnesses
from leeward.core.errors import EngineError
from leeward.core.view import View
from leeward.engine.hints import Hint, Look
from leeward.engine.ports import Write
from leeward.engine.scope import Scope, gives_cause, send_at, shard_finished


def advance(scope: Scope, view: View, touched: Collection[int] | None) -> bool:
    """Do all that is due after `touched` changed (None = anything may be due); whether an item has come to its end.

    What the writes owe is dispatched in one go, so that a fan over many items is one fan.
    """
    owed: list[Hint] = []
    try:
        ended = _advance(scope, view, touched, owed)
    except Exception:
        scope.send(owed)
        raise
    scope.send(owed)
    return ended


def _advance(scope: Scope, view: View, touched: Collection[int] | None, owed: list[Hint]) -> bool:
    """Look, write what is due, look at what that changed, until nothing follows.

    Other shards are read only where they can settle a question. A torn view is read again once; if it is still torn a
    verb is rolling over the run, and whoever ends it advances.
    """
    ended = any(shard_finished(scope, shard, item) for shard, item in view.items.items())
    while True:
        if view.torn:
            view = scope.read(view, view.items)
            if view.torn:
                return ended
        moment = scope.moment()
        decision = decide(scope.dag, view, moment, touched)
        if decision.look:
            view = scope.read(view, decision.look)
            continue
        _arm(scope, view, decision, touched)
        if not decision.changes:
            return ended
        view, touched, finished = write_all(scope, view, moment, decision.changes, owed)
        ended = ended or finished


def _arm(scope: Scope, view: View, decision: Decision, touched: Collection[int] | None) -> None:
    """Send a delayed hint for verdicts that wait for time, unless whoever gave cause to wait has sent it.

    Such a hint may find that the verdict waits for something later than its own cause: then it goes on from here.
    """
    for index, due in decision.later:
        given = causes(scope.dag, view, index)
        if touched is None or not set(touched).isdisjoint(given) or _delayed(scope, view, touched):
            send_at(scope, Look(scope.info, witnesses(scope.dag, view, index)), due)


def _delayed(scope: Scope, view: View, touched: Collection[int]) -> bool:
    """Whether what was touched ended so long ago that it is a delayed hint which looks at it again."""
    ended = [entry.end for index in touched if (entry := view.entry(index)) and entry.end is not None]
    return bool(ended) and min(ended) + EARLY_VERDICT_SECONDS <= scope.ports.clock.now()


def write_all(
    scope: Scope, view: View, moment: Moment, changes: Iterable[Change], owed: list[Hint]
) -> tuple[View, frozenset[int], bool]:
    """Write changes item by item: what may still be believed, from which tasks more can follow, whether an item has ended.

    A write that finishes something is a record: what follows from it is judged by reads that began after it. So all that
    was read before is forgotten; else two who finish the upstream of one task might each have seen the other's running.
    """
    seen, fresh, ended = view, frozenset[int](), False
    for shard, own in _by_shard(view, changes):
        closed = close(scope.dag, seen, moment, own, shard)
        seen, consequences = write_changes(scope, seen, shard, closed, owed)
        fresh |= consequences
        ended = ended or shard_finished(scope, shard, seen.items[shard])
        view = (scope.empty_view() if consequences else view).with_item(shard, seen.items[shard])
    return view, fresh, ended


def write_changes(
    scope: Scope, view: View, shard: int, changes: Collection[Change], owed: list[Hint]
) -> tuple[View, frozenset[int]]:
    """Write one shard's changes; returns the new image and the tasks from which more can follow. `owed` gets its hints."""
    epoch = view.items[shard].epoch
    written = scope.write(
        Write(
            shard,
            expect={change.index: change.before for change in changes},
            put={change.index: change.after for change in changes},
            epoch=epoch,
            new_epoch=view.adopted(shard),
        )
    )
    if not written.won and written.item == view.items[shard]:
        raise EngineError(f"{scope.info.ref}: shard {shard} refused a write on the image that it then returned")
    view = view.with_item(shard, written.item)
    if not written.won:
        return view, frozenset(change.index for change in changes)
    owed += scope.note(changes, written.item.epoch)
    return view, frozenset(c.index for c in changes if gives_cause(c))


def _by_shard(view: View, changes: Iterable[Change]) -> list[tuple[int, list[Change]]]:
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(view.layout.shard(change.index), []).append(change)
    return sorted(groups.items())
