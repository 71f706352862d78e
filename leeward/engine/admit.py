"""Whether a run may be running, or is queued: `max_active_runs`, and DAGs that are paused.

A run takes a slot of its DAG's gate before it is stored as running, and gives it back after the write that ended it; then
the next in line is woken. What a crash leaves in between is found by the sweep: a queued run asks again, and slots of runs
that have ended are taken back.
"""

from __future__ import annotations

from dataclasses import replace

from leeward.core.gates import GateWrite, Hold, enters, in_line, of_runs
from leeward.core.run import Header, Item
from leeward.core.states import RUN_FINISHED, RunState
from leeward.engine.alarms import arm
from leeward.engine.amend import amend
from leeward.engine.events import run_changed
from leeward.engine.gates import leave, wake
from leeward.engine.scope import Scope


def take_slot(scope: Scope) -> bool:
    """Take the slot of a run that is about to be stored; False if it has to wait for one."""
    if not scope.dag.bounds_runs:
        return True
    slot = of_runs(scope.dag, scope.info.ref.key)
    gates = scope.ports.gates
    take = GateWrite(slot.gate, 1, put={slot.token: Hold(1, 0)}, expect={slot.token: None}, size=slot.size)
    after = gates.write([take])
    if after is None:
        return slot.token in gates.read([slot.gate])[slot.gate].holds
    if any(waiter.rank < in_line(scope.info).rank for waiter in after[slot.gate].waiters.values()):
        leave(scope, 0)
        return False
    return True


def admit(scope: Scope, item: Item) -> bool:
    """Store a queued run as running if it is its turn, else see to it that whoever ends a run wakes it.

    `item` holds its header. True where that was done here: then the run is to be moved on.
    """
    live = scope.ports.specs.live(scope.info.ref.dag_id)
    if live is not None and live.paused:
        return False
    if scope.dag.bounds_runs and not _take_or_wait(scope, item.epoch):
        return False
    now, epoch = scope.ports.clock.now(), item.epoch

    def start(header: Header) -> Header | None:
        waits = header.state is RunState.QUEUED and header.intent is None
        return replace(header, state=RunState.RUNNING, start=now) if waits else None

    item, before = amend(scope, item, start, epoch)
    if before is None or item.header is None:
        if item.header is not None and item.header.state in RUN_FINISHED:
            leave(scope, item.epoch)
        return False
    line = run_changed(scope.info, RunState.QUEUED, RunState.RUNNING, "its turn has come", epoch, now)
    scope.ports.log.append([line])
    arm(scope, item.header)
    return True


def _take_or_wait(scope: Scope, epoch: int) -> bool:
    """Take a slot, or stand in line; every refusal of a write means that others came or went, then it is judged anew."""
    slot, run = of_runs(scope.dag, scope.info.ref.key), scope.info.ref.key
    gates, mine = scope.ports.gates, Hold(1, epoch)
    while True:
        taken = gates.read([slot.gate])[slot.gate]
        hold, waits = taken.holds.get(slot.token), run in taken.waiters
        goes = enters(slot, scope.info, taken)
        if goes == (not waits) and hold == (mine if goes else None):
            return goes
        if goes:
            write = GateWrite(
                slot.gate,
                0 if hold else 1,
                put={slot.token: mine},
                expect={slot.token: hold},
                size=slot.size,
                put_waiters={run: None} if waits else {},
            )
        else:
            write = GateWrite(
                slot.gate, used=taken.used, put_waiters={run: in_line(scope.info)}, expect_waiters=taken.waiters
            )
        after = gates.write([write])
        if after is not None:
            wake(scope.ports, slot.gate, after[slot.gate], slot.size, run)
            return goes
