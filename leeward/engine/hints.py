"""The messages of the engine. A hint says where to look, never what is true.

Losing, doubling or reordering hints costs time and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leeward.core.run import Entry, RunInfo


@dataclass(frozen=True, slots=True)
class Execute:
    """A try was queued: claim it and run it. `queued` is the entry as it was written then."""

    info: RunInfo
    index: int
    queued: Entry


@dataclass(frozen=True, slots=True)
class Poll:
    """A deferred try's job may have ended: claim poll number `poll` and look.

    `due` is when the poll is due (seconds since the epoch), `seconds` the interval that led there.
    """

    info: RunInfo
    index: int
    try_number: int
    poll: int
    due: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """Something may be due: a retry of one of these tasks, or, without tasks, anything in the run."""

    info: RunInfo
    touched: tuple[int, ...] = ()


Hint: TypeAlias = Execute | Poll | Look
