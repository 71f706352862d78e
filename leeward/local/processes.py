"""Runs user code in processes of its own, which are reused: an idle one takes the next job, the last used first.

A process that hangs, dies or is told to stop is replaced. Python jobs go to `python -m leeward.worker`; Bash commands are
processes of their own anyway.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread, Timer
from typing import Any, Final

from leeward.core.dag import Json
from leeward.core.facts import Failed, Outcome, Skipped, Succeeded
from leeward.operators.base import Attempt, Secrets, XComs
from leeward.worker.bash import MAX_LINE, Ended, kill_tree, run_bash

TIMED_OUT: Final = "AirflowTaskTimeout: the task took longer than {:g} s"
_END: Final = "\0"

Log = Callable[[str], None]


@dataclass
class Process:
    """One process of user code. `log` is where its output goes at present."""

    root: Path
    log: Log = field(default=print)
    _done: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "leeward.worker", str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            env={**os.environ, "PYTHONPATH": _python_path()},
            start_new_session=os.name != "nt",
        )
        self._reader = Thread(target=self._forward, daemon=True)
        self._reader.start()

    def run(self, job: Mapping[str, Any], answer: Callable[[str, list[Any]], Any], log: Log) -> Any:
        """Run a job; None if the process died meanwhile. `answer` answers what the job asks for."""
        self.log = log
        self._done.clear()
        try:
            self._send(job)
            for line in iter(self.process.stdout.readline, ""):  # type: ignore[union-attr]
                message = json.loads(line)
                if "ask" not in message:
                    self._done.wait()
                    return message
                self._send(answer(message["ask"], message["arguments"]))
        except (BrokenPipeError, OSError, ValueError):
            pass
        self.process.wait()
        return None

    def stop(self) -> None:
        """Kill the process and all that it started, and close its pipes."""
        kill_tree(self.process)
        self.process.wait()
        self._reader.join(timeout=1.0)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _send(self, message: Any) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    def _forward(self) -> None:
        """Hand the process's output on, line by line."""
        assert self.process.stderr is not None
        for line in iter(lambda: self.process.stderr.readline(MAX_LINE), ""):  # type: ignore[union-attr]
            text = line.rstrip("\n")
            if text.endswith(_END):
                if text != _END:
                    self.log(text.removesuffix(_END))
                self._done.set()
            else:
                self.log(text)
        self._done.set()


def _python_path() -> str:
    """Where `leeward` itself lies, so that the process finds it however this one did."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])


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
    _idle: list[Process] = field(default_factory=list)
    _busy: dict[int, Process] = field(default_factory=dict)
    _commands: Commands = field(default_factory=Commands)
    _lock: Lock = field(default_factory=Lock)
    _closed: bool = False

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Log) -> Outcome:
        """See `leeward.operators.base.UserCode.run`."""
        process = self._take()
        late: list[bool] = []
        timer = self._timer(process, attempt.timeout_seconds, late)
        try:
            message = process.run(job, _answers(xcoms, self.secrets), log)
        finally:
            if timer is not None:
                timer.cancel()
            self._give_back(process)
        if late:
            return Failed(TIMED_OUT.format(attempt.timeout_seconds or 0.0))
        if message is None:
            return Failed(f"the process of user code died with exit code {process.process.returncode}")
        return _outcome(message)

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
    ) -> Ended:
        """See `leeward.operators.base.UserCode.bash`."""
        return run_bash(
            command,
            {**os.environ, **environment} if inherit else environment,
            log,
            cwd=cwd,
            encoding=encoding,
            timeout_seconds=attempt.timeout_seconds,
            started=self._commands.add,
        )

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
            keep = process.process.poll() is None and not self._closed and len(self._idle) < self.limit
            if keep:
                self._idle.append(process)
        if not keep:
            process.stop()

    def _timer(self, process: Process, seconds: float | None, late: list[bool]) -> Timer | None:
        if seconds is None or seconds > MAX_TIMER:
            return None

        def expire() -> None:
            late.append(True)
            kill_tree(process.process)

        timer = Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        return timer


MAX_TIMER: Final = 24 * 60 * 60.0
"""A longer time-out is no time-out in a process of this command: it spares a thread a task."""


def _answers(xcoms: XComs, secrets: Secrets) -> Callable[[str, list[Any]], Any]:
    def answer(what: str, arguments: list[Any]) -> Any:
        if what == "xcom":
            return [xcoms.has(*arguments), xcoms.pull(*arguments)]
        return secrets.variable(*arguments) if what == "variable" else secrets.connection(*arguments)

    return answer


def _outcome(message: Mapping[str, Any]) -> Outcome:
    result, xcoms = message["result"], message["xcoms"]
    if result["ended"] == "skipped":
        return Skipped(result["error"], xcoms)
    if result["ended"] == "failed":
        return Failed(result["error"], result["retryable"], xcoms)
    return Succeeded({**xcoms, "return_value": result["value"]})
