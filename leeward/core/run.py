"""One DAG run as stored: its header, the entries of its task instances, and what one item of it looks like.

The values here are what conditional writes compare and what `decide` reads; they know no storage format. Times are
seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

from leeward.core.dag import Json
from leeward.core.states import RunState, TaskState

ENDS: Final = (
    TaskState.SUCCESS,
    TaskState.FAILED,
    TaskState.UPSTREAM_FAILED,
    TaskState.SKIPPED,
    TaskState.REMOVED,
)
"""The states that instances end in, in the order in which they are counted."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an entry says of the instances of a mapped task, or of one block of them: `length` is how many there are.

    `counts` says how many ended in each state of `ENDS`, `firsts` in which pass of Airflow's scheduler the first one did.
    While instances are unfinished the counts are only what has been noted so far, never too much. `pushed` counts those that
    pushed a return value.
    """

    length: int
    counts: tuple[int, ...] = (0, 0, 0, 0, 0)
    firsts: tuple[int, ...] = (0, 0, 0, 0, 0)
    pushed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One task instance, or a mapped task as a whole, or the summary of a block of its instances.

    `try_number` is that of the last try scheduled, 0 = never, and only grows. `base` is the try number at the last
    clear, so that `retries` counts from there. `owner` is the random token of the execution that claimed the try.
    `until` is when a running try's lease ends, when a retry is due, or when a deferred job is polled next; `polls`
    counts the polls claimed. `beat` is the pass of Airflow's scheduler in which this try, or this state, would have been
    due if every try took one pass (see `decide`). `skip` holds the addresses that a finished branch asked to be skipped.
    `owes` says that the end of the try has callbacks which nobody is known to have called yet, `halts` that it was a failure
    which has still to stop the others (`fail_fast`).

    `pushed` is the length of what the task pushed to be mapped over; of a mapped instance, 1 if it pushed anything. `mapped`
    is there once a mapped task has been expanded, and `width` is the most instances that it ever had (of a summary: how many
    blocks its task has).
    """

    state: TaskState = TaskState.NONE
    try_number: int = 0
    base: int = 0
    owner: str = ""
    start: float | None = None
    end: float | None = None
    until: float | None = None
    polls: int = 0
    beat: int = 0
    skip: frozenset[int] = frozenset()
    owes: bool = False
    halts: bool = False
    pushed: int | None = None
    mapped: Mapped | None = None
    width: int = 0


UNTOUCHED: Final = Entry()
"""The entry of a task instance of which nothing is stored."""


class RunType(StrEnum):
    """What made a run, in Airflow's words; the run id starts with it."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"
    OPERATOR_TRIGGERED = "operator_triggered"
    ASSET_TRIGGERED = "asset_triggered"


@dataclass(frozen=True, slots=True)
class RunRef:
    """Names one run: all that a message needs to find it and the version of the DAG that it is pinned to."""

    dag_id: str
    run_id: str
    version: str

    @property
    def key(self) -> str:
        """Sixteen characters that stand for the run in keys: the same for the same DAG id and run id."""
        return sha256(f"{self.dag_id}\0{self.run_id}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run is about; it never changes. Dates are ISO 8601 with offset; null = the run has no such date.

    `created` is when the run was created, in seconds since the epoch.
    """

    ref: RunRef
    run_type: RunType
    logical_date: str | None
    data_interval_start: str | None
    data_interval_end: str | None
    run_after: str
    created: float = 0.0
    conf: Mapping[str, Json] = field(default_factory=dict)


class IntentKind(StrEnum):
    """The verbs that touch several items of a run."""

    CLEAR = "clear"
    STOP = "stop"
    MARK = "mark"
    FAIL_FAST = "fail_fast"
    """No person's verb: what a final failure does to the rest of a run with `fail_fast`."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A verb that was accepted and is being rolled over the items of a run. `tasks` are addresses of tasks or instances.

    `state` is what MARK sets, and the state that STOP ends the run with; `since` is when the intent was stored. `reason` is
    why a run is stopped, where that is not a person's wish. FAIL_FAST spares its `tasks` and stops all others.
    """

    intent_id: str
    kind: IntentKind
    tasks: frozenset[int]
    since: float
    state: RunState | TaskState | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who calls what a run owes, by a random token, and since when: for a while nobody else does."""

    token: str
    since: float


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a run that is about the whole of it. `owed` names what it still has to deliver, `payer` who is at it.

    `deadlines` are those that may still be missed: the place of each among the DAG's, and when it is. `reason` is Airflow's
    word for the end of the run where it does not follow from the state.
    """

    state: RunState = RunState.RUNNING
    start: float | None = None
    end: float | None = None
    intent: Intent | None = None
    owed: frozenset[str] = frozenset()
    active: bool = True
    deadlines: tuple[tuple[int, float], ...] = ()
    payer: Payer | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One stored item of a run: some entries, the epoch that they share, and in one of them the header.

    `resent` and `resends` are the sweeper's: when it last re-sent hints of this item, and how often.
    """

    epoch: int = 0
    entries: Mapping[int, Entry] = field(default_factory=dict)
    header: Header | None = None
    resent: float | None = None
    resends: int = 0

    def entry(self, index: int) -> Entry:
        """The entry of a task in this item, untouched ones included."""
        return self.entries.get(index, UNTOUCHED)

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever written to it: a block of instances is not there before its first write."""
        return not self.epoch and not self.entries and self.header is None
