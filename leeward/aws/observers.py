"""Metrics and the event log as lines of JSON on a stream: CloudWatch Logs reads them, and costs no request.

A metric is a line in CloudWatch's embedded metric format. Its only dimension is `dag_id`: every combination of dimensions is
a metric of its own, and paid for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from leeward.core.dag import Json
from leeward.engine.ports import Clock


@dataclass(frozen=True, slots=True)
class EmfMetrics:
    """Implements `leeward.engine.ports.Metrics`."""

    stream: TextIO
    clock: Clock
    namespace: str

    def count(self, name: str, **dimensions: str) -> None:
        """See `Metrics.count`."""
        self._write(name, 1, "Count", dimensions)

    def timing(self, name: str, seconds: float, **dimensions: str) -> None:
        """See `Metrics.timing`."""
        self._write(name, seconds, "Seconds", dimensions)

    def gauge(self, name: str, value: float, **dimensions: str) -> None:
        """See `Metrics.gauge`."""
        self._write(name, value, "None", dimensions)

    def _write(self, name: str, value: float, unit: str, dimensions: Mapping[str, str]) -> None:
        definition = {
            "Namespace": self.namespace,
            "Dimensions": [sorted(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit}],
        }
        line: dict[str, Any] = {
            "_aws": {"Timestamp": round(self.clock.now() * 1000), "CloudWatchMetrics": [definition]},
            **dimensions,
            name: value,
        }
        self.stream.write(json.dumps(line) + "\n")


@dataclass(frozen=True, slots=True)
class StreamEventLog:
    """Implements `leeward.engine.ports.EventLog`. Lines are marked with `leeward: event` to be found among others."""

    stream: TextIO

    def append(self, events: Sequence[Mapping[str, Json]]) -> None:
        """See `EventLog.append`."""
        for event in events:
            self.stream.write(json.dumps({"leeward": "event", **event}) + "\n")
