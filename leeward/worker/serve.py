"""One order of an executor, as the worker function serves it: fetch the modules, run the body, hand its answer back.

An order is plain JSON and holds all that the body may need, because the function has no right to anything of ours: the job,
the modules and the XComs of upstream tasks (large ones behind addresses that were signed for this order), and where to
answer. Addresses: `at` to fetch the order itself or a value from, `claim` to be taken by one of several deliveries, `upload`
for a large answer. `start_by` and `answer_by` are seconds since the epoch.
"""

from __future__ import annotations

import io
import json
import shutil
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from leeward.worker.bash import Command, UnrenderedError, rendered_command, run_bash
from leeward.worker.process import Process

Fetch = Callable[[str], bytes]
Lookup = Callable[[str, list[Any]], Any]
"""Looks up a `variable` or a `connection`, with the function's own rights."""

TAKEN: Final = (409, 412)
"""What S3 answers to a conditional write that somebody else has made, or is making."""


def fetch(url: str) -> bytes:
    """What lies at a signed address."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        found: bytes = answer.read()
        return found


def put(url: str, content: bytes, headers: Mapping[str, str]) -> bool:
    """Store something at a signed address; False if it is taken."""
    request = urllib.request.Request(url, content, dict(headers), method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=60):
            return True
    except urllib.error.HTTPError as error:
        if error.code in TAKEN:
            return False
        raise


@dataclass
class Worker:
    """What one environment of the function keeps between orders: folders of modules, and the process that imported them.

    `environment` is what Bash commands inherit, `log` takes a line and the order that it belongs to.
    """

    folder: Path
    environment: Mapping[str, str]
    lookup: Lookup
    log: Callable[[Mapping[str, Any], str], None]
    fetch: Fetch = fetch
    put: Callable[[str, bytes, Mapping[str, str]], bool] = put
    _process: Process | None = None
    _root: Path | None = None
    _roots: set[Path] = field(default_factory=set)

    def opened(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """The order itself, where it was too large for a message."""
        found: Mapping[str, Any] = json.loads(self.fetch(order["at"])) if "at" in order else order
        return found

    def may_start(self, order: Mapping[str, Any], now: float) -> bool:
        """Whether the body may start here: not too late, and by no other delivery of the same order."""
        if now > order["start_by"]:
            self.log(order, "the order came too late: its try has been given up")
            return False
        claim = order.get("claim")
        if claim is None or self.put(claim, b"", {"If-None-Match": "*"}):
            return True
        self.log(order, "the order was delivered twice: its body has been started elsewhere")
        return False

    def answer(self, order: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Run the body, for so many seconds at most; its answer (see `leeward.operators.answers`)."""
        if order["kind"] == "several":
            return {"answers": [*self._several(order, seconds)]}
        limit = min(seconds, order["seconds"])
        root = self._prepared(order)
        if order["kind"] == "bash":
            return self._bash(order, root, limit)
        return self._job(order, order["job"], root, limit)

    def _job(self, order: Mapping[str, Any], job: Mapping[str, Any], root: Path, limit: float) -> dict[str, Any]:
        process = self._at(root)
        return process.run(job, lambda what, arguments: self._asked(order, what, arguments), self._logger(order), limit)

    def _several(self, order: Mapping[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
        """Run the bodies of several instances of one task, one after the other, each within its own time."""
        end = time.monotonic() + seconds
        for one in parts(order):
            yield self.answer(one, max(0.0, end - time.monotonic()))

    def _bash(self, order: Mapping[str, Any], root: Path, limit: float) -> dict[str, Any]:
        try:
            command = self._command(order, root, limit)
            ended = run_bash(
                command.text,
                {**self.environment, **command.environment} if order["inherit"] else command.environment,
                self._logger(order),
                cwd=None if command.cwd is None else str(root / command.cwd),
                encoding=order["encoding"],
                timeout_seconds=limit,
            )
        except FileNotFoundError as error:
            return {"missing": str(error)}
        except UnrenderedError as error:
            return {"unrendered": str(error)}
        return {"timed_out": limit} if ended.code is None else {"code": ended.code, "last_line": ended.last_line}

    def _command(self, order: Mapping[str, Any], root: Path, limit: float) -> Command:
        """The command as it came, or rendered here, where that takes user code."""
        if "render" in order:
            return rendered_command(self._job(order, order["render"], root, limit), order["environment"])
        return Command(order["command"], order["environment"], order["cwd"])

    def _prepared(self, order: Mapping[str, Any]) -> Path:
        """The folder of the order's modules, fetched if it is not here yet."""
        root = self.folder / (order["bundle"] or "none")
        if root not in self._roots:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
            if order["bundle"]:
                with zipfile.ZipFile(io.BytesIO(self.fetch(order["modules"]))) as archive:
                    archive.extractall(root)
            self._roots.add(root)
        return root

    def _at(self, root: Path) -> Process:
        """A process that imports from that folder: the last one if it fits and lives."""
        if self._process is not None and (self._root != root or not self._process.alive):
            self._process.stop()
            self._process = None
        if self._process is None:
            self._process, self._root = Process(root, root), root
        return self._process

    def _asked(self, order: Mapping[str, Any], what: str, arguments: list[Any]) -> Any:
        if what == "previous":
            return _previous(order)
        if what not in ("xcom", "map_indexes"):
            return self.lookup(what, arguments)
        task_id, key = arguments[:2]
        if task_id not in order["upstream"]:
            raise LookupError(f"XComs of {task_id} are not here: it is not upstream of this task")
        if what == "map_indexes":
            return sorted(index for name, index, pushed, _ in order["xcoms"] if (name, pushed) == (task_id, key))
        map_index = arguments[2]
        for name, index, pushed, value in order["xcoms"]:
            if (name, index, pushed) == (task_id, map_index, key):
                return [True, json.loads(self.fetch(value["at"])) if "at" in value else value["value"]]
        return [False, None]

    def _logger(self, order: Mapping[str, Any]) -> Callable[[str], None]:
        return lambda line: self.log(order, line)


def _previous(order: Mapping[str, Any]) -> Any:
    """The run before, which the executor looks up where a file beside the spec, or the spec, speaks of it."""
    if "previous" not in order:
        raise LookupError("the run before is looked up if the spec or a file beside it has the name, such as a comment")
    return order["previous"]


def parts(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An order as one for each try that is in it."""
    return [{**order, **one} for one in order["orders"]] if order["kind"] == "several" else [order]


def bounded(answer: dict[str, Any], order: Mapping[str, Any], limit: int, store: Worker) -> dict[str, Any]:
    """The answer, or, where it is larger than so many bytes, word that it was uploaded."""
    text = json.dumps(answer).encode()
    if len(text) <= limit:
        return answer
    store.put(order["upload"], text, {})
    return {"uploaded": True}
