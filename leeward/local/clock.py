"""Twins of time and chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from leeward.engine.system import DIGITS, TOKEN_LENGTH


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


@dataclass
class SeededIds:
    """Tokens that repeat with the seed, for tests and simulation."""

    seed: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def token(self) -> str:
        """See `Ids.token`."""
        return "".join(self._random.choice(DIGITS) for _ in range(TOKEN_LENGTH))

    def secret(self) -> str:
        """See `Ids.secret`."""
        return self.token() + self.token()
