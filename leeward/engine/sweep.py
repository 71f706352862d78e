"""The sweep: once a minute, find what a crash or a lost message left owed, in every active run.

It runs the same code as everybody else, and re-sends only hints of tries that have waited for longer than the queue
explains: stamped and counted per item, the wait doubling, so that a backlog is never made permanent.
"""

from __future__ import annotations

from collections.abc import Iterator

from leeward.contract import RESEND_AFTER_SECONDS, RESENDS_PER_SWEEP, STALE_INTENT_SECONDS
from leeward.core.gates import SHARED, Gate, gates_of, of_runs
from leeward.core.run import Entry, Item
from leeward.core.states import RUN_FINISHED, RunState, TaskState
from leeward.core.view import View
from leeward.engine.amend import read_header
from leeward.engine.callbacks import pay_old
from leeward.engine.deliver import deliver
from leeward.engine.end_run import end_run, roll_forward
from leeward.engine.gates import repair_shared
from leeward.engine.hints import Hint, Poll
from leeward.engine.look import look_at_run
from leeward.engine.ports import Ports, Write
from leeward.engine.scope import Scope, open_scope


def sweep(ports: Ports) -> None:
    """Sweep every active run, and the gates that they share with others."""
    gates: dict[Gate, int] = {}
    for info in ports.runs.active():
        scope = open_scope(ports, info)
        sweep_run(scope)
        gates |= gates_of(scope.dag, info.ref.key, ports.pools)
        if scope.dag.bounds_runs:
            runs = of_runs(scope.dag, info.ref.key)
            gates[runs.gate] = runs.size
    for gate, size in gates.items():
        if gate.limit in SHARED:
            repair_shared(ports, gate, size)


def sweep_run(scope: Scope) -> None:
    """Do whatever one run is owed."""
    item = read_header(scope)
    header = item.header
    if header is None:
        return
    now = scope.ports.clock.now()
    if header.intent is not None:
        if now - header.intent.since >= STALE_INTENT_SECONDS:
            roll_forward(scope)
        return
    header = deliver(scope, item).header
    if header is None or header.state in RUN_FINISHED:
        if header is not None and header.deadlines:
            look_at_run(scope)
        return
    if scope.dag.calls_back:
        pay_old(scope, scope.read_instances(scope.read_all()))
    look_at_run(scope)
    if header.state is RunState.QUEUED:
        return
    _resend(scope, scope.read_instances(scope.read_all(), under_way=True))
    end_run(scope)


def _resend(scope: Scope, view: View) -> None:
    left = RESENDS_PER_SWEEP
    for shard, item in view.items.items():
        hints = list(_waiting(scope, shard, item))
        stamp = _stamp(scope, item, waiting=bool(hints))
        if stamp is None or not left:
            continue
        resent, resends = stamp
        won = scope.write(Write(shard, epoch=item.epoch, resent=resent, resends=resends)).won
        if won and resends:
            scope.ports.dispatch.send(hints[:left])
            left -= len(hints[:left])


def _stamp(scope: Scope, item: Item, *, waiting: bool) -> tuple[float, int] | None:
    """The stamp to store: (now, 0) when something was first seen waiting, one resend more when it has waited too long.

    None = nothing to store. A stamp of (0, 0) says that nothing waits any more.
    """
    now = scope.ports.clock.now()
    if not waiting:
        return (0.0, 0) if item.resent else None
    if not item.resent:
        return now, 0
    waited, times = now - item.resent, 2**item.resends
    if waited < RESEND_AFTER_SECONDS * times or waited < scope.ports.dispatch.backlog_seconds() * times:
        return None
    return now, item.resends + 1


def _waiting(scope: Scope, shard: int, item: Item) -> Iterator[Hint]:
    """The hints of an item's tries that wait for a message: queued ones, and polls that are overdue."""
    now = scope.ports.clock.now()
    found = {index: item.entry(index) for index in scope.layout.indexes(shard)}
    yield from scope.hints({index: entry for index, entry in found.items() if entry.state is TaskState.QUEUED})
    for index, entry in found.items():
        if _overdue(entry, now):
            yield Poll(scope.info, index, entry.try_number, entry.polls, now, 0.0)


def _overdue(entry: Entry, now: float) -> bool:
    return entry.state is TaskState.DEFERRED and entry.until is not None and entry.until < now
