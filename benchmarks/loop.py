"""A small discrete-event loop: works that wait for virtual time, one running at a time.

A work is a plain function in a greenlet of its own, so that whatever it calls (handlers, adapters, clients) may wait in the
middle without knowing of it. What happens at the same moment happens in the order in which it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet

from leeward.local.clock import VirtualClock


@dataclass
class Loop:
    """Runs works over a clock that it moves."""

    clock: VirtualClock
    _waiting: list[tuple[float, int, greenlet, tuple[Any, ...]]] = field(default_factory=list)
    _numbers: Iterable[int] = field(default_factory=count)
    _hub: greenlet | None = None

    def spawn(self, work: Callable[..., object], *arguments: Any, after: float = 0.0) -> None:
        """Start a work after so many seconds."""
        self._wait(greenlet(work), arguments, after)

    def sleep(self, seconds: float) -> None:
        """Wait, if a work asks for it; before and after the loop runs, nothing takes time."""
        if self._hub is None or getcurrent() is self._hub:
            return
        self._wait(getcurrent(), (), seconds)
        self._hub.switch()

    def run(self) -> None:
        """Go on until nothing waits. What a work raises ends the loop."""
        self._hub = getcurrent()
        while self._waiting:
            due, _, work, arguments = heappop(self._waiting)
            self.clock.advance_to(due)
            work.parent = self._hub
            work.switch(*arguments)
        self._hub = None

    def in_lanes(self, lanes: int, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Do a work for each item, in so many lanes beside each other; wait for all."""
        found: dict[int, Any] = {}
        left = list(enumerate(items))[::-1]
        total = len(left)

        def lane() -> None:
            while left:
                number, item = left.pop()
                found[number] = work(item)

        for _ in range(min(lanes, total)):
            self.spawn(lane)
        while len(found) < total:
            self.sleep(0.001)
        return [found[number] for number in range(total)]

    def _wait(self, work: greenlet, arguments: tuple[Any, ...], seconds: float) -> None:
        number = next(iter(self._numbers))
        heappush(self._waiting, (self.clock.now() + seconds, number, work, arguments))
