"""Start a DAG run: store its header, once, and dispatch what may run at once."""

from __future__ import annotations

from leeward.core.run import Header, Item, RunInfo
from leeward.core.states import RunState
from leeward.core.view import View
from leeward.engine.alarms import arm
from leeward.engine.deadlines import deadlines_of, tell_created
from leeward.engine.end_run import move_on
from leeward.engine.events import run_changed
from leeward.engine.ports import Ports
from leeward.engine.scope import Scope, open_scope


def start_run(ports: Ports, info: RunInfo) -> bool:
    """Start a run; False if it exists already, in which case nothing is done (its owners and the sweeper see to it).

    Where somebody announced it and got no further, the run is started as that one meant it, on that version.
    """
    info = ports.runs.announce(info)
    scope = open_scope(ports, info)
    now = ports.clock.now()
    header = Header(start=now, deadlines=deadlines_of(ports, scope.dag, info, now))
    item = Item(header=header)
    if not ports.runs.create(info, item, scope.layout):
        return False
    ports.log.append([run_changed(info, None, RunState.RUNNING, info.run_type.value, 0, now)])
    tell_created(scope, header)
    arm(scope, header)
    move_on(scope, _untouched(scope, item), None)
    return True


def _untouched(scope: Scope, item: Item) -> View:
    """A run that was just created, without reading it: nobody else knows of it yet."""
    view = scope.empty_view()
    for shard in range(scope.layout.shards):
        view = view.with_item(shard, item if scope.layout.single else Item())
    return view
