"""Intents: what touches several items of a run, stored on its header first, then applied to every item, each once.

An intent moves the epoch. Every decision is conditional on the epoch, so none that was made before an intent takes effect
after it. Whoever meets one that stays rolls it forward. One at a time; what moves on afterwards is the caller's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from leeward.core.address import STRIDE, blocks, map_index_of, summaries, task_of
from leeward.core.decide import Change
from leeward.core.fail_fast import STOPPED
from leeward.core.run import Entry, Header, Intent, IntentKind, Item, Payer
from leeward.core.states import RunState, TaskState
from leeward.core.verbs import accepted, applied, done, touches
from leeward.core.view import View
from leeward.engine.amend import amend, read_header
from leeward.engine.events import run_changed
from leeward.engine.gates import give_back
from leeward.engine.ports import Write, header_item
from leeward.engine.scope import Scope

CAUSES: Final[Mapping[IntentKind, str]] = MappingProxyType(
    {
        IntentKind.CLEAR: "cleared",
        IntentKind.STOP: "run stopped",
        IntentKind.MARK: "marked",
        IntentKind.FAIL_FAST: STOPPED,
    }
)
"""What the log says of the entries that an intent is about."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """An intent that has reached every item: the header before and after that was noted, and who pays what that owes."""

    intent: Intent
    before: Header
    item: Item
    payer: Payer


def store(scope: Scope, item: Item, intent: Intent) -> bool:
    """Store the intent; in a run of one item its effect on the entries is part of the same write."""
    header = item.header
    if header is None:
        return False
    changes = _changes(scope, 0, item, intent) if scope.layout.single else ()
    after = accepted(scope.dag, header, intent)
    written = scope.write(
        Write(
            header_item(scope.layout),
            expect=_expected(scope, 0, item, intent, changes) if scope.layout.single else {},
            put={change.index: change.after for change in changes},
            epoch=item.epoch,
            new_epoch=item.epoch + 1,
            expect_header=header,
            put_header=after,
        )
    )
    if written.item.header is None or written.item.header.intent != intent:
        return False
    scope.won(_told(changes), item.epoch + 1)
    give_back(scope, changes)
    _log(scope, header.state, after.state, intent, item.epoch + 1)
    return True


def roll(scope: Scope) -> Rolled | None:
    """Apply the intent that is stored on the header, if any, to every item, and remove it; None if somebody else did.

    Blocks come last: how many a mapped task ever had stands in its entry, whatever the verb made of that, and an expansion
    that was decided before the verb can only have written blocks of an older epoch.
    """
    item = read_header(scope)
    if item.header is None or item.header.intent is None:
        return None
    intent = item.header.intent
    view = scope.read_all()
    for shard in range(scope.layout.shards):
        view = view.with_item(shard, _apply(scope, view, shard, intent, item.epoch))
    view = scope.read(view, _mapped_items(scope, view))
    for number in _mapped_items(scope, view):
        _apply(scope, view, number, intent, item.epoch)
    return _removed(scope, item, intent)


def _removed(scope: Scope, item: Item, intent: Intent) -> Rolled | None:
    now = scope.ports.clock.now()
    payer = Payer(scope.ports.ids.token(), now)
    item, before = amend(scope, item, lambda h: done(scope.dag, h, now, payer) if h.intent == intent else None)
    return None if before is None else Rolled(intent, before, item, payer)


def _mapped_items(scope: Scope, view: View) -> list[int]:
    """The blocks and summary items that mapped tasks ever had."""
    found: list[int] = []
    for index in range(len(scope.dag.tasks)):
        entry = view.entry(index)
        width = entry.width if entry else 0
        found += [*blocks(index, width), *summaries(index, width)]
    return found


def _apply(scope: Scope, view: View, shard: int, intent: Intent, epoch: int) -> Item:
    """Apply the intent to one item unless it has been: tried again for as long as somebody else writes first."""
    item = view.items[shard]
    while item.epoch < epoch:
        changes = _changes(scope, shard, item, intent, view)
        written = scope.write(
            Write(
                shard,
                expect=_expected(scope, shard, item, intent, changes),
                put={change.index: change.after for change in changes},
                epoch=item.epoch,
                new_epoch=epoch,
            )
        )
        if written.won:
            scope.won(_told(changes), epoch)
            give_back(scope, changes)
        item = written.item
    return item


def _told(changes: Collection[Change]) -> list[Change]:
    """The changes of states, and those that don't touch the task: of what a short-circuit asked for, of a failure's debt."""
    return [
        c
        for c in changes
        if c.before.state is not c.after.state or c.before.skip != c.after.skip or c.before.halts != c.after.halts
    ]


def _changes(scope: Scope, shard: int, item: Item, intent: Intent, view: View | None = None) -> tuple[Change, ...]:
    cause = CAUSES[intent.kind]
    now = scope.ports.clock.now()
    found: list[Change] = []
    for index in sorted(set(_addresses(scope, shard, item, view)) - scope.absent):
        before = item.entry(index)
        after: Entry = applied(intent, index, before, now, scope.dag.graph.downstream[task_of(index)])
        if after != before:
            found.append(Change(index, before, after, _cause(before, after) or cause))
    return tuple(found)


def _cause(before: Entry, after: Entry) -> str | None:
    """What a verb does to an entry that is not the one that it is about; None for one that is."""
    if after.state is TaskState.EXPANDED:
        return "instances changed"
    if before.halts and before.state is after.state:
        return "others stopped"
    return "skip request taken back" if before.skip != after.skip and before.state is after.state else None


def _expected(scope: Scope, shard: int, item: Item, intent: Intent, changes: Collection[Change]) -> dict[int, Entry]:
    """All entries that the verb is about, as seen: one that began meanwhile on what it takes back must not slip by."""
    touched = [i for i in scope.layout.indexes(shard) if touches(intent, i)]
    return {index: item.entry(index) for index in (*touched, *(change.index for change in changes))}


def _addresses(scope: Scope, shard: int, item: Item, view: View | None) -> Collection[int]:
    """The entries of an item: of a block, those that are stored and those that the task's expansion has."""
    task = None if view is None or shard < STRIDE else view.entry(task_of(shard))
    if task is None:
        return scope.layout.indexes(shard)
    length = task.mapped.length if task.mapped else 0
    return [i for i in scope.layout.indexes(shard) if i in item.entries or 0 <= map_index_of(i) < length]


def _log(scope: Scope, before: RunState, after: RunState, intent: Intent, epoch: int) -> None:
    if before is not after:
        now = scope.ports.clock.now()
        line = run_changed(scope.info, before, after, intent.kind.value, epoch, now)
        scope.ports.log.append([line])
