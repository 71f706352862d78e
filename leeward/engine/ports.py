"""The seams of the engine: what it needs from the outside, each with a twin in `leeward.local` and an adapter on AWS.

Writes are conditional and say whether they won; the image that a write returns, won or lost, is what the next decision
reads. Every method may raise for an outage: then the message that caused the call comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from leeward.core.dag import Dag, Json
from leeward.core.facts import Outcome
from leeward.core.run import Entry, Header, Item, RunInfo, RunRef
from leeward.core.view import Layout
from leeward.engine.hints import Hint
from leeward.operators.base import Attempt

HEADER: Final = -1
"""The number of the item that holds only the header, in a run of several items."""


def header_item(layout: Layout) -> int:
    """Where a run's header lies."""
    return 0 if layout.single else HEADER


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of one item of a run.

    It wins iff the item's entries equal `expect`, its epoch equals `epoch` (None = any), and its header equals
    `expect_header` (None = any). Then `put`, `new_epoch`, `put_header`, and the sweeper's stamp are stored.
    """

    shard: int
    expect: Mapping[int, Entry] = field(default_factory=dict)
    put: Mapping[int, Entry] = field(default_factory=dict)
    epoch: int | None = None
    new_epoch: int | None = None
    expect_header: Header | None = None
    put_header: Header | None = None
    resent: float | None = None
    resends: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: `item` is the item after it if it won, else as it stood when the write was refused."""

    won: bool
    item: Item


class RunStore(Protocol):
    """State of runs. Reads are consistent."""

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        """Store the item with a new run's header; False if the run exists."""

    def read(self, ref: RunRef, shards: Iterable[int]) -> Mapping[int, Item]:
        """Those items (HEADER among them if asked for); one that was never written is an empty Item."""

    def write(self, ref: RunRef, write: Write) -> Written:
        """Write one item, atomically, on its conditions."""

    def active(self) -> Sequence[RunInfo]:
        """The runs that have not ended or still owe something."""


class AttemptStore(Protocol):
    """What is known of single tries beside their state; written only when there is something to say."""

    def put_job(self, ref: RunRef, index: int, try_number: int, job: Json) -> None:
        """Keep the job that a try waits for."""

    def job(self, ref: RunRef, index: int, try_number: int) -> Json:
        """The job of a try, or None."""

    def put_error(self, ref: RunRef, index: int, try_number: int, error: str) -> None:
        """Keep why a try failed."""

    def error(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """Why a try failed, or None."""


class XComStore(Protocol):
    """XComs of all runs. A value belongs to the try that pushed it; an older try never overwrites a newer one's."""

    def push(self, ref: RunRef, task_id: str, map_index: int, try_number: int, values: Mapping[str, Json]) -> None:
        """Store a try's values."""

    def clear(self, ref: RunRef, task_id: str, map_index: int, before_try: int) -> None:
        """Forget what tries before that one pushed."""

    def pull(self, ref: RunRef, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """Whether there is such a value, and the value."""


class SpecStore(Protocol):
    """Compiled DAGs by version (a content hash), and which version of each DAG is live."""

    def put(self, version: str, dag: Dag) -> None:
        """Store a version; storing it again changes nothing."""

    def get(self, version: str) -> Dag:
        """The DAG of a version. Raises KeyError."""

    def make_live(self, dag_id: str, version: str) -> None:
        """Make a stored version the live one."""

    def live(self, dag_id: str) -> str | None:
        """The live version of a DAG."""


class Rules(Protocol):
    """The rules that make a DAG's runs start."""

    def apply(self, dag_id: str, schedule: Json) -> None:
        """Make the rules of a DAG those of this normalised schedule, and no others; None = no rule at all."""


class Dispatcher(Protocol):
    """Sends hints to executors and advancers, at least once, in no order."""

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        """Send hints, to arrive after the delay or later."""


class Bodies(Protocol):
    """Runs the bodies of tasks."""

    def start(self, attempt: Attempt) -> Outcome:
        """Run a try's body, or start its job."""

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """Look at the job of a deferred try."""


class Clock(Protocol):
    """The time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""


class Ids(Protocol):
    """Chance."""

    def token(self) -> str:
        """A new random token: two executions never draw the same."""


class Metrics(Protocol):
    """Counters and timers, by Airflow's metric names."""

    def count(self, name: str, **dimensions: str) -> None:
        """Add one."""

    def timing(self, name: str, seconds: float, **dimensions: str) -> None:
        """Note a duration."""


class EventLog(Protocol):
    """The log of state changes: one plain mapping a change (see `leeward.engine.events`)."""

    def append(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Append lines, in order."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, as one value."""

    runs: RunStore
    attempts: AttemptStore
    xcoms: XComStore
    specs: SpecStore
    rules: Rules
    dispatch: Dispatcher
    bodies: Bodies
    clock: Clock
    ids: Ids
    metrics: Metrics
    log: EventLog
