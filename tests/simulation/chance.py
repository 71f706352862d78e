"""Where a simulated world's choices come from: a seed, or an explorer that takes every branch in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol


class Chance(Protocol):
    """Answers every question that a world leaves open. `struck` counts the faults by name."""

    struck: dict[str, int]

    def pick(self, many: int) -> int:
        """One of so many possibilities."""

    def happens(self, fault: str) -> bool:
        """Whether a fault strikes here and now."""

    def lasts(self) -> float:
        """How long a function stays frozen, in seconds."""

    @property
    def gentle(self) -> bool:
        """Whether only gentle faults have struck."""


FAULTS = ("kill", "late_kill", "throttle", "time_out", "resend", "freeze", "duplicate", "lose", "drop_tick")
"""kill: before a call; late_kill: after it took effect; time_out: took effect, no answer; resend: sent twice by the SDK."""

GENTLE = ("resend", "duplicate")
"""Faults that may cost nothing, not even a minute: no try is lost, no sweep has to help."""


@dataclass
class Seeded:
    """Everything from one seed. Each seed has its own weather: which faults there are, how often, and for how long.

    After `calm` questions no fault strikes any more: then whatever is owed must be delivered.
    """

    seed: int
    rates: Mapping[str, float] = field(default_factory=dict)
    calm: int = 0
    asked: int = 0
    struck: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        if not self.rates:
            kinds = GENTLE if self.random.random() < 0.25 else FAULTS
            chosen = [fault for fault in kinds if self.random.random() < 0.5]
            self.rates = {fault: self.random.choice([0.01, 0.04, 0.12]) for fault in chosen}
        self.calm = self.calm or self.random.choice([60, 300, 1500])

    def pick(self, many: int) -> int:
        return self.random.randrange(many)

    def happens(self, fault: str) -> bool:
        self.asked += 1
        if self.asked > self.calm or self.random.random() >= self.rates.get(fault, 0.0):
            return False
        self.struck[fault] = self.struck.get(fault, 0) + 1
        return True

    def lasts(self) -> float:
        return self.random.choice((5.0, 100.0, 1000.0, 5000.0)) * self.random.uniform(0.5, 1.5)

    @property
    def gentle(self) -> bool:
        return self.struck.keys() <= set(GENTLE)
