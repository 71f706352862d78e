"""Puts the engine, its twins and real bodies together: everything that a local run needs, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from leeward.core.dag import Json
from leeward.engine.bodies import OperatorBodies, TaskLog
from leeward.engine.history import previous_success
from leeward.engine.ports import Clock, Ports
from leeward.engine.system import RandomIds, SystemClock
from leeward.local.gates import MemoryGates
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.processes import ProcessPool
from leeward.local.queue import MemoryQueue
from leeward.local.run_store import MemoryAttemptStore, MemoryRunStore, MemoryXComStore
from leeward.local.runtime import Runtime
from leeward.local.spec_store import MemoryRules, MemorySpecStore
from leeward.operators.base import Aws, Secrets


@dataclass(frozen=True, slots=True)
class Local:
    """A local installation: the runtime, and the twins whose contents a caller may want to read."""

    runtime: Runtime
    ports: Ports
    runs: MemoryRunStore
    xcoms: MemoryXComStore
    attempts: MemoryAttemptStore
    log: MemoryEventLog
    user_code: ProcessPool

    def close(self) -> None:
        """End the processes of user code."""
        self.user_code.close()


def local(
    root: Path,
    aws: Aws,
    secrets: Secrets,
    *,
    parallelism: int,
    log: TaskLog,
    listener: Callable[[Mapping[str, Json]], None] | None = None,
    event_file: TextIO | None = None,
    clock: Clock | None = None,
    pools: Mapping[str, int] | None = None,
) -> Local:
    """A new, empty installation. `root` is the folder that user modules are imported from; `pools` are slots by name."""
    clock = clock or SystemClock()
    specs, queue, xcoms = MemorySpecStore(), MemoryQueue(clock), MemoryXComStore()
    runs, attempts = MemoryRunStore(specs), MemoryAttemptStore()
    events = MemoryEventLog(listener, event_file)
    history = partial(previous_success, runs, specs)
    user_code = ProcessPool(root, secrets, parallelism, history)
    ports = Ports(
        runs=runs,
        attempts=attempts,
        xcoms=xcoms,
        specs=specs,
        rules=MemoryRules(),
        dispatch=queue,
        bodies=OperatorBodies(aws, lambda _: user_code, secrets, xcoms, log, history=history),
        clock=clock,
        ids=RandomIds(),
        metrics=MemoryMetrics(),
        log=events,
        gates=MemoryGates(),
        pools=pools or {},
    )
    runtime = Runtime(ports, queue, parallelism)
    return Local(runtime, ports, runs, xcoms, attempts, events, user_code)
