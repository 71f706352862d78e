"""What the bodies of a simulated world do, and where: a plan says it for every task, try by try."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from leeward.core.dag import Json, Task
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.engine.ports import Call, Plan
from leeward.operators.base import Attempt, HandedOver

Where: TypeAlias = Literal["here", "worker", "job"]
WORKER_SECONDS = 4500.0
POLL_SECONDS = 20.0


@dataclass(frozen=True)
class Doing:
    """One try's body: where it runs, how it ends, how long it takes in seconds, whom it asks to be skipped, what it pushes."""

    where: Where = "here"
    ends: Literal["success", "failed", "hopeless", "skipped"] = "success"
    seconds: float = 0.0
    skip: tuple[str, ...] = ()
    pushes: Json = None

    def outcome(self) -> Outcome:
        match self.ends:
            case "success":
                return Succeeded({} if self.pushes is None else {"return_value": self.pushes}, self.skip)
            case "skipped":
                return Skipped()
            case "failed":
                return Failed("it failed")
            case "hopeless":
                return Failed("it failed for good", retryable=False)


Script: TypeAlias = Mapping[str, Sequence[Doing]]
"""What each task does, by its tries since it was last cleared; the last one repeats."""

Try: TypeAlias = tuple[str, str, int]
"""Run, task and number of a try."""


def doing(script: Script, task_id: str, nth: int) -> Doing:
    """What a task, or an instance of a mapped one, does in its nth try, from 1."""
    tries = script.get(task_id) or script.get(base_of(task_id), (Doing(),))
    return tries[min(nth, len(tries)) - 1]


def base_of(name: str) -> str:
    """The task of `task[i]`."""
    return name.partition("[")[0]


class Execution(Protocol):
    """The invocation that a body is part of."""

    def order(self, order: Mapping[str, Any]) -> None:
        """Send an order to the worker."""

    def starts(self, key: Try) -> None:
        """A body starts here."""

    def spends(self, seconds: float) -> None:
        """The body takes its time."""

    def polls(self, key: Try) -> None:
        """A job is polled here."""

    def late(self) -> bool:
        """Whether the invocation's time is over."""

    def calls(self, key: Try, event: str) -> None:
        """A callback is called here; a run's own has no task."""


@dataclass
class SimulatedBodies:
    """Implements `leeward.engine.ports.Bodies` for one invocation. `reported` collects the tries whose worker is said to be lost."""

    script: Script
    now: Callable[[], float]
    here: Execution
    reported: set[Try]

    def plan(self, task: Task) -> Plan:
        where = {one.where for name, tries in self.script.items() if base_of(name) == task.task_id for one in tries}
        return Plan(0.0, WORKER_SECONDS if "worker" in where else None)

    def start(self, attempt: Attempt) -> Outcome:
        now = self._doing(attempt)
        if now.where == "worker":
            self.here.order(order_of(attempt, now))
            raise HandedOver
        self.here.starts(key_of(attempt))
        if now.where == "job":
            self.here.spends(0.0)
            return Deferred({"ends": self.now() + now.seconds}, POLL_SECONDS)
        self.here.spends(now.seconds)
        return now.outcome()

    def start_all(self, attempts: Sequence[Attempt]) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
        """One after the other. An odd number of them end one by one, an even number together.

        In truth all start at once, so that none starts when the function's time is over.
        """
        ended: list[tuple[Attempt, Outcome]] = []
        for attempt in attempts:
            if self.here.late():
                return
            with suppress(HandedOver):
                ended.append((attempt, self.start(attempt)))
            if len(attempts) % 2 and ended:
                yield ended
                ended = []
        if ended:
            yield ended

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        if result == "done":
            return self._doing(attempt).outcome()
        self.reported.add(key_of(attempt))
        return Failed("the function of user code was lost")

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        self.here.polls(key_of(attempt))
        assert isinstance(job, Mapping), "the job of a deferred try is stored before its state"
        ends = job["ends"]
        assert isinstance(ends, float)
        return Deferred(job, POLL_SECONDS) if self.now() < ends else self._doing(attempt).outcome()

    def call(self, attempt: Attempt, call: Call) -> None:
        run_id, task_id, number = key_of(attempt)
        self.here.calls((run_id, "" if call.reason or call.context else task_id, number), str(call.event))

    def _doing(self, attempt: Attempt) -> Doing:
        base = attempt.max_tries - attempt.task.retry.retries
        return doing(self.script, attempt.name, attempt.try_number - base)


def key_of(attempt: Attempt) -> Try:
    """Names the try."""
    return attempt.run.ref.run_id, attempt.name, attempt.try_number


def order_of(attempt: Attempt, now: Doing) -> Mapping[str, Any]:
    """An order as `leeward.aws.user_code` makes one, as far as a failure's record needs it."""
    ref = attempt.run.ref
    address = {"dag_id": ref.dag_id, "run_id": ref.run_id, "index": attempt.index}
    address |= {"try_number": attempt.try_number, "owner": attempt.owner}
    start_by = attempt.until - 900.0
    return {"try": address, "task_id": attempt.name, "seconds": now.seconds, "start_by": start_by}


def text_of(result: Mapping[str, Any]) -> str:
    """A result as the worker's message."""
    return json.dumps({"result": result})
