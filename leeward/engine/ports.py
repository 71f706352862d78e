"""The seams of the engine: what it needs from the outside, each with a twin in `leeward.local` and an adapter on AWS.

Writes are conditional and say whether they won; the image that a write returns, won or lost, is what the next decision
reads. Every method may raise for an outage: then the message that caused the call comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from leeward.core.dag import Callback, CallbackEvent, Dag, Json, Task
from leeward.core.facts import Outcome
from leeward.core.gates import Gate, GateWrite, Taken
from leeward.core.run import Entry, Header, Item, RunInfo, RunRef
from leeward.core.view import Layout
from leeward.engine.hints import Hint
from leeward.operators.base import Attempt
from leeward.spec.rules import Rule

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

    def announce(self, info: RunInfo) -> RunInfo:
        """Store what a run is about, once; what is stored, which is an earlier caller's if there was one."""

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        """Store the item with the header of a run that was announced; False if the run exists."""

    def read(self, ref: RunRef, shards: Iterable[int]) -> Mapping[int, Item]:
        """Those items (HEADER among them if asked for); one that was never written is an empty Item."""

    def read_runs(self, wanted: Mapping[RunRef, Iterable[int]]) -> Mapping[RunRef, Mapping[int, Item]]:
        """The same of several runs, in as few requests as can be."""

    def write(self, ref: RunRef, write: Write) -> Written:
        """Write one item, atomically, on its conditions."""

    def active(self) -> Sequence[RunInfo]:
        """The runs that have not ended or still owe something."""

    def info(self, dag_id: str, run_id: str) -> RunInfo | None:
        """What a run is about, or None if there is no such run."""

    def named(self, key: str) -> RunInfo | None:
        """The same by the key of the run's ref."""

    def recent(self, dag_id: str, limit: int) -> Sequence[RunInfo]:
        """The runs of a DAG that were created last, the newest first."""

    def lag_seconds(self) -> float:
        """For how long a run that was created may be missing in `recent` and `near`."""

    def near(self, info: RunInfo, limit: int) -> Sequence[RunInfo]:
        """The other runs of its DAG that were created next to a run, so many at most before it and so many after it."""


class Gates(Protocol):
    """The gates of limits on task instances (see `leeward.core.gates`)."""

    def read(self, gates: Iterable[Gate]) -> Mapping[Gate, Taken]:
        """What is stored of each, read consistently; nothing taken where nothing is stored."""

    def write(self, writes: Sequence[GateWrite]) -> Mapping[Gate, Taken] | None:
        """Make these writes of different gates if the conditions of all hold, else none of them.

        What is stored after them, or None if a condition did not hold, or somebody else wrote at the same time.
        """


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

    def put_instance_name(self, ref: RunRef, index: int, try_number: int, name: str) -> None:
        """Keep what `map_index_template` made of a mapped instance."""

    def instance_name(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """The name of a mapped instance, or None."""


class XComStore(Protocol):
    """XComs of all runs. A value belongs to the try that pushed it; an older try never overwrites a newer one's."""

    def push(self, ref: RunRef, task_id: str, map_index: int, try_number: int, values: Mapping[str, Json]) -> None:
        """Store a try's values."""

    def clear(self, ref: RunRef, task_id: str, map_index: int, before_try: int) -> None:
        """Forget what tries before that one pushed."""

    def pull(self, ref: RunRef, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """Whether there is such a value, and the value."""

    def pull_all(self, ref: RunRef, task_id: str, key: str) -> Mapping[int, Json]:
        """All values that a task, or the instances of a mapped one, pushed under a key, by map index, in its order."""


@dataclass(frozen=True, slots=True)
class Live:
    """A DAG as it is live: its version, and how far its schedule has come.

    `source` is the path of the spec that defines it. `last` is the scheduled run that was created last (logical date and
    data interval, ISO 8601), `plan` the next one, `due` when that is due (seconds since the epoch; None = never). A run is
    planned before it is created, so that all who look at once create the same one. `turn` is that of the drop that made it
    live.
    """

    dag_id: str
    version: str
    source: str = ""
    paused: bool = False
    last: tuple[str, str, str] | None = None
    due: float | None = None
    turn: int = 0
    plan: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """What was made of a dropped spec. `seen` stands for everything that it was made from; `at` is when.

    `dags` are the ids of the DAGs that are live because of it; with `errors`, they are those of its last good version.
    `turn` counts the compilers that took the file up. While one is at it, `seen` says so, and `at` is when it began.
    """

    path: str
    seen: str
    at: float
    dags: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    turn: int = 0


class SpecStore(Protocol):
    """Compiled DAGs by version (a content hash), and which version of each DAG is live."""

    def put(self, version: str, dag: Dag) -> None:
        """Store a version; storing it again changes nothing."""

    def get(self, version: str) -> Dag:
        """The DAG of a version. Raises KeyError."""

    def live(self, dag_id: str) -> Live | None:
        """The DAG as it is live now."""

    def all_live(self) -> Sequence[Live]:
        """Every DAG that is live, by id."""

    def put_live(self, live: Live, expect: Live | None) -> bool:
        """Make this the live one if `expect` is (None = none was); whether that held."""

    def retire(self, expect: Live) -> bool:
        """Take a DAG away if this is what is live; whether that held. Its versions stay for runs that are pinned to them."""


class Rules(Protocol):
    """The rules, and schedules, that tick for a DAG."""

    def apply(self, dag_id: str, rules: Sequence[Rule]) -> None:
        """Make the rules of a DAG these, and no others."""


class Bucket(Protocol):
    """The files that were dropped, as they are now. Paths are relative to the prefix that is watched."""

    def files(self) -> Mapping[str, str]:
        """The tag of every file by its path; equal tags mean equal content."""

    def read(self, path: str) -> bytes | None:
        """A file's content, or None if it is gone."""


class DropStore(Protocol):
    """What was last made of each dropped spec."""

    def all(self) -> Mapping[str, Drop]:
        """Every record by path. Read consistently."""

    def put(self, drop: Drop, expect: Drop | None) -> bool:
        """Store a record if `expect` is what is stored (None = nothing); whether that held."""

    def remove(self, expect: Drop) -> bool:
        """Take a record away if it is this one; whether that held."""


class BundleStore(Protocol):
    """Modules beside specs, as zip archives named by their content."""

    def put(self, bundle: str, archive: bytes) -> None:
        """Store an archive; storing it again changes nothing."""

    def get(self, bundle: str) -> bytes:
        """An archive. Raises KeyError."""


class Dispatcher(Protocol):
    """Sends hints to executors and advancers, at least once, in no order."""

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        """Send hints, to arrive after the delay or later."""

    def backlog_seconds(self) -> float:
        """How long the oldest try has waited for an executor."""

    def reach_seconds(self) -> float:
        """The longest delay with which a hint can be sent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the body of a task may take.

    `needs_seconds` is what it needs of the invocation that starts it, at most. `outlives_seconds` is how long it may go on
    after its start where it may outlive that invocation; None = it ends with it.
    """

    needs_seconds: float
    outlives_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Callbacks to call.

    `error` is why the try failed; `reason`, if they are the run's, is Airflow's word for its end. A deadline's callback gets
    nothing but `context`, and is awaited if it is asynchronous.
    """

    event: CallbackEvent | Literal["deadline"]
    callbacks: tuple[Callback, ...]
    error: str | None = None
    reason: str | None = None
    context: Mapping[str, Json] | None = None
    awaited: bool = False


class Bodies(Protocol):
    """Runs the bodies of tasks."""

    def plan(self, task: Task) -> Plan:
        """How long a try of the task may take."""

    def start(self, attempt: Attempt) -> Outcome:
        """Run a try's body, or start its job. Raises HandedOver if the body goes on elsewhere."""

    def start_all(self, attempts: Sequence[Attempt]) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
        """Start several at the same time; those that end together come together. What is handed over does not come."""

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        """The outcome of a try whose body was handed over and has come to this result."""

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """Look at the job of a deferred try."""

    def call(self, attempt: Attempt, call: Call) -> None:
        """Call callbacks with the context of a try, or see to it that they will be. What they do changes nothing."""


class Clock(Protocol):
    """The time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""


class Ids(Protocol):
    """Chance."""

    def token(self) -> str:
        """A new random token: two executions never draw the same."""

    def secret(self) -> str:
        """A token that can't be guessed, for a try whose result comes as a message."""


class Metrics(Protocol):
    """Counters and timers, by Airflow's metric names."""

    def count(self, name: str, **dimensions: str) -> None:
        """Add one."""

    def timing(self, name: str, seconds: float, **dimensions: str) -> None:
        """Note a duration."""

    def gauge(self, name: str, value: float, **dimensions: str) -> None:
        """Note how much there is of something."""


class EventLog(Protocol):
    """The log of state changes: one plain mapping a change (see `leeward.engine.events`)."""

    def append(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Append lines, in order."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, as one value. `pools` holds the slots of every pool by name."""

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
    gates: Gates
    pools: Mapping[str, int] = field(default_factory=dict)
