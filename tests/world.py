"""A run in one thread, on virtual time, with scripted bodies: hints are answered in any order that a test likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from leeward.core.dag import Dag
from leeward.core.decide import entries
from leeward.core.facts import Outcome
from leeward.core.rows import rows
from leeward.core.run import Entry, Header, Item, RunInfo, RunRef, RunType
from leeward.core.states import TaskState
from leeward.engine.handle import handle
from leeward.engine.hints import Hint, Message
from leeward.engine.ports import Ports, header_item
from leeward.engine.scope import Scope, open_scope
from leeward.engine.start_run import start_run
from leeward.local.bodies import ScriptedBodies
from leeward.local.clock import SeededIds, VirtualClock
from leeward.local.gates import MemoryGates
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.queue import MemoryQueue
from leeward.local.run_store import MemoryAttemptStore, MemoryRunStore, MemoryXComStore
from leeward.local.spec_store import MemoryRules, MemorySpecStore

INVOCATION = 900.0


@dataclass
class World:
    """Everything outside the engine, in memory."""

    dag: Dag
    script: Mapping[str, Sequence[Outcome | None]] = field(default_factory=dict)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(1_000_000.0))

    def __post_init__(self) -> None:
        self.specs = MemorySpecStore()
        self.specs.put("v1", self.dag)
        self.rules = MemoryRules()
        self.queue = MemoryQueue(self.clock)
        self.runs = MemoryRunStore(self.specs)
        self.bodies = ScriptedBodies(self.script)
        self.log = MemoryEventLog()
        self.metrics = MemoryMetrics()
        self.info = RunInfo(
            RunRef(self.dag.dag_id, "manual__1", "v1"),
            RunType.MANUAL,
            "2024-01-15T00:00:00+00:00",
            "2024-01-15T00:00:00+00:00",
            "2024-01-15T00:00:00+00:00",
            "2024-01-15T00:00:00+00:00",
        )
        self.ports = Ports(
            runs=self.runs,
            attempts=MemoryAttemptStore(),
            xcoms=MemoryXComStore(),
            specs=self.specs,
            rules=self.rules,
            dispatch=self.queue,
            bodies=self.bodies,
            clock=self.clock,
            ids=SeededIds(),
            metrics=self.metrics,
            log=self.log,
            gates=MemoryGates(),
        )

    @property
    def scope(self) -> Scope:
        return open_scope(self.ports, self.info)

    def start(self) -> World:
        assert start_run(self.ports, self.info)
        return self

    def handle(self, hint: Message) -> None:
        handle(self.ports, hint, self.clock.now() + INVOCATION)

    def drain(self, order: Random | None = None) -> World:
        """Answer hints until none is left, time moving on when none is due; in any order if one is given."""
        waiting: list[Hint] = []
        while True:
            waiting += self.queue.take()
            if waiting:
                place = order.randrange(len(waiting)) if order else 0
                self.handle(waiting.pop(place))
                continue
            due = self.queue.next_due()
            if due is None:
                return self
            self.clock.advance_to(due)

    def run(self, order: Random | None = None) -> World:
        """Start and drain."""
        return self.start().drain(order)

    @property
    def header(self) -> Header:
        number = header_item(self.scope.layout)
        found = self.runs.read(self.info.ref, (number,))[number].header
        assert found is not None
        return found

    @property
    def items(self) -> Mapping[int, Item]:
        return self.runs.read(self.info.ref, range(self.scope.layout.shards))

    @property
    def entries(self) -> dict[str, Entry]:
        found = entries(self.scope.read_all())
        return {task.task_id: entry for task, entry in zip(self.dag.tasks, found, strict=True)}

    @property
    def states(self) -> dict[str, TaskState]:
        return {name: entry.state for name, entry in self.entries.items()}

    @property
    def rows(self) -> dict[str, Entry]:
        """Every task instance by its name, `task[i]` where it is mapped."""
        view = self.scope.read_instances(self.scope.read_all())
        return {row.name: row.entry for row in rows(self.dag, view)}

    @property
    def tries(self) -> dict[str, int]:
        return {name: entry.try_number for name, entry in self.entries.items()}
