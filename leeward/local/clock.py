"""Twins of time and chance."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from random import Random


class SystemClock:
    """The computer's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


@dataclass
class VirtualClock:
    """Time that only moves when it is told to: a wait of a day costs nothing."""

    time: float = 0.0

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.time

    def advance_to(self, moment: float) -> None:
        """Move to a moment; time never goes back."""
        self.time = max(self.time, moment)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH = 6


class RandomIds:
    """Tokens of six base-36 digits, 31 random bits: two executions of one try don't draw the same."""

    def token(self) -> str:
        """A new token."""
        return "".join(secrets.choice(_DIGITS) for _ in range(TOKEN_LENGTH))


@dataclass
class SeededIds:
    """Tokens that repeat with the seed, for tests and simulation."""

    seed: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def token(self) -> str:
        """A new token."""
        return "".join(self._random.choice(_DIGITS) for _ in range(TOKEN_LENGTH))
