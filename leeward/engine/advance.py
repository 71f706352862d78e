"""Look and advance: write what is due, dispatch what the writes owe, until nothing follows.

Anybody may advance a run at any time; who loses a write has nothing to do but to look at the image that beat it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from leeward.contract import EARLY_VERDICT_SECONDS
from leeward.core.decide import Change, Decision, Moment, Try, causes, close, decide, held_up, nearby, witnesses
from leeward.core.errors import EngineError
from leeward.core.fail_fast import failed
from leeward.core.gates import Gate
from leeward.core.past import Past
from leeward.core.view import View
from leeward.engine.events import waits_for_past
from leeward.engine.gates import give_back, give_up, offer
from leeward.engine.hints import Hint, Look
from leeward.engine.past import read_past
from leeward.engine.ports import Write
from leeward.engine.scope import Scope, gives_cause, send_at, shard_finished

YOUNG_SECONDS: Final = 60.0
"""How old a run may be for a look at all of it to tell what waits for the run before: the sweep tells no second time."""


def advance(scope: Scope, view: View, touched: Collection[int] | None, *, freed: frozenset[Gate] = frozenset()) -> bool:
    """Do all that is due after `touched` changed (None = anything may be due); whether an item has come to its end.

    `freed` names the gates of slots that were given back and for which others may have waited. What the writes owe is
    dispatched in one go, so that a fan over many items is one fan.
    """
    owed: list[Hint] = []
    try:
        ended = _Advance(scope, owed, freed=freed).run(view, touched)
    except Exception:
        scope.send(owed)
        raise
    scope.send(owed)
    return ended


class _Advance:
    """Look, write what is due, look at what that changed, until nothing follows. `owed` gets the hints of what was queued.

    Other shards are read only where they can settle a question. A torn view is read again once; if it is still torn a
    verb is rolling over the run, and whoever ends it advances. The run before is read where it alone is waited for.
    """

    def __init__(self, scope: Scope, owed: list[Hint], *, freed: frozenset[Gate]) -> None:
        self.scope, self.owed, self.freed = scope, owed, freed
        self.held = frozenset[Try]()
        self.refused = frozenset[Try]()
        self.epoch = 0
        self.past: Past | None = None

    def run(self, view: View, touched: Collection[int] | None) -> bool:
        """See `advance`.

        A slot that was given back is offered near by first, then to all that may have waited for it: until the gate is full,
        so that whoever gives back the next one has to look, or until nobody is left.
        """
        scope = self.scope
        ended = any(shard_finished(scope, shard, item) for shard, item in view.items.items())
        touched = self._wider(view, touched)
        while True:
            if view.torn:
                view = scope.read(view, view.items)
                if view.torn:
                    return ended
            ended = ended or bool(failed(scope.dag, view))
            self._forget(view.epoch)
            moment = scope.moment(self.held, self.past)
            decision = decide(scope.dag, view, moment, touched)
            if decision.look:
                view = scope.read(view, decision.look)
                continue
            if decision.behind and self.past is None:
                self.past = self._look_back(view, decision.behind, touched)
                continue
            if self._offer(view, decision.wanted):
                continue
            _arm(scope, view, decision, touched)
            if decision.changes:
                view, touched, finished = self.write_all(view, moment, decision.changes)
                touched, ended = self._wider(view, touched), ended or finished
            elif self.freed and touched is not None:
                touched, self.freed = None, frozenset()
            else:
                return ended

    def _look_back(self, view: View, behind: Collection[Change], touched: Collection[int] | None) -> Past:
        """What the run before says. While the index may not show that run, nobody passes, and a hint comes once it must."""
        scope, now = self.scope, self.scope.ports.clock.now()
        shown = scope.info.created + scope.ports.runs.lag_seconds()
        if now < shown:
            send_at(scope, Look(scope.info), shown)
            return Past(frozenset())
        past = read_past(scope.ports, scope.dag, scope.info)
        if touched is not None or now < shown + YOUNG_SECONDS:
            held = [change for change in behind if held_up(scope.dag, change, past)]
            lines = [waits_for_past(scope.dag, scope.info, each, past.run_id, view.epoch, now) for each in held]
            scope.ports.log.append(lines)
        return past

    def _forget(self, epoch: int) -> None:
        """After a verb, what was taken before it may have been given back by whoever rolled it over the run."""
        if epoch != self.epoch:
            self.held = self.refused = frozenset()
        self.epoch = epoch

    def _wider(self, view: View, touched: Collection[int] | None) -> Collection[int] | None:
        """What may be due, given that a slot may be free for whatever lacks nothing else."""
        if touched is None or not self.freed:
            return touched
        self.refused = frozenset()
        return {*touched, *nearby(self.scope.dag, view)}

    def _offer(self, view: View, wanted: Collection[Change]) -> bool:
        """Take slots for what has not been refused any; whether there was such a try."""
        asked = {(change.index, change.after.try_number): change for change in wanted}
        fresh = asked.keys() - self.refused
        if not fresh:
            return False
        got, full = offer(self.scope, view, [change for each, change in asked.items() if each in fresh])
        self.held |= got
        self.refused |= fresh - got
        self.freed -= full
        return True

    def write_all(self, view: View, moment: Moment, changes: Iterable[Change]) -> tuple[View, frozenset[int], bool]:
        """Write changes item by item: what may still be believed, what more can follow from, whether an item has ended.

        A write that finishes something is a record: what follows from it is judged by reads that began after it. So all that
        was read before is forgotten; else two who finish the upstream of one task might each have seen the other's running.
        """
        scope, seen, fresh, ended = self.scope, view, frozenset[int](), False
        epoch = view.epoch
        for shard, own in _by_shard(view, changes):
            closed = close(scope.dag, seen, moment, own, shard)
            seen, consequences = self.write(seen, shard, closed, epoch)
            fresh |= consequences
            ended = ended or shard_finished(scope, shard, seen.items[shard])
            view = (scope.empty_view() if consequences else view).with_item(shard, seen.items[shard])
        return view, fresh, ended

    def write(self, view: View, shard: int, changes: Collection[Change], epoch: int) -> tuple[View, frozenset[int]]:
        """Write one shard's changes; returns the new image and the tasks from which more can follow.

        `epoch` is that of the view in which they were decided, and the one that a block gets which has none yet.
        """
        scope = self.scope
        written = scope.write(
            Write(
                shard,
                expect={change.index: change.before for change in changes},
                put={change.index: change.after for change in changes},
                epoch=view.items[shard].epoch,
                new_epoch=epoch if view.fresh(shard) else None,
            )
        )
        if not written.won and written.item == view.items[shard]:
            raise EngineError(f"{scope.info.ref}: shard {shard} refused a write on the image that it then returned")
        view = view.with_item(shard, written.item)
        if not written.won:
            self.freed |= give_up(scope, written.item, changes, self.held)
            return view, frozenset(change.index for change in changes)
        self.owed += scope.note(changes, written.item.epoch)
        self.freed |= give_back(scope, changes)
        return view, frozenset(c.index for c in changes if gives_cause(c))


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


def _by_shard(view: View, changes: Iterable[Change]) -> list[tuple[int, list[Change]]]:
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(view.layout.shard(change.index), []).append(change)
    return sorted(groups.items())
