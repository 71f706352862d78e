"""Look and advance: write what is due, dispatch what the writes owe, until nothing follows.

Anybody may advance a run at any time; who loses a write has nothing to do but to look at the image that beat it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from leeward.core.decide import Change, Decision, causes, close, decide
from leeward.core.errors import EngineError
from leeward.core.view import View
from leeward.engine.hints import Look
from leeward.engine.ports import Write
from leeward.engine.scope import Scope, gives_cause, send_at, shard_finished


def advance(scope: Scope, view: View, touched: Collection[int] | None) -> bool:
    """Do all that is due after `touched` changed (None = anything may be due); whether an item has come to its end.

    Other shards are read only where they can settle a question. A torn view is read again once; if it is still torn a
    verb is rolling over the run, and whoever ends it advances.

    A write that finishes something is a record: what follows from it is judged by reads that began after it. So all that
    was read before is forgotten; else two who finish the upstream of one task might each have seen the other's running.
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
        fresh: set[int] = set()
        seen = view
        for shard, changes in _by_shard(view, decision.changes):
            closed = close(scope.dag, seen, moment, changes, shard)
            seen, consequences = write_changes(scope, seen, shard, closed)
            fresh |= consequences
            ended = ended or shard_finished(scope, shard, seen.items[shard])
            if consequences:
                view = scope.empty_view()
            view = view.with_item(shard, seen.items[shard])
        touched = fresh


def _arm(scope: Scope, view: View, decision: Decision, touched: Collection[int] | None) -> None:
    """Send a delayed hint for verdicts that wait for time, unless whoever gave cause to wait has sent it."""
    for index, due in decision.later:
        given = causes(scope.dag, view, index)
        if touched is None or not set(touched).isdisjoint(given):
            send_at(scope, Look(scope.info, tuple(given)), due)


def write_changes(scope: Scope, view: View, shard: int, changes: Collection[Change]) -> tuple[View, frozenset[int]]:
    """Write one shard's changes; returns the new image and the tasks from which more can follow."""
    epoch = view.items[shard].epoch
    written = scope.write(
        Write(
            shard,
            expect={change.index: change.before for change in changes},
            put={change.index: change.after for change in changes},
            epoch=epoch,
        )
    )
    if not written.won and written.item == view.items[shard]:
        raise EngineError(f"{scope.info.ref}: shard {shard} refused a write on the image that it then returned")
    view = view.with_item(shard, written.item)
    if not written.won:
        return view, frozenset(change.index for change in changes)
    scope.won(changes, epoch)
    return view, frozenset(c.index for c in changes if gives_cause(c))


def _by_shard(view: View, changes: Iterable[Change]) -> list[tuple[int, list[Change]]]:
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(view.layout.shard(change.index), []).append(change)
    return sorted(groups.items())
