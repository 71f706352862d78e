"""Runs a DAG run to its end in this process: the engine over its twins, hints answered by threads.

Nothing here knows of tasks or states. Bodies run in threads of a pool (user code in processes of its own); a run that is
not over while no hint is due and no thread busy is swept, as a lost message would be on AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from leeward.core.address import task_of
from leeward.core.errors import EngineError
from leeward.core.run import Header, RunInfo
from leeward.core.states import RUN_FINISHED
from leeward.core.view import Layout
from leeward.engine.handle import handle
from leeward.engine.hints import Execute, Hint
from leeward.engine.ports import Ports, header_item
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from leeward.local.clock import VirtualClock
from leeward.local.queue import MemoryQueue

INVOCATION_SECONDS = 7 * 24 * 60 * 60.0
"""An executor here lives as long as the process; a week stands for "no deadline" in leases."""


@dataclass
class Runtime:
    """One process's executors. `parallelism` is how many bodies run at once."""

    ports: Ports
    queue: MemoryQueue
    parallelism: int
    _busy: set[Future[None]] = field(default_factory=set)
    _broken: BaseException | None = None

    def run(self, info: RunInfo) -> Header:
        """Start a run and wait for its end. Raises what a handler raised, and EngineError if the run can't move."""
        pool = ThreadPoolExecutor(self.parallelism, thread_name_prefix="executor")
        try:
            start_run(self.ports, info)
            while not self._over(info):
                self._turn(pool, info)
            return self._header(info)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _turn(self, pool: ThreadPoolExecutor, info: RunInfo) -> None:
        """Hand out what is due, or wait for something to happen."""
        hints = self.queue.take()
        for hint in hints:
            self._submit(pool, hint)
        if not hints:
            self._wait(info)

    def _submit(self, pool: ThreadPoolExecutor, hint: Hint) -> None:
        deadline = self.ports.clock.now() + INVOCATION_SECONDS
        for each in self._apart(hint):
            future = pool.submit(handle, self.ports, each, deadline)
            with self.queue.changed:
                self._busy.add(future)
            future.add_done_callback(self._finished)

    def _apart(self, hint: Hint) -> Sequence[Hint]:
        """What threads take up one by one: instances of a mapped task, as many together as may share a call."""
        if not isinstance(hint, Execute):
            return (hint,)
        dag = self.ports.specs.get(hint.info.ref.version)
        return hint.apart(dag.tasks[task_of(hint.index)].instances_per_call)

    def _finished(self, future: Future[None]) -> None:
        with self.queue.changed:
            self._busy.discard(future)
            if not future.cancelled() and future.exception() is not None:
                self._broken = self._broken or future.exception()
            self.queue.changed.notify_all()

    def _wait(self, info: RunInfo) -> None:
        """Wait until a hint is due, one arrives, or a body ends; with nothing to wait for, sweep."""
        with self.queue.changed:
            due = self.queue.next_due()
            if self._broken or (due is not None and due <= self.ports.clock.now()):
                return
            if self._busy or (due is not None and not isinstance(self.ports.clock, VirtualClock)):
                self.queue.changed.wait(self._patience(due))
                return
        if due is None:
            self._unstick(info)
        elif isinstance(self.ports.clock, VirtualClock):
            self.ports.clock.advance_to(due)

    def _patience(self, due: float | None) -> float | None:
        if due is None or isinstance(self.ports.clock, VirtualClock):
            return None
        return max(0.0, due - self.ports.clock.now())

    def _unstick(self, info: RunInfo) -> None:
        if self._over(info):
            return
        sweep(self.ports)
        if self.queue.next_due() is None and not self._over(info):
            raise EngineError(f"run {info.ref.run_id} of {info.ref.dag_id} can't move")

    def _over(self, info: RunInfo) -> bool:
        if self._broken is not None:
            raise self._broken
        header = self._header(info)
        return header.state in RUN_FINISHED and not header.owed

    def _header(self, info: RunInfo) -> Header:
        dag = self.ports.specs.get(info.ref.version)
        number = header_item(Layout(len(dag.tasks)))
        header = self.ports.runs.read(info.ref, (number,))[number].header
        if header is None:
            raise EngineError(f"run {info.ref.run_id} was never stored")
        return header
