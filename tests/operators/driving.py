"""Drives a row of the Amazon provider as the engine would, without the engine: started, and polled while it defers."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from leeward.core.dag import Dag, Task
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.bodies import RunXComs
from leeward.local.aws_calls import Scripted
from leeward.local.processes import ProcessPool
from leeward.local.run_store import MemoryXComStore
from leeward.local.secrets import EnvironmentSecrets
from leeward.operators.base import Attempt, Services
from leeward.operators.execute import poll, run

DATE: Final = "2024-01-15T00:00:00+00:00"
MANY: Final = 200
"""More polls than any test takes; a row that goes on after them is taken for endless."""


def python(value: Any) -> Any:
    """The Python value of a recorded one."""
    if isinstance(value, Mapping):
        match list(value.items()):
            case [("$stream", text)]:
                return io.BytesIO(text.encode())
            case [("$bytes", text)]:
                return text.encode()
            case [("$date", text)]:
                return datetime.fromisoformat(text)
        return {key: python(item) for key, item in value.items()}
    return [python(item) for item in value] if isinstance(value, list) else value


def comparable(value: Any) -> Any:
    """A request or result without its empty members, and bytes as text, which the manual calls equal."""
    if isinstance(value, Mapping):
        members = {key: comparable(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item not in (None, "", [], {})}
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


@dataclass
class Recorded(Scripted):
    """Scripted answers that keep what they were asked."""

    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    regions: list[str | None] = field(default_factory=list)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        self.asked.append((service, operation, parameters))
        self.regions.append(region)
        return super().call(service, operation, parameters, region)

    def collapsed(self) -> list[tuple[str, str, Any]]:
        """What was asked, in a form that compares, each run of equal requests once."""
        return [request for request, _ in groupby((s, o, comparable(p)) for s, o, p in self.asked)]

    def operations(self) -> list[str]:
        return [operation for _, operation, _ in self.asked]

    def request(self, operation: str) -> Any:
        """The last request for an operation, as it was sent."""
        return [parameters for _, asked, parameters in self.asked if asked == operation][-1]


@dataclass
class Driven:
    """What a row came to: its last outcome, the seconds of each wait, and the lines of its log."""

    outcome: Outcome
    waits: list[float]
    log: list[str]
    aws: Recorded

    @property
    def state(self) -> str:
        return {Succeeded: "success", Failed: "failed", Skipped: "skipped"}[type(self.outcome)]

    @property
    def xcoms(self) -> Mapping[str, Any]:
        assert not isinstance(self.outcome, Deferred)
        return self.outcome.xcoms

    @property
    def error(self) -> str:
        assert isinstance(self.outcome, Failed), self.outcome
        return self.outcome.error

    @property
    def retryable(self) -> bool:
        assert isinstance(self.outcome, Failed), self.outcome
        return self.outcome.retryable


def drive(
    operator: str,
    arguments: Mapping[str, Any],
    *answers: Mapping[str, Any],
    folder: Path = Path(),
    native: bool = False,
) -> Driven:
    """Start an operator and poll it to its end."""
    task = Task("task", operator, arguments)
    dag = Dag("oracle", (task,), render_template_as_native_obj=native)
    info = RunInfo(RunRef("oracle", f"manual__{DATE}", "v"), RunType.MANUAL, DATE, DATE, DATE, DATE)
    attempt = Attempt(dag, task, info, 1, 1, "owner", 1705276800.0)
    aws, secrets, lines = Recorded(python(list(answers))), EnvironmentSecrets({}), list[str]()
    user_code = ProcessPool(folder, secrets, limit=1)
    services = Services(aws, user_code, RunXComs(MemoryXComStore(), info.ref), secrets, lines.append)
    waits: list[float] = []
    outcome = run(attempt, services)
    while isinstance(outcome, Deferred) and len(waits) < MANY:
        waits.append(outcome.poll_seconds)
        outcome = poll(attempt, json.loads(json.dumps(outcome.job)), services)
    user_code.close()
    return Driven(outcome, waits, lines, aws)


def answer(service: str, operation: str, **response: Any) -> Mapping[str, Any]:
    return {"service": service, "operation": operation, "response": response}


def refusal(service: str, operation: str, code: str, status: int = 400) -> Mapping[str, Any]:
    error = {"code": code, "message": "said AWS", "status": status}
    return {"service": service, "operation": operation, "error": error}
