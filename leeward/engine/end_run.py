"""The end of a run: one conditional write on the header, which also stores what the end still owes.

Whoever recorded the last open entry of a shard calls this. The header is read first, then the shards: the last recorder
of all shards reads after its own write, so one of the callers sees everything finished. Two may try; one wins.

Whoever recorded a failure that is to stop the others (`fail_fast`) calls it, too, and stops them.
"""

from __future__ import annotations

from collections.abc import Collection

from leeward.contract import METRIC_RUN_DURATION
from leeward.core.callbacks import reason
from leeward.core.decide import decide, entries, outcome
from leeward.core.fail_fast import failed, spared
from leeward.core.gates import Gate
from leeward.core.past import waits
from leeward.core.run import Header, Intent, IntentKind, Item, Payer
from leeward.core.states import FINISHED, RUN_FINISHED, RunState, TaskState
from leeward.core.verbs import ended
from leeward.core.view import View
from leeward.engine.admit import admit
from leeward.engine.advance import advance
from leeward.engine.alarms import arm
from leeward.engine.amend import amend, read_header
from leeward.engine.callbacks import pay
from leeward.engine.deadlines import tell_deadlines
from leeward.engine.deliver import deliver
from leeward.engine.events import run_changed
from leeward.engine.gates import leave, pass_on, repair
from leeward.engine.intents import roll, store
from leeward.engine.ports import HEADER
from leeward.engine.scope import Scope


def move_on(scope: Scope, view: View, touched: Collection[int] | None, *, freed: frozenset[Gate] = frozenset()) -> None:
    """Advance, then end the run if that (or the write before it) finished a shard's last open entry.

    `freed` names the gates of slots that were given back and that others of the run may have waited for.
    """
    if advance(scope, view, touched, freed=freed):
        end_run(scope)


def roll_forward(scope: Scope) -> None:
    """Apply the intent that is stored on the header, if any, to every item, remove it, and move the run on."""
    rolled = roll(scope)
    if rolled is None or rolled.item.header is None:
        return
    left = repair(scope)
    header = rolled.item.header
    if header.state in RUN_FINISHED:
        tell_end(scope, rolled.before, rolled.item, rolled.payer, header.reason or "stopped")
    elif rolled.intent.kind is IntentKind.CLEAR and header.deadlines:
        arm(scope, header)
    if header.state is RunState.RUNNING or (header.state is RunState.QUEUED and admit(scope, rolled.item)):
        move_on(scope, scope.read_all(), None)
    pass_on(scope, left)


def end_run(scope: Scope) -> None:
    """End the run if nothing is left to do in it; let a failure stop the others that has still to do so."""
    item = read_header(scope)
    if item.header is None or item.header.intent or item.header.state is not RunState.RUNNING:
        return
    view = scope.read_all()
    while not any(shard.epoch != item.epoch for shard in view.items.values()):
        failures = failed(scope.dag, scope.read_instances(view)) if scope.dag.fail_fast else ()
        if failures:
            _stop_others(scope, item, failures)
            return
        if _moving(view):
            return
        moment = scope.moment()
        due = decide(scope.dag, view, moment)
        if due.later or due.wanted:
            return
        if not due.changes:
            if not waits(scope.dag, view, scope.info):
                _write_end(scope, item, *_verdict(scope, view))
            return
        advance(scope, view, None)
        view = scope.read_all()


def _stop_others(scope: Scope, item: Item, failures: Collection[int]) -> None:
    """Store the intent to stop what is to be stopped for these failures, and roll it over the run.

    If somebody else writes to the header first, the failures may have been taken back: then all is looked at anew.
    """
    now = scope.ports.clock.now()
    intent = Intent(scope.ports.ids.token(), IntentKind.FAIL_FAST, spared(scope.dag, failures), now)
    if store(scope, item, intent):
        roll_forward(scope)
    else:
        end_run(scope)


def _write_end(scope: Scope, item: Item, state: RunState, why: str) -> None:
    """Store the end on the header, and deliver what it owes. A deadline that is missed meanwhile does not keep it off."""
    now, epoch = scope.ports.clock.now(), item.epoch
    payer = Payer(scope.ports.ids.token(), now)

    def end(header: Header) -> Header | None:
        moves = header.state is RunState.RUNNING and header.intent is None
        return ended(scope.dag, header, state, now, payer, why) if moves else None

    item, before = amend(scope, item, end, epoch)
    if before is not None:
        tell_end(scope, before, item, payer)


def tell_end(scope: Scope, before: Header, item: Item, payer: Payer, cause: str = "") -> None:
    """Log that a run has ended, as whoever ended it, and deliver what that owes as `payer`."""
    header = item.header
    if header is None or header.end is None:
        return
    told = cause or reason(header)
    line = run_changed(scope.info, RunState.RUNNING, header.state, told, item.epoch, scope.ports.clock.now())
    scope.ports.log.append([line])
    seconds = header.end - (header.start or header.end)
    scope.ports.metrics.timing(f"{METRIC_RUN_DURATION}.{header.state}", seconds, dag_id=scope.dag.dag_id)
    tell_deadlines(scope, before, header, item.epoch)
    pass_on(scope, repair(scope))
    leave(scope, item.epoch)
    deliver(scope, item, payer)


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
    """How the run ends, and Airflow's word for it where that is not told by the state."""
    state = outcome(scope.dag, view, scope.info)
    return (RunState.FAILED, "all_tasks_deadlocked") if state is None else (state, "")
