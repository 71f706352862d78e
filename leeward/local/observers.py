"""Twins of what watches a run: metrics, and the event log in memory or as JSON lines in a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TextIO

from leeward.core.dag import Json


@dataclass
class MemoryMetrics:
    """Counts and durations by name, dimensions joined as `name{key=value}`."""

    counts: Counter[str] = field(default_factory=Counter)
    timings: dict[str, list[float]] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, name: str, **dimensions: str) -> None:
        """See `Metrics.count`."""
        with self._lock:
            self.counts[_series(name, dimensions)] += 1

    def gauge(self, name: str, value: float, **dimensions: str) -> None:
        """See `Metrics.gauge`."""
        with self._lock:
            self.gauges[_series(name, dimensions)] = value

    def timing(self, name: str, seconds: float, **dimensions: str) -> None:
        """See `Metrics.timing`."""
        with self._lock:
            self.timings.setdefault(_series(name, dimensions), []).append(seconds)


def _series(name: str, dimensions: Mapping[str, str]) -> str:
    inside = ",".join(f"{key}={value}" for key, value in sorted(dimensions.items()))
    return f"{name}{{{inside}}}"


@dataclass
class MemoryEventLog:
    """The lines of this process, in order. `listener` is told of each; `file` gets each as a line of JSON."""

    listener: Callable[[Mapping[str, Json]], None] | None = None
    file: TextIO | None = None
    lines: list[Mapping[str, Json]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def append(self, events: Sequence[Mapping[str, Json]]) -> None:
        """See `EventLog.append`."""
        with self._lock:
            for event in events:
                self.lines.append(event)
                if self.file is not None:
                    self.file.write(json.dumps(event) + "\n")
                if self.listener is not None:
                    self.listener(event)
