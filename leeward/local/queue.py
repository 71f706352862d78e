"""Twin of the queues: hints wait until they are due, then leave in the order of their times."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Condition

from leeward.engine.hints import Hint
from leeward.engine.ports import Clock


@dataclass
class MemoryQueue:
    """Hints of this process. `changed` is notified whenever one arrives."""

    clock: Clock
    changed: Condition = field(default_factory=Condition)
    _heap: list[tuple[float, int, Hint]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        """See `Dispatcher.send`."""
        due = self.clock.now() + delay_seconds
        with self.changed:
            for hint in hints:
                heapq.heappush(self._heap, (due, next(self._numbers), hint))
            self.changed.notify_all()

    def backlog_seconds(self) -> float:
        """See `Dispatcher.backlog_seconds`."""
        due = self.next_due()
        return 0.0 if due is None else max(0.0, self.clock.now() - due)

    def reach_seconds(self) -> float:
        """See `Dispatcher.reach_seconds`: any."""
        return math.inf

    def next_due(self) -> float | None:
        """When the first hint is due, or None if there is none."""
        with self.changed:
            return self._heap[0][0] if self._heap else None

    def take(self) -> list[Hint]:
        """Take every hint that is due."""
        now, found = self.clock.now(), []
        with self.changed:
            while self._heap and self._heap[0][0] <= now:
                found.append(heapq.heappop(self._heap)[2])
        return found
