"""What of Lambda takes time: environments that have to start, and mappings of queues that open slowly.

Sources: Lambda developer guide, "Function scaling" (1,000 new environments a function every ten seconds) and "Configuring
scaling behavior for SQS event source mappings" (five concurrent batches at first, 300 more a minute).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hops import Hops
from loop import Loop

from tests.crash.state import Message

ENVIRONMENTS: Final = 1000
WINDOW_SECONDS: Final = 10.0
MAPPING_START: Final = 5
MAPPING_A_MINUTE: Final = 300
MAPPING_MOST: Final = 200
"""The maximum concurrency that the installation sets by default."""


@dataclass
class Fleet:
    """The environments of one function; `make` gives what one of them keeps. Warm ones are there when they are needed."""

    loop: Loop
    hops: Hops
    warm: bool
    make: Callable[[bool], Any]
    own_seconds: float = 0.0
    idle: list[Any] = field(default_factory=list)
    started: list[float] = field(default_factory=list)

    def take(self) -> tuple[Any, bool]:
        """An idle environment or a new one, and whether it had to be started."""
        if self.idle:
            return self.idle.pop(), False
        if not self.warm:
            self._scale()
            self.loop.sleep(self.hops.draw("python_cold_start") + self.own_seconds)
        return self.make(self.warm), not self.warm

    def give_back(self, environment: Any) -> None:
        """It is idle again."""
        self.idle.append(environment)

    def _scale(self) -> None:
        now = self.loop.clock.now()
        if len(self.started) >= ENVIRONMENTS:
            self.loop.sleep(max(0.0, self.started[-ENVIRONMENTS] + WINDOW_SECONDS - now))
        self.started.append(self.loop.clock.now())


@dataclass
class Mapping:
    """The mapping of a queue: batches of one message, as many at a time as it has opened up to."""

    loop: Loop
    deliver: Callable[[Message], None]
    waiting: list[Message] = field(default_factory=list)
    running: int = 0
    busy_since: float = 0.0

    def put(self, message: Message) -> None:
        """A message has arrived."""
        if not self.running and not self.waiting:
            self.busy_since = self.loop.clock.now()
        self.waiting.append(message)
        self._start()

    def _start(self) -> None:
        while self.waiting and self.running < self._open():
            self.running += 1
            self.loop.spawn(self._serve, self.waiting.pop(0))
        if self.waiting and self.running < MAPPING_MOST:
            self.loop.spawn(self._start, after=60 / MAPPING_A_MINUTE)

    def _open(self) -> int:
        minutes = (self.loop.clock.now() - self.busy_since) / 60
        return min(MAPPING_MOST, MAPPING_START + int(MAPPING_A_MINUTE * minutes))

    def _serve(self, message: Message) -> None:
        self.deliver(message)
        self.running -= 1
        self._start()
