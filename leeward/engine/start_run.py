"""Start a DAG run: store its header, once, and dispatch what may run at once."""

from __future__ import annotations

from leeward.core.run import Header, Item, RunInfo
from leeward.core.states import RUN_FINISHED, RunState
from leeward.core.view import View
from leeward.engine.admit import admit, take_slot
from leeward.engine.alarms import arm
from leeward.engine.amend import read_header
from leeward.engine.deadlines import deadlines_of, tell_created
from leeward.engine.end_run import move_on
from leeward.engine.events import run_changed
from leeward.engine.gates import leave
from leeward.engine.ports import Ports
from leeward.engine.scope import Scope, open_scope


def start_run(ports: Ports, info: RunInfo, *, paused: bool = False) -> bool:
    """Start a run, or queue it while its DAG is paused or has as many runs as it may; False if it exists already.

    Then nothing is done for it (its owners and the sweeper see to it). Where somebody announced it and got no further, the
    run is started as that one meant it, on that version.
    """
    info = ports.runs.announce(info)
    scope = open_scope(ports, info)
    now = ports.clock.now()
    runs = not paused and take_slot(scope)
    state = RunState.RUNNING if runs else RunState.QUEUED
    header = Header(state, now if runs else None, deadlines=deadlines_of(ports, scope.dag, info, now))
    item = Item(header=header)
    if not ports.runs.create(info, item, scope.layout):
        _leave_to_others(scope)
        return False
    why = info.run_type.value if runs else ("paused" if paused else "max_active_runs")
    ports.log.append([run_changed(info, None, state, why, 0, now)])
    tell_created(scope, header)
    arm(scope, header)
    if runs:
        move_on(scope, _untouched(scope, item), None)
    elif admit(scope, item):
        move_on(scope, scope.read_all(), None)
    return True


def _leave_to_others(scope: Scope) -> None:
    """The run exists: a slot that was taken for it just now is nobody's if it has ended."""
    item = read_header(scope)
    if item.header is not None and item.header.state in RUN_FINISHED:
        leave(scope, item.epoch)


def _untouched(scope: Scope, item: Item) -> View:
    """A run that was just created, without reading it: nobody else knows of it yet."""
    view = scope.empty_view()
    for shard in range(scope.layout.shards):
        view = view.with_item(shard, item if scope.layout.single else Item())
    return view
