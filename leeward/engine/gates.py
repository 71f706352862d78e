"""Slots: take them for tries that are due, give them back when tries end, find those that a crash left taken.

The order is fixed: take, queue, dispatch, claim, body, record, give back, look. A slot is never taken at claim time, and
whoever gives one back looks, or wakes the run that has waited for it for longest: so no run waits for a slot that is free.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from leeward.contract import STARTED_WITHIN_SECONDS
from leeward.core.address import task_of
from leeward.core.dag import Json
from leeward.core.decide import Change, Try
from leeward.core.gates import (
    SHARED,
    Ask,
    Asker,
    Gate,
    Grant,
    Hold,
    Limit,
    Slot,
    Taken,
    dead,
    gates_of,
    given_back,
    grant,
    holds_slots,
    next_waiter,
    of_runs,
    removed,
    run_of,
    slots_of,
    try_of,
)
from leeward.core.run import Item
from leeward.core.states import RUN_FINISHED
from leeward.core.view import View
from leeward.engine.events import waits
from leeward.engine.hints import Look
from leeward.engine.ports import Ports, header_item
from leeward.engine.scope import Scope, open_scope


def offer(scope: Scope, view: View, wanted: Sequence[Change]) -> tuple[frozenset[Try], frozenset[Gate]]:
    """Take slots for tries that lack nothing else; those that got all of theirs, and the gates that may be full now.

    Every refusal of a write means that somebody else took a slot, gave one back or began to wait: then all is judged anew.
    """
    key = scope.info.ref.key
    asker = Asker(key, scope.info.run_after, view.epoch)
    weights = scope.dag.weights
    asks = [Ask(*_try(c), weights[task_of(c.index)], _slots_of(scope, *_try(c))) for c in wanted]
    sizes = {slot.gate: slot.size for ask in asks for slot in ask.slots}
    while True:
        found = scope.ports.gates.read(sizes)
        granted = grant(asker, asks, found)
        after = scope.ports.gates.write(granted.writes) if granted.writes else {}
        if after is not None:
            stored = {**found, **after}
            _tell_waits(scope, wanted, granted, stored, view.epoch)
            for gate, taken in stored.items():
                wake(scope.ports, gate, taken, sizes[gate], key)
            return granted.tries, frozenset(
                gate for gate in stored if _is_full(scope, gate, stored[gate].used, sizes[gate])
            )


def _is_full(scope: Scope, gate: Gate, used: int, size: int) -> bool:
    """Whether a gate may refuse a try of this run. Whoever gives a slot of it back then has to look at everything."""
    most = max(task.pool_slots for task in scope.dag.tasks) if gate.limit is Limit.POOL else 1
    return used + most > size


def _tell_waits(
    scope: Scope, wanted: Sequence[Change], granted: Grant, found: Mapping[Gate, Taken], epoch: int
) -> None:
    """Log which gate that runs share made tasks wait, once for each task, when the run began to wait there."""
    entered = {write.gate for write in granted.writes if write.put_waiters}
    now = scope.ports.clock.now()
    lines: dict[tuple[int, Gate], Mapping[str, Json]] = {}
    for change in wanted if entered else ():
        if _try(change) not in granted.tries:
            for slot in (each for each in _slots_of(scope, *_try(change)) if each.gate in entered):
                line = waits(scope.dag, scope.info, change, slot, found[slot.gate].used, epoch, now)
                lines.setdefault((task_of(change.index), slot.gate), line)
    if lines:
        scope.ports.log.append([*lines.values()])


def _try(change: Change) -> Try:
    """The try that a change queues."""
    return change.index, change.after.try_number


def _slots_of(scope: Scope, address: int, number: int) -> tuple[Slot, ...]:
    return slots_of(scope.dag, scope.info.ref.key, scope.ports.pools, address, number)


def give_back(scope: Scope, changes: Iterable[Change]) -> frozenset[Gate]:
    """Give back the slots of tries that these changes ended; the gates for which others of this run may have waited.

    Call it after the write that ended them and before the next look: else whoever looks finds the gate full and leaves.
    """
    if not scope.gated:
        return frozenset()
    ended = [(c.index, c.before.try_number) for c in changes if _ended(scope, c)]
    slots: dict[Gate, list[Slot]] = {}
    for slot in (slot for each in ended for slot in _slots_of(scope, *each)):
        slots.setdefault(slot.gate, []).append(slot)
    return frozenset(gate for gate, own in slots.items() if _free(scope, own))


def _ended(scope: Scope, change: Change) -> bool:
    """Whether a change ended a try that held slots."""
    task, before, after = scope.task(change.index), change.before, change.after
    kept = holds_slots(task, after) and after.try_number == before.try_number
    return holds_slots(task, before) and not kept


def _free(scope: Scope, slots: Sequence[Slot]) -> bool:
    """Give slots of one gate back, those that are still there; whether the gate refused others of this run before.

    Where nothing is there any more the answer to an own write may have been lost.
    """
    gate, size, left = slots[0].gate, slots[0].size, slots
    taken = None
    while left and taken is None:
        after = scope.ports.gates.write([given_back(left)])
        taken = None if after is None else after[gate]
        if taken is None:
            there = scope.ports.gates.read([gate])[gate]
            left = [slot for slot in left if slot.token in there.holds]
            taken = None if left else there
    if taken is None:
        return False
    wake(scope.ports, gate, taken, size, scope.info.ref.key)
    before = taken.used + sum(slot.count for slot in slots)
    return scope.info.ref.key in taken.waiters or _is_full(scope, gate, before, size)


def give_up(scope: Scope, item: Item, changes: Collection[Change], held: Collection[Try]) -> frozenset[Gate]:
    """Give back the slots of tries that this execution took and could not queue, because they are over already.

    `item` is the image that refused the write. A try that it shows under way uses the slot: somebody else queued it.
    """
    lost = [change for change in changes if _try(change) in held]
    over = [_try(c) for c in lost if _dead(scope, item, c.index, c.after.try_number, Hold(1, item.epoch))]
    return frozenset(slot.gate for each in over for slot in _slots_of(scope, *each) if _free(scope, [slot]))


def repair(scope: Scope) -> Mapping[Gate, int]:
    """Give back what dead tries of a run still hold, and take the run off the lists of waiters: it is about to look.

    The gates, with their sizes, that it was taken off: whoever is next there is to be told (`pass_on`) after that look. Told
    now, all that wait would be woken one by one for a slot that the first of them takes.
    """
    key = scope.info.ref.key
    gates = gates_of(scope.dag, key, scope.ports.pools)
    if not gates:
        return {}
    found = scope.ports.gates.read(gates)
    own = {name for taken in found.values() for name in taken.holds if run_of(name) == key}
    view = scope.read(scope.empty_view(), {scope.layout.shard(try_of(name)[0]) for name in own})
    for gate, taken in found.items():
        tries = {name: try_of(name) for name in own & taken.holds.keys()}
        items = {name: view.items[scope.layout.shard(address)] for name, (address, _) in tries.items()}
        tokens = [name for name in tries if _dead(scope, items[name], *tries[name], taken.holds[name])]
        _remove(scope.ports, gate, taken, tokens, {key} & taken.waiters.keys(), gates[gate], tells=bool(tokens))
    return {gate: gates[gate] for gate, taken in found.items() if key in taken.waiters}


def pass_on(scope: Scope, gates: Mapping[Gate, int]) -> None:
    """Wake who is next in line at gates that still have a slot now that the run has taken what it wanted."""
    for gate, taken in scope.ports.gates.read(gates).items() if gates else ():
        wake(scope.ports, gate, taken, gates[gate], scope.info.ref.key)


def _dead(scope: Scope, item: Item, address: int, number: int, hold: Hold) -> bool:
    """Whether the slots of a try are nobody's, by an image of its item that is younger than the hold."""
    entry = item.entry(address)
    return dead(hold, number, entry, item.epoch, holding=holds_slots(scope.task(address), entry))


def repair_shared(ports: Ports, gate: Gate, size: int) -> None:
    """Take from a gate what runs hold, or wait for, that have ended: none of them can queue anything any more."""
    taken = ports.gates.read([gate])[gate]
    runs = {run_of(name) for name in taken.holds} | taken.waiters.keys()
    over = {run for run in runs if _over(ports, run)}
    tokens = [name for name in taken.holds if run_of(name) in over]
    _remove(ports, gate, taken, tokens, over & taken.waiters.keys(), size)


def leave(scope: Scope, epoch: int) -> None:
    """Give back the slot that a run has had among those of its DAG, or take it off the line, and wake the next one.

    The run has ended in that epoch: if a clear has queued it again, and it has taken the slot over, the slot is in use.
    """
    if not scope.dag.bounds_runs:
        return
    slot, run = of_runs(scope.dag, scope.info.ref.key), scope.info.ref.key
    taken = scope.ports.gates.read([slot.gate])[slot.gate]
    hold = taken.holds.get(slot.token)
    tokens = [slot.token] if hold is not None and hold.epoch <= epoch else []
    _remove(scope.ports, slot.gate, taken, tokens, {run} & taken.waiters.keys(), slot.size)


def _over(ports: Ports, run: str) -> bool:
    info = ports.runs.named(run)
    if info is None:
        return False
    number = header_item(open_scope(ports, info).layout)
    header = ports.runs.read(info.ref, (number,))[number].header
    if header is None:
        return ports.clock.now() - info.created > STARTED_WITHIN_SECONDS
    return header.state in RUN_FINISHED


def _remove(
    ports: Ports,
    gate: Gate,
    taken: Taken,
    tokens: Collection[str],
    waiters: Collection[str],
    size: int,
    *,
    tells: bool = True,
) -> None:
    """Take tokens and waiters away as they were seen, but for what somebody took over meanwhile, and wake who is next.

    Where nothing is left to be taken away the answer to an own write may have been lost.
    """
    if not tokens and not waiters:
        return
    while tokens or waiters:
        after = ports.gates.write([removed(gate, taken, tokens, waiters)])
        there = ports.gates.read([gate])[gate] if after is None else after[gate]
        tokens = [name for name in tokens if there.holds.get(name) == taken.holds[name]]
        waiters = [run for run in waiters if there.waiters.get(run) == taken.waiters[run]]
        taken = there
    if tells:
        wake(ports, gate, taken, size, "")


def wake(ports: Ports, gate: Gate, taken: Taken, size: int, run: str) -> None:
    """Wake the run that waits for slots which are free, if it is another one."""
    waiter = next_waiter(taken, size, run) if gate.limit in SHARED else None
    info = ports.runs.named(waiter) if waiter else None
    if info is not None:
        ports.dispatch.send([Look(info)])
