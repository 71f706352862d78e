"""Bodies for real: operators run here, user code wherever the services that are given run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leeward.core.dag import Json, Task
from leeward.core.facts import Outcome
from leeward.core.run import RunInfo, RunRef
from leeward.engine.ports import Call, Plan, XComStore
from leeward.operators.answers import Answered
from leeward.operators.base import Attempt, Aws, Secrets, Services, UserCode
from leeward.operators.callbacks import CallingCode, job_of, notify
from leeward.operators.execute import is_user_code, poll, run

TaskLog = Callable[[Attempt, str], None]
"""Takes one line of a task's log."""


@dataclass(frozen=True, slots=True)
class RunXComs:
    """The XComs of one run, as its tasks may see them."""

    store: XComStore
    ref: RunRef

    def pull(self, task_id: str, key: str, map_index: int = -1) -> Json:
        """See `leeward.operators.base.XComs.pull`."""
        return self.store.pull(self.ref, task_id, key, map_index)[1]

    def has(self, task_id: str, key: str, map_index: int = -1) -> bool:
        """See `leeward.operators.base.XComs.has`."""
        return self.store.pull(self.ref, task_id, key, map_index)[0]


def _no_history(info: RunInfo) -> None:
    del info


@dataclass(frozen=True, slots=True)
class OperatorBodies:
    """Runs bodies for real. `user_code_plan` says how long tasks of user code may take; by default, as any other.

    `history` looks up the run before one.
    """

    aws: Aws
    user_code: Callable[[Attempt], CallingCode]
    secrets: Secrets
    xcoms: XComStore
    log: TaskLog
    user_code_plan: Callable[[Task], Plan] | None = None
    history: Callable[[RunInfo], Mapping[str, str | None] | None] = _no_history

    def plan(self, task: Task) -> Plan:
        """See `Bodies.plan`."""
        if self.user_code_plan is not None and is_user_code(task):
            return self.user_code_plan(task)
        return Plan(task.execution_timeout_seconds or 0.0)

    def start(self, attempt: Attempt) -> Outcome:
        """See `Bodies.start`."""
        return run(attempt, self._services(attempt, self.user_code(attempt)))

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        """See `Bodies.finish`."""
        user_code = self.user_code(attempt)
        found = user_code.answered(result)
        answer: Mapping[str, Any] = found if isinstance(found, Mapping) else {"lost": "its result can't be read"}
        return run(attempt, self._services(attempt, Answered(answer, user_code.read)))

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """See `Bodies.poll`."""
        return poll(attempt, job, self._services(attempt, self.user_code(attempt)))

    def call(self, attempt: Attempt, call: Call) -> None:
        """See `Bodies.call`."""
        user_code = self.user_code(attempt)
        more = {key: value for key, value in (("exception", call.error), ("reason", call.reason)) if value is not None}
        services = self._services(attempt, user_code)
        notify(attempt, call.event, call.callbacks, services)
        job = job_of(attempt, call.callbacks, more)
        if job is not None:
            user_code.call(job, attempt, services.xcoms, services.log)

    def _services(self, attempt: Attempt, user_code: UserCode) -> Services:
        return Services(
            aws=self.aws,
            user_code=user_code,
            xcoms=RunXComs(self.xcoms, attempt.run.ref),
            secrets=self.secrets,
            log=lambda line: self.log(attempt, line),
            history=lambda: self.history(attempt.run),
        )
