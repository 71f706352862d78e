"""Processes of threads that all do the same thing to one account at the same time, each thread over clients of its own.

A process is spawned once and answers one race after the other with the sum of what its threads noted. A thread that fails
ends its process, a process that ends or stays silent ends the race: all of them are killed, and the test fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import reduce
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from operator import add
from threading import Barrier
from typing import Any, Final

import boto3

from leeward.aws.dispatcher import AwsDispatcher
from leeward.core.dag import Dag
from leeward.core.facts import Outcome
from leeward.engine.ports import Ports
from leeward.engine.system import RandomIds, SystemClock
from leeward.local.gates import MemoryGates
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.run_store import MemoryAttemptStore, MemoryXComStore
from leeward.local.spec_store import MemoryRules, MemorySpecStore
from tests.deployed.noting import Notes, NotingBodies, NotingStore

PROCESSES: Final = 4
THREADS: Final = 8
SILENCE_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Setting:
    """What a race is about: where state and messages are kept, by which store, and what bodies come to (see ScriptedBodies)."""

    dags: tuple[Dag, ...]
    table: str
    queue: str
    store: type[NotingStore] = NotingStore
    script: Mapping[str, Sequence[Outcome | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lane:
    """A thread's place in a race. `step` waits for the other threads of its process; it raises if one has failed."""

    setting: Setting
    ports: Ports
    sqs: Any
    barrier: Barrier

    def step(self) -> None:
        self.barrier.wait(SILENCE_SECONDS)


Race = Callable[[Lane], None]


@dataclass(frozen=True)
class Contender:
    """The clients of one thread."""

    dynamodb: Any
    sqs: Any

    def run(self, setting: Setting, race: Race, barrier: Barrier) -> Notes:
        notes = Notes()
        with ExitStack() as failed:
            failed.callback(barrier.abort)
            race(Lane(setting, self.ports(setting, notes), self.sqs, barrier))
            failed.pop_all()
        return notes

    def ports(self, setting: Setting, notes: Notes) -> Ports:
        """The engine's world: state and messages are real, and a fan of any width goes through the queue."""
        specs = MemorySpecStore()
        for dag in setting.dags:
            specs.put(dag.dag_id, dag)
        return Ports(
            runs=setting.store(self.dynamodb, setting.table, notes),
            attempts=MemoryAttemptStore(),
            xcoms=MemoryXComStore(),
            specs=specs,
            rules=MemoryRules(),
            dispatch=AwsDispatcher(self.sqs, None, setting.queue, setting.queue, "", 0, None),
            bodies=NotingBodies(setting.script, notes=notes),
            clock=SystemClock(),
            ids=RandomIds(),
            metrics=MemoryMetrics(),
            log=MemoryEventLog(notes.hear),
            gates=MemoryGates(),
        )


def crowd(endpoint: str, size: int) -> Sequence[Contender]:
    """Contenders of one process."""
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    clients = ([session.client(name, endpoint_url=endpoint) for name in ("dynamodb", "sqs")] for _ in range(size))
    return [Contender(*pair) for pair in clients]


def contend(endpoint: str, pipe: Connection) -> None:
    """What a process does: answers races until it is killed, or its parent is gone."""
    here = crowd(endpoint, THREADS)
    pipe.send(Notes())
    while True:
        setting, race = pipe.recv()
        barrier = Barrier(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            running = [pool.submit(contender.run, setting, race, barrier) for contender in here]
            found = reduce(add, [future.result() for future in as_completed(running)])
        pipe.send(found)


@dataclass(frozen=True)
class Contenders:
    """The processes, as the test sees them."""

    processes: Sequence[SpawnProcess]
    pipes: Sequence[Connection]

    def race(self, setting: Setting, race: Race) -> Notes:
        """Start every thread at once; the sum of what all of them noted."""
        for pipe in self.pipes:
            pipe.send((setting, race))
        return self.answers()

    def answers(self) -> Notes:
        found, waiting = Notes(), list(self.pipes)
        while waiting:
            for pipe in self._ready(waiting):
                found += self._answer(pipe)
                waiting.remove(pipe)
        return found

    def _ready(self, waiting: Sequence[Connection]) -> Sequence[Connection]:
        said = wait(waiting, SILENCE_SECONDS)
        ready = [pipe for pipe in waiting if pipe in said]
        if not ready:
            self.kill()
            raise AssertionError(f"{len(waiting)} of {PROCESSES} processes said nothing for {SILENCE_SECONDS:g} s")
        return ready

    def _answer(self, pipe: Connection) -> Notes:
        try:
            found: Notes = pipe.recv()
        except EOFError:
            self.kill()
            raise AssertionError("a process died in the race: its traceback is in the captured output") from None
        return found

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.join(20)


@contextmanager
def contenders(endpoint: str) -> Iterator[Contenders]:
    """The processes, ready; none is left afterwards."""
    spawn = get_context("spawn")
    pipes = [spawn.Pipe() for _ in range(PROCESSES)]
    processes = [spawn.Process(target=contend, args=(endpoint, theirs), daemon=True) for _, theirs in pipes]
    found = Contenders(processes, [ours for ours, _ in pipes])
    try:
        for process, (_, theirs) in zip(processes, pipes, strict=True):
            process.start()
            theirs.close()
        found.answers()
        yield found
    finally:
        found.kill()
        for ours, _ in pipes:
            ours.close()
