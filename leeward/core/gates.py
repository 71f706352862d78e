"""Limits on task instances: who may take slots, who waits for them, and which are taken by nobody any more. Pure.

A *gate* is what is stored of one limit: the tokens of the tries that hold its slots, and the runs that wait for some. A try
takes the slots of all its gates at once, before it is queued, and gives them back when it has ended. A token names its try,
so that taking twice counts once, and a slot that a crash left taken can be told from one in use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from leeward.core.address import map_index_of, task_of
from leeward.core.dag import DEFAULT_POOL, Dag, Task
from leeward.core.decide import Try
from leeward.core.run import Entry, RunInfo, RunType
from leeward.core.states import FINISHED, TaskState


class Limit(StrEnum):
    """What limits task instances, in Airflow's words."""

    TASKS = "max_active_tasks"
    PER_RUN = "max_active_tis_per_dagrun"
    PER_DAG = "max_active_tis_per_dag"
    POOL = "pool"
    RUNS = "max_active_runs"
    """Of the runs of a DAG, not of tasks: its tokens name runs."""


SHARED: Final = frozenset({Limit.PER_DAG, Limit.POOL, Limit.RUNS})
"""Limits that several runs share. Who gives a slot back wakes the run that waits for it; within a run, the giver looks."""


@dataclass(frozen=True, slots=True, order=True)
class Gate:
    """Names one limit of one run, task or pool."""

    limit: Limit
    name: str


@dataclass(frozen=True, slots=True)
class Slot:
    """What a try needs of one gate: so many of its `size` slots, under its token."""

    gate: Gate
    size: int
    token: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Hold:
    """How many slots a token holds, and the epoch of the run in which it took them, or took them over."""

    count: int
    epoch: int


@dataclass(frozen=True, slots=True, order=True)
class Waiter:
    """A run that waits for slots: the heaviest goes first, then the earliest. `count` is the fewest slots that help it."""

    rank: tuple[int, str, str]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Taken:
    """What is stored of a gate. `used` is the sum of all holds; waiters are named by the keys of their runs."""

    used: int = 0
    holds: Mapping[str, Hold] = field(default_factory=dict)
    waiters: Mapping[str, Waiter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateWrite:
    """One conditional write of one gate.

    It wins iff the tokens of `held` are there, those of `expect` hold just that (None: nothing), `used` is as said, the
    waiters are as expected, and no more than `size` slots are used after it. `change` is what it adds to `used`.
    """

    gate: Gate
    change: int = 0
    put: Mapping[str, Hold | None] = field(default_factory=dict)
    expect: Mapping[str, Hold | None] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    size: int | None = None
    used: int | None = None
    put_waiters: Mapping[str, Waiter | None] = field(default_factory=dict)
    expect_waiters: Mapping[str, Waiter | None] = field(default_factory=dict)


def holds_slots(task: Task, entry: Entry) -> bool:
    """Whether a try of the task in this state holds its slots: from when it is queued until it has ended.

    What waits without a worker in Airflow (`deferrable`, or a sensor in mode `reschedule`) holds none meanwhile.
    """
    waits = entry.state is TaskState.DEFERRED and not task.waits_without_slots
    return waits or entry.state in (TaskState.QUEUED, TaskState.RUNNING)


def try_of(name: str) -> Try:
    """The try that a token names."""
    _, address, number = name.split(".")
    return int(address), int(number)


def run_of(name: str) -> str:
    """The key of the run whose try a token names."""
    return name.partition(".")[0]


def gated(dag: Dag, pools: Mapping[str, int]) -> frozenset[int]:
    """The tasks that a limit can bind. `pools` holds the size of every pool by name; others limit nothing."""
    if not dag.limited and DEFAULT_POOL not in pools:
        return frozenset()
    return frozenset(index for index in range(len(dag.tasks)) if slots_of(dag, "", pools, index, 0))


def slots_of(dag: Dag, run: str, pools: Mapping[str, int], address: int, number: int) -> tuple[Slot, ...]:
    """What a try of the run of that key needs."""
    index = task_of(address)
    task, name = dag.tasks[index], f"{run}.{address}.{number}"
    if task.instant:
        return ()
    pool = task.pool or DEFAULT_POOL
    found = []
    if dag.max_active_tasks is not None and dag.crowd > dag.max_active_tasks:
        found.append(Slot(Gate(Limit.TASKS, run), dag.max_active_tasks, name))
    if task.max_active_tis_per_dagrun is not None and dag.expansions[index] is not None:
        found.append(Slot(Gate(Limit.PER_RUN, f"{run}.{index}"), task.max_active_tis_per_dagrun, name))
    if task.max_active_tis_per_dag is not None:
        found.append(Slot(Gate(Limit.PER_DAG, f"{dag.dag_id}.{task.task_id}"), task.max_active_tis_per_dag, name))
    if pool in pools:
        found.append(Slot(Gate(Limit.POOL, pool), pools[pool], name, task.pool_slots))
    return tuple(found)


def gates_of(dag: Dag, run: str, pools: Mapping[str, int]) -> Mapping[Gate, int]:
    """Every gate that a run can have to do with, and its size."""
    tries = (slots_of(dag, run, pools, index, 0) for index in sorted(gated(dag, pools)))
    return {slot.gate: slot.size for slots in tries for slot in slots}


def dead(hold: Hold, number: int, entry: Entry, epoch: int, *, holding: bool) -> bool:
    """Whether a token is nobody's for ever: its try is over, or can't be queued by whoever took the slot for it.

    `entry` and the `epoch` of its item were read after the token was; `holding` says whether the entry holds slots. A try is
    queued only in the epoch in which it took its slots, or took them over, and from an entry that is not finished.
    """
    if entry.try_number >= number:
        return entry.try_number > number or not holding
    return entry.state in FINISHED or hold.epoch < epoch


@dataclass(frozen=True, slots=True)
class Ask:
    """A try that is due, and the slots that it needs."""

    address: int
    number: int
    weight: int
    slots: tuple[Slot, ...]

    @property
    def order(self) -> tuple[int, int, int]:
        """Airflow's: the heaviest first, then by map index."""
        return -self.weight, map_index_of(self.address), self.address


@dataclass(frozen=True, slots=True)
class Asker:
    """The run that asks, by its key, in which epoch. What was due earlier goes first among equal weights."""

    run: str
    due: str
    epoch: int

    def waiter(self, ask: Ask, slot: Slot) -> Waiter:
        """The run as it would wait for a slot."""
        return Waiter((-ask.weight, self.due, self.run), slot.count)


@dataclass(frozen=True, slots=True)
class Grant:
    """The tries that get all their slots, and the writes that take them, of which all must win or none.

    `refused` says for each gate that refused a try how the run would wait for it.
    """

    tries: frozenset[Try]
    writes: tuple[GateWrite, ...]
    refused: Mapping[Gate, Waiter]


def grant(asker: Asker, asks: Sequence[Ask], found: Mapping[Gate, Taken]) -> Grant:
    """Who gets slots, given what is stored: by weight, and whoever does not fit leaves room for others, as in Airflow.

    Where a heavier run waits for a slot that would fit it, that slot is left to it. The run goes on the list of waiters
    of each shared gate that refused one of its tries. What it asked for before may still wait: only `removed` takes it off.
    """
    room = _Room(asker, found)
    for ask in sorted(asks, key=lambda each: each.order):
        room.let_in(ask)
    return Grant(frozenset(room.tries), tuple(room.writes()), room.refused)


class _Room:
    """What is left of some gates while asks are gone through."""

    def __init__(self, asker: Asker, found: Mapping[Gate, Taken]) -> None:
        self.asker, self.found = asker, found
        self.used = {gate: taken.used for gate, taken in found.items()}
        self.sizes: dict[Gate, int] = {}
        self.put: dict[Gate, dict[str, Hold]] = {gate: {} for gate in found}
        self.refused: dict[Gate, Waiter] = {}
        self.yields: dict[Gate, dict[str, Waiter]] = {}
        self.tries: set[Try] = set()

    def let_in(self, ask: Ask) -> None:
        """Take the slots of an ask if all are to be had, else note who refused it."""
        refusing = [slot for slot in ask.slots if not self._has(ask, slot)]
        for slot in refusing:
            waiter = self.asker.waiter(ask, slot)
            self.refused[slot.gate] = _sooner(self.refused.get(slot.gate, waiter), waiter)
        if refusing:
            return
        self.tries.add((ask.address, ask.number))
        for slot in ask.slots:
            self.sizes[slot.gate] = slot.size
            hold = self.found[slot.gate].holds.get(slot.token)
            self.used[slot.gate] += slot.count if hold is None else 0
            if hold is None or hold.epoch != self.asker.epoch:
                self.put[slot.gate][slot.token] = Hold(slot.count if hold is None else hold.count, self.asker.epoch)

    def _has(self, ask: Ask, slot: Slot) -> bool:
        taken = self.found[slot.gate]
        if slot.token in taken.holds:
            return True
        left = slot.size - self.used[slot.gate]
        if slot.count > left:
            return False
        own = self.asker.waiter(ask, slot)
        better = {
            run: waiter
            for run, waiter in taken.waiters.items()
            if run != self.asker.run and waiter.count <= left and waiter.rank < own.rank
        }
        self.yields.setdefault(slot.gate, {}).update(better)
        return not better

    def writes(self) -> Iterator[GateWrite]:
        """The writes that take what was let in and note who waits; a waiter is noted only while what refused it stands."""
        run = self.asker.run
        for gate, taken in self.found.items():
            put, before = self.put[gate], taken.waiters.get(run)
            after = self.refused.get(gate, before) if gate.limit in SHARED else None
            after = _sooner(before, after) if before and after else after
            enters = before != after
            if put or enters:
                yield self._write(gate, taken, put, {run: after} if enters else {})

    def _write(
        self, gate: Gate, taken: Taken, put: Mapping[str, Hold], waiters: Mapping[str, Waiter | None]
    ) -> GateWrite:
        change = self.used[gate] - taken.used
        return GateWrite(
            gate,
            change=change,
            put=put,
            expect={name: taken.holds.get(name) for name in put},
            size=self.sizes[gate]
            if change
            else None,  # a pool that has shrunk may be overfull: what is held stays held
            used=taken.used if waiters else None,
            put_waiters=waiters,
            expect_waiters=self.yields.get(gate, {}) if waiters else {},
        )


def _sooner(one: Waiter, other: Waiter) -> Waiter:
    """How a run waits that waits for both."""
    return Waiter(min(one.rank, other.rank), min(one.count, other.count))


def given_back(slots: Collection[Slot]) -> GateWrite:
    """The write that gives slots of one gate back; it wins only while all of them are taken."""
    counts = {slot.token: slot.count for slot in slots}
    (gate,) = {slot.gate for slot in slots}
    return GateWrite(gate, change=-sum(counts.values()), put=dict.fromkeys(counts), held=frozenset(counts))


def of_runs(dag: Dag, run: str) -> Slot:
    """What a run of the DAG needs to be running, and not queued."""
    return Slot(Gate(Limit.RUNS, dag.dag_id), dag.max_active_runs, run)


def in_line(info: RunInfo) -> Waiter:
    """A queued run as it waits, in Airflow's order: backfills last, else by when runs are due."""
    return Waiter((int(info.run_type is RunType.BACKFILL), info.run_after, info.ref.key))


def enters(slot: Slot, info: RunInfo, taken: Taken) -> bool:
    """Whether a queued run may start: a slot is free, or its own already, and nobody is before it in line."""
    if slot.token in taken.holds:
        return True
    return taken.used < slot.size and next_waiter(taken, slot.size, info.ref.key, in_line(info)) is None


def removed(gate: Gate, taken: Taken, tokens: Collection[str], waiters: Collection[str]) -> GateWrite:
    """The write that takes tokens and waiters away, as they were seen."""
    return GateWrite(
        gate,
        change=-sum(taken.holds[name].count for name in tokens),
        put=dict.fromkeys(tokens),
        expect={name: taken.holds[name] for name in tokens},
        put_waiters=dict.fromkeys(waiters),
        expect_waiters={run: taken.waiters[run] for run in waiters},
    )


def next_waiter(taken: Taken, size: int, run: str, before: Waiter | None = None) -> str | None:
    """The run that is to be woken: the first of those, other than `run`, that the room which is left would help.

    With `before`, only one that goes before that waiter.
    """
    fits = {
        key: each
        for key, each in taken.waiters.items()
        if key != run and each.count <= size - taken.used and (before is None or each.rank < before.rank)
    }
    return min(fits, key=lambda key: fits[key].rank) if fits else None
