"""Clear, stop and mark: verbs that un-finish things, or touch several items of a run.

The verb is stored on the header first (an *intent*, with a new epoch), then applied to every shard, each once, then
removed. Every decision is conditional on the epoch, so none that was made before the verb takes effect after it. Whoever
meets an intent that stays rolls it forward. One verb at a time: a second is refused as busy.
"""

from __future__ import annotations

from collections.abc import Collection

from leeward.core.address import STRIDE, blocks, map_index_of, summaries, task_of
from leeward.core.decide import Change
from leeward.core.errors import UsageError
from leeward.core.run import Entry, Intent, IntentKind, Item, Payer
from leeward.core.states import RUN_FINISHED, RunState, TaskState
from leeward.core.verbs import accepted, applied, done, touches
from leeward.core.view import View
from leeward.engine.admit import admit
from leeward.engine.alarms import arm
from leeward.engine.amend import amend, read_header
from leeward.engine.end_run import move_on, tell_end
from leeward.engine.events import run_changed
from leeward.engine.gates import give_back, pass_on, repair
from leeward.engine.ports import Write, header_item
from leeward.engine.scope import Scope


def apply_verb(
    scope: Scope,
    kind: IntentKind,
    tasks: Collection[int] = (),
    state: RunState | TaskState | None = None,
    reason: str = "",
) -> None:
    """Store a verb and roll it over the run. `tasks` are indexes; `state` is for MARK and STOP, `reason` says why STOP.

    As in Airflow, clearing a task clears the setups in whose scope it is and their teardowns too.
    Raises UsageError LW301 if there is no such run, LW302 if another verb is on its way.
    """
    chosen = scope.dag.scopes.cleared(tasks) if kind is IntentKind.CLEAR else frozenset(tasks)
    intent = Intent(scope.ports.ids.token(), kind, chosen, scope.ports.clock.now(), state, reason)
    while True:
        item = read_header(scope)
        if item.header is None:
            raise UsageError("LW301", f"there is no run {scope.info.ref.run_id}")
        if kind is IntentKind.STOP and item.header.state in RUN_FINISHED:
            return
        if item.header.intent is not None:
            raise UsageError("LW302", "another verb is on its way in this run: try again")
        if _store(scope, item, intent):
            break
    roll_forward(scope)


def roll_forward(scope: Scope) -> None:
    """Apply the intent that is stored on the header, if any, to every item, remove it, and move the run on.

    Blocks come last: how many a mapped task ever had stands in its entry, whatever the verb made of that, and an expansion
    that was decided before the verb can only have written blocks of an older epoch.
    """
    item = read_header(scope)
    if item.header is None or item.header.intent is None:
        return
    intent = item.header.intent
    view = scope.read_all()
    for shard in range(scope.layout.shards):
        view = view.with_item(shard, _apply(scope, view, shard, intent, item.epoch))
    view = scope.read(view, _mapped_items(scope, view))
    for number in _mapped_items(scope, view):
        _apply(scope, view, number, intent, item.epoch)
    _finish(scope, item, intent)


def _mapped_items(scope: Scope, view: View) -> list[int]:
    """The blocks and summary items that mapped tasks ever had."""
    found: list[int] = []
    for index in range(len(scope.dag.tasks)):
        entry = view.entry(index)
        width = entry.width if entry else 0
        found += [*blocks(index, width), *summaries(index, width)]
    return found


def _store(scope: Scope, item: Item, intent: Intent) -> bool:
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
    """The changes of states, and of what a short-circuit asked for, which a verb may take back without touching the task."""
    return [c for c in changes if c.before.state is not c.after.state or c.before.skip != c.after.skip]


def _changes(scope: Scope, shard: int, item: Item, intent: Intent, view: View | None = None) -> tuple[Change, ...]:
    cause = {
        IntentKind.CLEAR: "cleared",
        IntentKind.STOP: "run stopped",
        IntentKind.MARK: "marked",
    }[intent.kind]
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


def _finish(scope: Scope, item: Item, intent: Intent) -> None:
    now = scope.ports.clock.now()
    payer = Payer(scope.ports.ids.token(), now)
    item, before = amend(scope, item, lambda h: done(scope.dag, h, now, payer) if h.intent == intent else None)
    if before is None or item.header is None:
        return
    left = repair(scope)
    if intent.kind is IntentKind.CLEAR and item.header.deadlines:
        arm(scope, item.header)
    if item.header.state in RUN_FINISHED:
        tell_end(scope, before, item, payer, item.header.reason or "stopped")
    elif item.header.state is RunState.QUEUED:
        admit(scope, item)
    else:
        move_on(scope, scope.read_all(), None)
    pass_on(scope, left)


def _log(scope: Scope, before: RunState, after: RunState, intent: Intent, epoch: int) -> None:
    if before is not after:
        now = scope.ports.clock.now()
        line = run_changed(scope.info, before, after, intent.kind.value, epoch, now)
        scope.ports.log.append([line])
