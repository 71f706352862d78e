"""Runs a Bash command as Airflow's BashOperator does: output merged, its last line kept, exit codes told apart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Any, Final

MAX_LINE: Final = 1024 * 1024
"""Longer lines of output are cut into several, so that a task can't fill the memory."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `code` is None when it was killed for taking too long."""

    code: int | None
    last_line: str


class UnrenderedError(Exception):
    """The fields of a command could not be rendered in the process of user code; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A Bash command, its environment, and the folder to run it in."""

    text: str
    environment: Mapping[str, str]
    cwd: str | None


def rendered_command(answer: Mapping[str, Any], environment: Mapping[str, str]) -> Command:
    """What a job that rendered `command`, `env` and `cwd` answered, as a command with `environment` on top of its own.

    Raises UnrenderedError if it failed.
    """
    result = answer.get("result", {})
    if result.get("ended") != "returned":
        raise UnrenderedError(result.get("error") or f"the command could not be rendered: {answer}")
    fields = result["value"]
    own = {str(key): str(value) for key, value in (fields["env"] or {}).items()}
    return Command(str(fields["command"]), {**own, **environment}, fields["cwd"])


def run_bash(
    command: str,
    environment: Mapping[str, str],
    log: Callable[[str], None],
    *,
    cwd: str | None = None,
    encoding: str = "utf-8",
    timeout_seconds: float | None = None,
    started: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Ended:
    """Run `bash -c command` in `cwd`, or in a new folder that is removed afterwards.

    `started` is told of the process, so that the caller can kill it. Raises FileNotFoundError when there is no Bash, or
    no such folder.
    """
    bash = shutil.which("bash")
    if bash is None:
        raise FileNotFoundError("bash is not on the PATH of this machine")
    if cwd is not None and not os.path.isdir(cwd):
        raise FileNotFoundError(f"Can not find the cwd: {cwd}")
    with (
        _folder(cwd) as folder,
        subprocess.Popen(
            [bash, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=os.name != "nt",
        ) as process,
    ):
        if started is not None:
            started(process)
        late: list[bool] = []
        with _deadline(process, timeout_seconds, late):
            last = _read(process, encoding, log)
            code = process.wait()
    return Ended(None if late else code, last)


@contextmanager
def _folder(cwd: str | None) -> Iterator[str]:
    if cwd is not None:
        yield cwd
        return
    with tempfile.TemporaryDirectory(prefix="leeward-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextmanager
def _deadline(process: subprocess.Popen[bytes], seconds: float | None, late: list[bool]) -> Iterator[None]:
    def expire() -> None:
        late.append(True)
        kill_tree(process)

    timer = None if seconds is None else Timer(seconds, expire)
    if timer is None:
        yield
        return
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def kill_tree(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """Kill a process that was started in a session of its own, and all that it started."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False, capture_output=True)
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _read(process: subprocess.Popen[bytes], encoding: str, log: Callable[[str], None]) -> str:
    last = ""
    assert process.stdout is not None
    for raw in iter(lambda: process.stdout.readline(MAX_LINE), b""):  # type: ignore[union-attr]
        last = raw.decode(encoding, errors="backslashreplace").rstrip()
        log(last)
    return last
