"""Twin of what runs bodies: each task does what a script says, try by try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from leeward.core.dag import Json, Task
from leeward.core.facts import Outcome, Succeeded
from leeward.engine.ports import Call, Plan
from leeward.operators.base import Attempt, HandedOver

HANDED_OVER: Final = None


@dataclass
class ScriptedBodies:
    """`script` maps a task id to the outcomes of its starts and polls, in order; the last one repeats.

    `task[i]` is the script of one instance of a mapped task, and `task` of those without one of their own. A task that is
    not in the script succeeds; `HANDED_OVER` stands for a body that goes on elsewhere. `started` counts how often each
    try's body was started, by (name, try number); `called` holds the callbacks: (name, or empty for the run's own; try
    number; event).
    """

    script: Mapping[str, Sequence[Outcome | None]] = field(default_factory=dict)
    started: dict[tuple[str, int], int] = field(default_factory=dict)
    polled: dict[str, int] = field(default_factory=dict)
    called: list[tuple[str, int, str]] = field(default_factory=list)
    apart: bool = False
    _used: dict[str, int] = field(default_factory=dict)

    def plan(self, task: Task) -> Plan:
        """See `Bodies.plan`."""
        return Plan(task.execution_timeout_seconds or 0.0)

    def start(self, attempt: Attempt) -> Outcome:
        """See `Bodies.start`."""
        key = (attempt.name, attempt.try_number)
        self.started[key] = self.started.get(key, 0) + 1
        return self._next(attempt.name, attempt.task.task_id)

    def start_all(self, attempts: Sequence[Attempt]) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
        """See `Bodies.start_all`: one after the other; they end together unless `apart`."""
        ended: list[tuple[Attempt, Outcome]] = []
        for attempt in attempts:
            with suppress(HandedOver):
                ended.append((attempt, self.start(attempt)))
        if ended:
            yield from [[one] for one in ended] if self.apart else [ended]

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        """See `Bodies.finish`: the result is the XCom."""
        del attempt
        return Succeeded({"return_value": result})

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """See `Bodies.poll`."""
        task_id = attempt.name
        self.polled[task_id] = self.polled.get(task_id, 0) + 1
        return self._next(task_id, attempt.task.task_id)

    def call(self, attempt: Attempt, call: Call) -> None:
        """See `Bodies.call`."""
        self.called.append(("" if call.reason or call.context else attempt.name, attempt.try_number, str(call.event)))

    def _next(self, task_id: str, or_of: str) -> Outcome:
        outcomes = self.script.get(task_id) or self.script.get(or_of, (Succeeded(),))
        place = self._used.get(task_id, 0)
        self._used[task_id] = place + 1
        outcome = outcomes[min(place, len(outcomes) - 1)]
        if outcome is HANDED_OVER:
            raise HandedOver
        return outcome
