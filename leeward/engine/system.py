"""Time and chance as the computer has them: the same here and on AWS."""

from __future__ import annotations

import secrets
import time
from typing import Final

DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH: Final = 6
SECRET_LENGTH: Final = 20


class SystemClock:
    """The computer's time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


class RandomIds:
    """Tokens of six base-36 digits, 31 random bits; secrets of twenty, 103 bits. Stored with every running try: short."""

    def token(self) -> str:
        """See `Ids.token`."""
        return _draw(TOKEN_LENGTH)

    def secret(self) -> str:
        """See `Ids.secret`."""
        return _draw(SECRET_LENGTH)


def _draw(length: int) -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(length))
