"""One process of user code, as its parent sees it: jobs go in, questions are answered, the result comes out.

A process serves one job after another, as a warm function does. One that hangs or dies is killed with all that it started.
A result is plain JSON: what `leeward.worker.__main__` sent, or `timed_out` (seconds) or `died` (exit code).
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
from threading import Event, Thread, Timer
from typing import Any, Final

from leeward.worker.bash import MAX_LINE, kill_tree

MAX_TIMER: Final = 24 * 60 * 60.0
"""A longer time-out is no time-out in a process of user code: it spares a thread a task."""

_END: Final = "\0"

Log = Callable[[str], None]
Answer = Callable[[str, list[Any]], Any]
"""Answers a job: `xcom`, `variable` or `connection`, and its arguments. A LookupError is told to the job."""


def _answered(answer: Answer, message: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": answer(message["ask"], message["arguments"])}
    except LookupError as error:
        return {"refused": str(error)}


@dataclass
class Process:
    """One process of user code, whose modules lie in `root`. `log` is where its output goes at present."""

    root: Path
    cwd: Path | None = None
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
            cwd=self.cwd,
            env={**os.environ, "PYTHONPATH": _python_path()},
            start_new_session=os.name != "nt",
        )
        self._reader = Thread(target=self._forward, daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it can take another job."""
        return self.process.poll() is None

    def run(self, job: Mapping[str, Any], answer: Answer, log: Log, seconds: float | None) -> dict[str, Any]:
        """Run a job, for so many seconds at most. `answer` answers what the job asks for."""
        late: list[bool] = []
        timer = self._timer(seconds, late)
        try:
            message = self._run(job, answer, log)
        finally:
            if timer is not None:
                timer.cancel()
        if late:
            return {"timed_out": seconds}
        return {"died": self.process.returncode} if message is None else message

    def _timer(self, seconds: float | None, late: list[bool]) -> Timer | None:
        if seconds is None or seconds > MAX_TIMER:
            return None

        def expire() -> None:
            late.append(True)
            kill_tree(self.process)

        timer = Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        return timer

    def _run(self, job: Mapping[str, Any], answer: Answer, log: Log) -> dict[str, Any] | None:
        """Run a job; None if the process died meanwhile."""
        self.log = log
        self._done.clear()
        try:
            self._send(job)
            for line in iter(self.process.stdout.readline, ""):  # type: ignore[union-attr]
                message: dict[str, Any] = json.loads(line)
                if "ask" not in message:
                    self._done.wait()
                    return message
                self._send(_answered(answer, message))
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
