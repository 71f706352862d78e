"""The end of a run: one conditional write on the header, which also stores what the end still owes.

Whoever recorded the last open entry of a shard calls this. The header is read first, then the shards: the last recorder
of all shards reads after its own write, so one of the callers sees everything finished. Two may try; one wins.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from leeward.contract import METRIC_RUN_DURATION
from leeward.core.callbacks import OF_RUN, OF_TASKS
from leeward.core.decide import decide, entries, outcome
from leeward.core.gates import Gate
from leeward.core.run import Header, Item
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.verbs import ended
from leeward.core.view import View
from leeward.engine.advance import advance
from leeward.engine.callbacks import pay, pay_old, pay_run
from leeward.engine.events import end_cause, run_changed
from leeward.engine.gates import repair
from leeward.engine.ports import HEADER, Write, header_item
from leeward.engine.scope import Scope


def move_on(scope: Scope, view: View, touched: Collection[int] | None, *, freed: frozenset[Gate] = frozenset()) -> None:
    """Advance, then end the run if that (or the write before it) finished a shard's last open entry.

    `freed` names the gates of slots that were given back and that others of the run may have waited for.
    """
    if advance(scope, view, touched, freed=freed):
        end_run(scope)


def end_run(scope: Scope) -> None:
    """End the run if nothing is left to do in it."""
    number = header_item(scope.layout)
    item = scope.ports.runs.read(scope.info.ref, (number,))[number]
    if item.header is None or item.header.intent or item.header.state is not RunState.RUNNING:
        return
    view = scope.read_all()
    while not any(shard.epoch != item.epoch for shard in view.items.values()):
        if _moving(view):
            return
        moment = scope.moment()
        due = decide(scope.dag, view, moment)
        if due.later or due.wanted:
            return
        if not due.changes:
            state, cause = _verdict(scope, view)
            write_end(scope, item, ended(scope.dag, item.header, state, moment.now), cause)
            return
        advance(scope, view, None)
        view = scope.read_all()


def write_end(scope: Scope, item: Item, header: Header, cause: str) -> None:
    """Store the end on the header as seen in `item`, and deliver what it owes if that wins."""
    written = scope.write(
        Write(
            header_item(scope.layout),
            epoch=item.epoch,
            expect_header=item.header,
            put_header=header,
        )
    )
    if written.won or written.item.header == header:
        tell_end(scope, written.item, cause)


def tell_end(scope: Scope, item: Item, cause: str) -> None:
    """Log that a run has ended, as whoever ended it, and deliver what that owes."""
    header = item.header
    if header is None or header.end is None:
        return
    line = run_changed(scope.info, RunState.RUNNING, header.state, cause, item.epoch, scope.ports.clock.now())
    scope.ports.log.append([line])
    seconds = header.end - (header.start or header.end)
    scope.ports.metrics.timing(f"{METRIC_RUN_DURATION}.{header.state}", seconds, dag_id=scope.dag.dag_id)
    repair(scope)
    deliver(scope, item)


def deliver(scope: Scope, item: Item) -> None:
    """Deliver what an ended run owes, then take it off the active index. At least once: (run, epoch) is the key."""
    header = item.header
    if header is None or header.end is None or not header.owed:
        return
    view = scope.read_instances(scope.read_all())
    if OF_TASKS in header.owed and not pay_old(scope, view):
        return
    if OF_RUN in header.owed:
        pay_run(scope, header, view)
    delivered = replace(header, owed=frozenset(), active=False)
    scope.write(Write(header_item(scope.layout), epoch=item.epoch, expect_header=header, put_header=delivered))


def settle(scope: Scope, view: View, index: int) -> None:
    """Pay what a try that this execution ended owes, and end what has waited for that alone."""
    if not view.items[view.layout.shard(index)].entry(index).owes:
        return
    item = pay(scope, view, index)
    if item.entry(index).state is TaskState.UP_FOR_RETRY:
        move_on(scope, scope.empty_view().with_item(view.layout.shard(index), item), (index,))
        return
    if not scope.layout.single:
        item = scope.ports.runs.read(scope.info.ref, (HEADER,))[HEADER]
    deliver(scope, item)


def _moving(view: View) -> bool:
    """Whether some try is on its way."""
    return not {entry.state for entry in entries(view)} <= FINISHED | {TaskState.NONE}


def _verdict(scope: Scope, view: View) -> tuple[RunState, str]:
    state = outcome(scope.dag, view, scope.info)
    if state is None:
        return RunState.FAILED, "all_tasks_deadlocked"
    return state, end_cause(state)
