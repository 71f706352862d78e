"""Bodies for real: operators run here, user code wherever the services that are given run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from leeward.core.dag import Json, Task
from leeward.core.facts import Outcome
from leeward.core.run import RunInfo, RunRef
from leeward.engine.ports import Call, Plan, XComStore
from leeward.engine.together import together
from leeward.operators.answers import Answered, Asked
from leeward.operators.base import Attempt, Aws, HandedOver, Secrets, Services, UserCode
from leeward.operators.callbacks import CallingCode, job_of, notify
from leeward.operators.execute import is_user_code, poll, run

TaskLog = Callable[[Attempt, str], None]
"""Takes one line of a task's log."""


@dataclass(frozen=True, slots=True)
class RunXComs:
    """The XComs of one run, as its tasks may see them. What was found is read once, that of a mapped task together.

    It lives as long as the bodies that it was made for: what upstream tasks pushed does not change under them.
    """

    store: XComStore
    ref: RunRef
    _indexes: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    _found: dict[tuple[str, str, int], Json] = field(default_factory=dict)

    def pull(self, task_id: str, key: str, map_index: int = -1) -> Json:
        """See `leeward.operators.base.XComs.pull`."""
        return self._find(task_id, key, map_index)[1]

    def has(self, task_id: str, key: str, map_index: int = -1) -> bool:
        """See `leeward.operators.base.XComs.has`."""
        return self._find(task_id, key, map_index)[0]

    def map_indexes(self, task_id: str, key: str) -> Sequence[int]:
        """See `leeward.operators.base.XComs.map_indexes`."""
        if (task_id, key) not in self._indexes:
            found = self.store.pull_all(self.ref, task_id, key)
            self._found.update(((task_id, key, index), value) for index, value in found.items())
            self._indexes[task_id, key] = tuple(found)
        return self._indexes[task_id, key]

    def _find(self, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        place = (task_id, key, map_index)
        if place not in self._found:
            pushed, value = self.store.pull(self.ref, task_id, key, map_index)
            if not pushed:
                return False, None
            self._found[place] = value
        return True, self._found[place]


def _no_history(info: RunInfo) -> None:
    del info


@dataclass(frozen=True, slots=True)
class OperatorBodies:
    """Runs bodies for real, `threads` of one hint at a time.

    `user_code_plan` says how long tasks of user code may take; by default, as any other. `history` looks up the run
    before one.
    """

    aws: Aws
    user_code: Callable[[Attempt], CallingCode]
    secrets: Secrets
    xcoms: XComStore
    log: TaskLog
    user_code_plan: Callable[[Task], Plan] | None = None
    history: Callable[[RunInfo], Mapping[str, str | None] | None] = _no_history
    threads: int = 1

    def plan(self, task: Task) -> Plan:
        """See `Bodies.plan`."""
        if self.user_code_plan is not None and is_user_code(task):
            return self.user_code_plan(task)
        return Plan(task.execution_timeout_seconds or 0.0)

    def start(self, attempt: Attempt) -> Outcome:
        """See `Bodies.start`."""
        return self._run(attempt, self.user_code(attempt))

    def start_all(self, attempts: Sequence[Attempt]) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
        """See `Bodies.start_all`: as many share one call of user code as their task allows."""
        size = attempts[0].task.instances_per_call
        calls = [attempts[first : first + size] for first in range(0, len(attempts), size)]
        xcoms = RunXComs(self.xcoms, attempts[0].run.ref)
        return together(lambda call: self._start_call(call, xcoms), calls, self.threads)

    def _start_call(self, attempts: Sequence[Attempt], xcoms: RunXComs) -> Sequence[tuple[Attempt, Outcome]]:
        """Run what needs user code in one call, everything else by itself; without what goes on elsewhere."""
        if len(attempts) == 1:
            with suppress(HandedOver):
                return [(attempts[0], self._run(attempts[0], self.user_code(attempts[0]), xcoms))]
            return ()
        ended: list[tuple[Attempt, Outcome]] = []
        jobs: list[tuple[Attempt, Mapping[str, Json]]] = []
        for attempt in attempts:
            asked = Asked(self.user_code(attempt))
            with suppress(HandedOver):
                ended.append((attempt, self._run(attempt, asked, xcoms)))
            jobs += [(attempt, job) for job in asked.jobs]
        with suppress(HandedOver):
            ended += self._call(jobs, xcoms) if jobs else ()
        return ended

    def _call(
        self, jobs: Sequence[tuple[Attempt, Mapping[str, Json]]], xcoms: RunXComs
    ) -> Iterator[tuple[Attempt, Outcome]]:
        user_code = self.user_code(jobs[0][0])
        answers = user_code.run_all(jobs, xcoms, self.log)
        for (attempt, _), answer in zip(jobs, answers, strict=True):
            yield attempt, self._run(attempt, Answered(answer, user_code.read), xcoms)

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        """See `Bodies.finish`."""
        user_code = self.user_code(attempt)
        found = user_code.answered(result)
        answer: Mapping[str, Any] = found if isinstance(found, Mapping) else {"lost": "its result can't be read"}
        return self._run(attempt, Answered(answer, user_code.read))

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """See `Bodies.poll`."""
        return poll(attempt, job, self._services(attempt, self.user_code(attempt)))

    def call(self, attempt: Attempt, call: Call) -> None:
        """See `Bodies.call`."""
        user_code = self.user_code(attempt)
        more = {key: value for key, value in (("exception", call.error), ("reason", call.reason)) if value is not None}
        services = self._services(attempt, user_code)
        notify(attempt, call.event, call.callbacks, services)
        job = job_of(attempt, call.callbacks, more, None if call.context is None else (call.context, call.awaited))
        if job is not None:
            user_code.call(job, attempt, services.xcoms, services.log)

    def _run(self, attempt: Attempt, user_code: UserCode, xcoms: RunXComs | None = None) -> Outcome:
        return run(attempt, self._services(attempt, user_code, xcoms))

    def _services(self, attempt: Attempt, user_code: UserCode, xcoms: RunXComs | None = None) -> Services:
        return Services(
            aws=self.aws,
            user_code=user_code,
            xcoms=xcoms or RunXComs(self.xcoms, attempt.run.ref),
            secrets=self.secrets,
            log=lambda line: self.log(attempt, line),
            history=lambda: self.history(attempt.run),
        )
