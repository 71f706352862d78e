"""Runs user code in processes of its own, which are reused: an idle one takes the next job, the last used first.

A process that hangs, dies or is told to stop is replaced. Bash commands are processes of their own anyway.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from leeward.core.dag import Json
from leeward.core.facts import Failed, Outcome
from leeward.core.run import RunInfo
from leeward.operators.answers import outcome_of
from leeward.operators.base import Attempt, RenderFirst, Secrets, XComs
from leeward.worker.bash import Command, Ended, kill_tree, rendered_command, run_bash
from leeward.worker.process import Answer, Log, Process


@dataclass
class Commands:
    """The Bash commands that run, so that they can be killed; one that starts after that is killed at once."""

    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _killed: bool = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Note a command that has started, and forget those that have ended."""
        with self._lock:
            self._running = [one for one in self._running if one.poll() is None] + [process]
            killed = self._killed
        if killed:
            kill_tree(process)

    def kill(self) -> None:
        """Kill every command that runs."""
        with self._lock:
            self._killed = True
            running = [one for one in self._running if one.poll() is None]
        for process in running:
            kill_tree(process)


@dataclass
class ProcessPool:
    """Processes of user code for the modules in one folder, at most `limit` idle ones kept."""

    root: Path
    secrets: Secrets
    limit: int
    history: Callable[[RunInfo], Mapping[str, str | None] | None] = lambda _: None
    _idle: list[Process] = field(default_factory=list)
    _busy: dict[int, Process] = field(default_factory=dict)
    _commands: Commands = field(default_factory=Commands)
    _lock: Lock = field(default_factory=Lock)
    _closed: bool = False

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Log) -> Outcome:
        """See `leeward.operators.base.UserCode.run`."""
        return outcome_of(self._answer(job, attempt, xcoms, log))

    def _answer(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Log) -> dict[str, Any]:
        process = self._take()
        try:
            return process.run(job, self._answers(attempt, xcoms), log, attempt.timeout_seconds)
        finally:
            self._give_back(process)

    def run_all(
        self,
        jobs: Sequence[tuple[Attempt, Mapping[str, Json]]],
        xcoms: XComs,
        log: Callable[[Attempt, str], None],
    ) -> Sequence[Mapping[str, Any]]:
        """See `leeward.operators.base.UserCode.run_all`: all in one process, unless one of them kills it."""
        answers: list[Mapping[str, Any]] = []
        for attempt, job in jobs:
            process = self._take()
            try:
                answer = self._answers(attempt, xcoms)
                answers.append(process.run(job, answer, partial(log, attempt), attempt.timeout_seconds))
            finally:
                self._give_back(process)
        return answers

    def bash(
        self,
        command: str,
        environment: Mapping[str, str],
        attempt: Attempt,
        log: Log,
        *,
        cwd: str | None,
        encoding: str,
        inherit: bool,
        first: RenderFirst | None = None,
    ) -> Ended:
        """See `leeward.operators.base.UserCode.bash`."""
        made = Command(command, environment, cwd)
        if first is not None:
            made = rendered_command(self._answer(first.job, attempt, first.xcoms, log), environment)
        return run_bash(
            made.text,
            {**os.environ, **made.environment} if inherit else made.environment,
            log,
            cwd=made.cwd,
            encoding=encoding,
            timeout_seconds=attempt.timeout_seconds,
            started=self._commands.add,
        )

    def call(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Log) -> None:
        """See `leeward.operators.callbacks.CallingCode.call`: it has been called when this returns."""
        outcome = self.run(job, attempt, xcoms, log)
        if isinstance(outcome, Failed):
            log(outcome.error)

    def answered(self, result: Json) -> Json:
        """See `leeward.operators.base.UserCode.answered`."""
        return result

    def read(self, name: str) -> str | None:
        """See `leeward.operators.base.UserCode.read`."""
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def close(self) -> None:
        """Kill all processes, the busy ones too."""
        self._commands.kill()
        with self._lock:
            self._closed = True
            found = [*self._idle, *self._busy.values()]
            self._idle.clear()
        for process in found:
            process.stop()

    def _answers(self, attempt: Attempt, xcoms: XComs) -> Answer:
        def answer(what: str, arguments: list[Any]) -> Any:
            if what == "xcom":
                return [xcoms.has(*arguments), xcoms.pull(*arguments)]
            if what == "map_indexes":
                return xcoms.map_indexes(*arguments)
            if what == "previous":
                return self.history(attempt.run)
            return self.secrets.variable(*arguments) if what == "variable" else self.secrets.connection(*arguments)

        return answer

    def _take(self) -> Process:
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is None:
            process = Process(self.root)
        with self._lock:
            self._busy[id(process)] = process
        return process

    def _give_back(self, process: Process) -> None:
        with self._lock:
            self._busy.pop(id(process), None)
            keep = process.alive and not self._closed and len(self._idle) < self.limit
            if keep:
                self._idle.append(process)
        if not keep:
            process.stop()
