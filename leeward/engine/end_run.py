"""The end of a run: one conditional write on the header, which also stores what the end still owes.

Whoever recorded the last open entry of a shard calls this. The header is read first, then the shards: the last recorder
of all shards reads after its own write, so one of the callers sees everything finished. Two may try; one wins.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from leeward.contract import METRIC_RUN_DURATION
from leeward.core.decide import decide, entries, outcome
from leeward.core.run import Header, Item
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.verbs import RUN_ENDED
from leeward.core.view import View
from leeward.engine.advance import advance
from leeward.engine.events import run_changed
from leeward.engine.ports import Write, header_item
from leeward.engine.scope import Scope


def move_on(scope: Scope, view: View, touched: Collection[int] | None) -> None:
    """Advance, then end the run if that (or the write before it) finished a shard's last open entry."""
    if advance(scope, view, touched):
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
        if due.later:
            return
        if not due.changes:
            state, cause = _verdict(scope, view)
            write_end(scope, item, ended(item.header, state, moment.now), cause)
            return
        advance(scope, view, None)
        view = scope.read_all()


def end_cause(state: RunState) -> str:
    """Airflow's reason for the end of a run whose tasks have all finished."""
    return "success" if state is RunState.SUCCESS else "task_failure"


def ended(header: Header, state: RunState, now: float) -> Header:
    """The header of a run that ends now."""
    return replace(header, state=state, end=now, owed=header.owed | {RUN_ENDED})


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
        deliver(scope, written.item, cause)


def deliver(scope: Scope, item: Item, cause: str = "end of the run") -> None:
    """Deliver what an ended run owes, then take it off the active index. At least once: (run, epoch) is the key."""
    header = item.header
    if header is None or header.end is None:
        return
    now = scope.ports.clock.now()
    if RUN_ENDED in header.owed:
        line = run_changed(scope.info, RunState.RUNNING, header.state, cause, item.epoch, now)
        scope.ports.log.append([line])
        seconds = header.end - (header.start or header.end)
        name = f"{METRIC_RUN_DURATION}.{header.state}"
        scope.ports.metrics.timing(name, seconds, dag_id=scope.dag.dag_id)
    scope.write(
        Write(
            header_item(scope.layout),
            epoch=item.epoch,
            expect_header=header,
            put_header=replace(header, owed=frozenset(), active=False),
        )
    )


def _moving(view: View) -> bool:
    """Whether some try is on its way."""
    return not {entry.state for entry in entries(view)} <= FINISHED | {TaskState.NONE}


def _verdict(scope: Scope, view: View) -> tuple[RunState, str]:
    state = outcome(scope.dag, view, scope.info)
    if state is None:
        return RunState.FAILED, "all_tasks_deadlocked"
    return state, end_cause(state)
