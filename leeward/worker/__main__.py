"""The process of user code: jobs come as lines of JSON on standard input, results leave on standard output.

What user code prints goes to standard error, so that it can't be mistaken for a message; a line with a NUL ends a job's
output. One job at a time; the process serves as many as it is given. Its argument is the folder of the user's modules.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from leeward.core.errors import TaskError
from leeward.worker.airflow_names import install
from leeward.worker.call import run_job
from leeward.worker.values import plain

END_OF_OUTPUT = "\0"


class Pipe:
    """The channel of a job: requests to the parent over the same pipes."""

    def __init__(self, lines: TextIO, out: TextIO, root: str) -> None:
        self.lines, self.out, self.root = lines, out, root
        self.pushed: dict[str, Any] = {}

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one message."""
        self.out.write(json.dumps(message) + "\n")
        self.out.flush()

    def xcom(self, task_id: str, key: str, map_index: int) -> tuple[bool, Any]:
        """See `Channel.xcom`."""
        found, value = self._ask("xcom", task_id, key, map_index)
        return found, value

    def map_indexes(self, task_id: str, key: str) -> Sequence[int]:
        """See `Channel.map_indexes`."""
        found: Sequence[int] = self._ask("map_indexes", task_id, key)
        return found

    def push(self, key: str, value: Any) -> None:
        """See `Channel.push`: kept here and sent with the result."""
        self.pushed[key] = plain(value)

    def variable(self, key: str) -> str | None:
        """See `Channel.variable`."""
        found: str | None = self._ask("variable", key)
        return found

    def connection(self, conn_id: str) -> Mapping[str, Any] | None:
        """See `Channel.connection`."""
        found: Mapping[str, Any] | None = self._ask("connection", conn_id)
        return found

    def read(self, name: str) -> str | None:
        """See `Channel.read`."""
        path = Path(self.root) / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def previous(self) -> Mapping[str, str | None] | None:
        """See `Channel.previous`: in AWS, user code has no way to the runs, so that it is sent where it may be wanted."""
        try:
            found: Mapping[str, str | None] | None = self._ask("previous")
        except LookupError as error:
            raise TaskError("LW411", str(error), retryable=True) from error
        return found

    def _ask(self, what: str, *arguments: Any) -> Any:
        self.send({"ask": what, "arguments": arguments})
        answer = json.loads(self.lines.readline())
        if "refused" in answer:
            raise LookupError(answer["refused"])
        return answer["answer"]


def main(root: str) -> None:
    """Serve jobs until standard input ends."""
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.path.append(root)
    install()
    for line in iter(lines.readline, ""):
        _serve(json.loads(line), Pipe(lines, out, root))


def _serve(job: Mapping[str, Any], pipe: Pipe) -> None:
    environment, folder = dict(os.environ), os.getcwd()
    os.environ.update(job["environment"])
    try:
        result = run_job(job, pipe)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
    sys.stdout.flush()
    sys.stderr.write(END_OF_OUTPUT + "\n")
    sys.stderr.flush()
    pipe.send({"result": result, "xcoms": pipe.pushed})


if __name__ == "__main__":
    main(sys.argv[1])
