"""How long a step between services takes: distributions made of published percentiles, or of assumed ones.

The logarithm of a latency is taken as piecewise linear in the normal score, through the percentiles that are known; beyond
the outermost ones it goes on along the last line. Two percentiles make a log-normal distribution. Draws are seeded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any, Final

PUBLISHED: Final[Mapping[str, Any]] = json.loads((Path(__file__).parent / "published.json").read_text())
ASSUMED: Final[Mapping[str, Mapping[str, float]]] = {
    "sync_invoke": {"p50": 15.0, "p99": 60.0},
    "api_call": {"p50": 10.0, "p99": 50.0},
    "s3_object": {"p50": 30.0, "p99": 150.0},
}
"""Milliseconds that nobody published: calling a warm function and having its answer back, beside its own time; acceptance of
a message or of an asynchronous invocation; an object of some KB in S3 (AWS: "tens of milliseconds" at the median)."""


@dataclass
class Hops:
    """Draws latencies, in seconds."""

    seed: int
    _random: Random = field(init=False)
    _knots: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - a model repeats on purpose

    def draw(self, hop: str) -> float:
        """One latency of a kind."""
        if hop not in self._knots:
            self._knots[hop] = knots(percentiles(hop))
        return latency(self._knots[hop], self._random.gauss(0.0, 1.0)) / 1000


def percentiles(hop: str) -> Mapping[str, float]:
    """What is known of a hop, in milliseconds."""
    found: Mapping[str, float] = ASSUMED[hop] if hop in ASSUMED else PUBLISHED["hops_ms"][hop]
    return found


def knots(known: Mapping[str, float]) -> list[tuple[float, float]]:
    """Normal scores and logarithms of the percentiles."""
    names = sorted((name for name in known if name[0] == "p"), key=lambda name: int(name[1:]))
    return [(NormalDist().inv_cdf(int(name[1:]) / 100), log(known[name])) for name in names]


def latency(points: list[tuple[float, float]], score: float) -> float:
    """The latency, in milliseconds, at a normal score."""
    number = sum(score > x for x, _ in points[1:-1])
    (x0, y0), (x1, y1) = points[number : number + 2]
    return exp(y0 + (score - x0) * (y1 - y0) / (x1 - x0))
