"""Record what a try did, fold what may be folded, and move the run on before the next body starts.

A record is conditional on the try's own entry alone; only what is folded into the write is conditional on the epoch. If
the fold loses, the try is recorded by itself; if that loses, the try was taken back (cleared, stopped, declared lost).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from leeward.core.dag import Task
from leeward.core.decide import Change
from leeward.core.fold import Fold, Lease, fold
from leeward.core.run import Header, Item, Payer
from leeward.core.verbs import ended
from leeward.core.view import View
from leeward.engine.end_run import move_on, settle, tell_end
from leeward.engine.gates import give_back
from leeward.engine.ports import Write
from leeward.engine.scope import Scope, gives_cause


@dataclass(frozen=True, slots=True)
class Recorded:
    """The image after the record, and the task whose body the same execution runs next, if any."""

    view: View
    follow: int | None = None


def record(
    scope: Scope,
    view: View,
    change: Change,
    lease_for: Callable[[Task], Lease | None],
) -> Recorded | None:
    """Record a try's change; None if the try was no longer this execution's."""
    plan = fold(scope.dag, view, scope.moment(), change, lease_for)
    shard = view.layout.shard(change.index)
    payer = Payer(scope.ports.ids.token(), scope.ports.clock.now())
    item, plan_written = _write(scope, view.items[shard], shard, plan, change, payer)
    if plan_written is None:
        return None
    seen = scope.empty_view().with_item(shard, item)
    scope.won(plan_written.changes, item.epoch)
    freed = give_back(scope, plan_written.changes)
    if plan_written.end is not None:
        tell_end(scope, view.items[shard].header or Header(), item, payer)
    else:
        move_on(scope, seen, [c.index for c in plan_written.changes if gives_cause(c)], freed=freed)
    settle(scope, seen, change.index)
    follow = plan_written.follow
    return Recorded(seen, None if follow is None else follow.index)


def record_all(scope: Scope, changes: Sequence[Change]) -> None:
    """Record tries of one item that ended together: in one write, or one by one if some were taken back meanwhile."""
    shard = scope.layout.shard(changes[0].index)
    whole = Write(shard, expect={c.index: c.before for c in changes}, put={c.index: c.after for c in changes})
    written = scope.write(whole)
    ours = [c for c in changes if written.won or written.item.entry(c.index) == c.after]
    for change in changes if not ours else ():
        alone = scope.write(Write(shard, expect={change.index: change.before}, put={change.index: change.after}))
        if alone.won or alone.item.entry(change.index) == change.after:
            ours.append(change)
            written = alone
    if ours:
        scope.won(ours, written.item.epoch)
        freed = give_back(scope, ours)
        seen = scope.empty_view().with_item(shard, written.item)
        move_on(scope, seen, [c.index for c in ours if gives_cause(c)], freed=freed)
        for change in ours:
            settle(scope, seen, change.index)


def _write(scope: Scope, seen: Item, shard: int, plan: Fold, change: Change, payer: Payer) -> tuple[Item, Fold | None]:
    """Write the fold, or the record alone if the fold loses; the fold that took effect, None if neither did."""
    if not plan.alone:
        written = scope.write(_whole(scope, seen, shard, plan, payer))
        if written.won or _took_effect(written.item, plan):
            return written.item, plan
    alone = Fold((change,))
    written = scope.write(Write(shard, expect={change.index: change.before}, put={change.index: change.after}))
    if written.won or _took_effect(written.item, alone):
        return written.item, alone
    return written.item, None


def _whole(scope: Scope, seen: Item, shard: int, plan: Fold, payer: Payer) -> Write:
    write = Write(
        shard,
        expect={c.index: c.before for c in plan.changes},
        put={c.index: c.after for c in plan.changes},
        epoch=seen.epoch,
    )
    if plan.end is None or seen.header is None:
        return write
    header = ended(scope.dag, seen.header, plan.end, payer.since, payer)
    return replace(write, expect_header=seen.header, put_header=header)


def _took_effect(item: Item, plan: Fold) -> bool:
    """Whether a refused write was ours all the same: its answer was lost and the client sent it again."""
    first = plan.changes[0]
    return item.entry(first.index) == first.after and all(
        item.entry(c.index) == c.after for c in plan.changes if c.after.owner
    )
