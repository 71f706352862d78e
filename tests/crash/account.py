"""An AWS account in this process: the real functions over the real adapters and clients of botocore, at virtual time.

A function that is invoked has a frame for as long as it runs; one that is killed leaves what it has called, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, Final

from leeward.aws.items import base36, entries_of
from leeward.core.states import TaskState
from leeward.engine.system import TOKEN_LENGTH
from leeward.local.clock import VirtualClock
from tests.crash.calls import Call, Calls, Fault, Killed
from tests.crash.scenes import SECONDS, Scene
from tests.crash.services import Services
from tests.crash.state import State

START: Final = 1_767_225_605.0
"""Five seconds into 2026: the yearly run is due."""

FIRST_SWEEP: Final = START + 55.0

Function = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass
class Frame:
    """A function that runs: what it was given, and the tokens that it has drawn."""

    event: str
    number: int
    tokens: set[str] = field(default_factory=set)

    def holds(self, owner: str) -> bool:
        """Whether a try with that token is in its hands."""
        return owner in self.tokens or owner in self.event


@dataclass
class Account:
    """One installation with one DAG.

    `functions` are the handlers by name. While a function is frozen, or a body runs, `rest` lets the rest of the world go
    on: until nothing is left to do, or with what is due now.
    """

    scene: Scene
    functions: dict[str, Function] = field(default_factory=dict)
    rest: Callable[[bool], None] = lambda _: None
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    frames: list[Frame] = field(default_factory=list)
    _frame_numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.state = State(START, FIRST_SWEEP)
        services = Services(lambda: self.state, self.invoke)
        self.calls = Calls(services.by_name(), self._hit, self._freeze, self._frame)

    def invoke(self, function: str, event: str) -> Mapping[str, Any] | None:
        """Run a function to its end; its answer, None if it failed or was killed."""
        self.frames.append(Frame(event, next(self._frame_numbers)))
        try:
            return self.functions[function](json.loads(event))
        except (Killed, Exception):  # noqa: BLE001 - Lambda catches everything
            return None
        finally:
            self.frames.pop()

    def pass_time(self, until: float) -> None:
        """Let time pass until then."""
        self.clock.advance_to(until)
        self.state.now = self.clock.now()

    def go_back(self, state: State) -> None:
        """Be as the account was then."""
        self.state = state.copy()
        self.clock.time = state.now

    def token(self) -> str:
        """See `Ids.token`."""
        self.state.tokens += 1
        token = base36(self.state.tokens).rjust(TOKEN_LENGTH, "k")
        self.frames[-1].tokens.add(token)
        return token

    def secret(self) -> str:
        """See `Ids.secret`."""
        return self.token()

    def body(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a Python task; its answer, as that of a process of user code."""
        key = (order["task_id"], order["try"]["try_number"])
        self.state.started[key] = self.state.started.get(key, 0) + 1
        if self.scene.overlap:
            self.rest(False)
        self.pass_time(self.clock.now() + self.scene.slow.get(order["task_id"], SECONDS))
        if key in self.scene.failing:
            return {"result": {"ended": "failed", "error": "boom", "retryable": True}, "xcoms": {}}
        value = key[1] if key[0] in self.scene.pushing else None
        return {"result": {"ended": "returned", "value": value}, "xcoms": {}}

    def told(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Callbacks, told by the first one's name; the answer, as that of a process of user code."""
        key = (order["task_id"], order["try"]["try_number"], order["job"]["callbacks"][0]["callable"])
        self.state.told[key] = self.state.told.get(key, 0) + 1
        return {"result": {"ended": "returned", "value": None}, "xcoms": {}}

    def claim(self, url: str, content: bytes, headers: Mapping[str, str]) -> bool:
        """Put an object that must not be there, at a signed address, as a worker does."""
        request = SimpleNamespace(url=url, body=content, method="PUT", headers=headers)
        status = self.calls.answer(Call("s3", "Claim", self._frame()), request).status
        if status not in (200, 412):
            raise OSError(f"S3 answered {status}")
        return status == 200

    def _frame(self) -> int:
        return self.frames[-1].number if self.frames else 0

    def _hit(self, call: Call, fault: Fault) -> None:
        """What the function that is hit has in its hands may be lost; so may a try whose job can't be looked at."""
        blind = call.service == "glue" and fault is Fault.TIME_OUT
        self._excuse(self.frames[-1:], {TaskState.DEFERRED} if blind else set())

    def _freeze(self) -> None:
        """Time passes for whoever waits for the frozen function, too."""
        self._excuse(self.frames, set())
        self.rest(True)

    def _excuse(self, frames: list[Frame], also: set[TaskState]) -> None:
        tasks = self.scene.dag.tasks
        for item in self.state.table.items.values():
            for index, entry in entries_of(item):
                held = entry.state is TaskState.RUNNING and any(frame.holds(entry.owner) for frame in frames)
                if held or entry.state in also:
                    self.state.excused |= {(tasks[index].task_id, entry.try_number)}
