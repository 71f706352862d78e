"""The messages of the engine. A hint says where to look, never what is true.

Losing, doubling or reordering hints costs time and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leeward.core.dag import Json
from leeward.core.run import Entry, RunInfo


@dataclass(frozen=True, slots=True)
class Execute:
    """A try was queued: claim it and run it. `queued` is the entry as it was written then.

    `others` are tries of the same item that were queued with it, each with its entry: instances of a mapped task.
    """

    info: RunInfo
    index: int
    queued: Entry
    others: tuple[tuple[int, Entry], ...] = ()

    @property
    def tries(self) -> dict[int, Entry]:
        """All that is to be claimed, by address."""
        return {self.index: self.queued, **dict(self.others)}

    def apart(self, size: int = 1) -> list[Execute]:
        """A hint for each try, or for so many of them."""
        tries = [*self.tries.items()]
        parts = [tries[first : first + size] for first in range(0, len(tries), size)]
        return [Execute(self.info, *part[0], tuple(part[1:])) for part in parts]


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


@dataclass(frozen=True, slots=True)
class Result:
    """A body that was handed over has ended. It comes from where user code runs: only `owner`, the try's token, is proof.

    `result` is plain JSON (see `leeward.operators.answers`).
    """

    dag_id: str
    run_id: str
    index: int
    try_number: int
    owner: str
    result: Json


@dataclass(frozen=True, slots=True)
class Tick:
    """A rule of a DAG has fired: runs of it may be due."""

    dag_id: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """A minute has passed: find what a crash or a lost message left owed."""


Hint: TypeAlias = Execute | Poll | Look
Message: TypeAlias = Hint | Result | Tick | Sweep
"""What a handler may be woken by: hints of the engine's own, results from outside, and time."""
