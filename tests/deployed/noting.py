"""What contenders of a race do, counted: bodies started, writes won and refused, lines about runs.

The store that counts is the real one. Beside it stand naive ones, which show that the races can be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from leeward.aws.run_store import DynamoRunStore
from leeward.core.dag import Json
from leeward.core.facts import Outcome
from leeward.core.run import Item, RunInfo, RunRef
from leeward.core.states import TaskState
from leeward.core.view import Layout
from leeward.engine.ports import Write, Written
from leeward.local.bodies import ScriptedBodies
from leeward.operators.base import Attempt


@dataclass
class Notes:
    """Counts by what they are about: `started` by (run, task, try), `won` by (run, what, its new state), `told` by line."""

    started: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    won: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    told: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    writes_won: int = 0
    writes_refused: int = 0

    def __add__(self, other: Notes) -> Notes:
        return Notes(
            self.started + other.started,
            self.won + other.won,
            self.told + other.told,
            self.writes_won + other.writes_won,
            self.writes_refused + other.writes_refused,
        )

    def hear(self, line: Mapping[str, Json]) -> None:
        """A line of the event log: those about a run as a whole are counted by (run, its new state, epoch)."""
        if "task_id" not in line:
            self.told[str(line["run_id"]), str(line["to"]), int(str(line["epoch"]))] += 1


@dataclass
class NotingBodies(ScriptedBodies):
    """Bodies that do nothing but note their start."""

    notes: Notes = field(default_factory=Notes)

    def start(self, attempt: Attempt) -> Outcome:
        self.notes.started[attempt.run.ref.run_id, attempt.task.task_id, attempt.try_number] += 1
        return super().start(attempt)


@dataclass(frozen=True)
class NotingStore(DynamoRunStore):
    """The store of run state on DynamoDB."""

    notes: Notes
    seen: dict[int, Item] = field(default_factory=dict)

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        won = super().create(info, item, layout)
        self._note(won, [(info.ref.run_id, "run", "created")])
        return won

    def write(self, ref: RunRef, write: Write) -> Written:
        written = self.written(ref, write)
        self._note(written.won, _about(ref, write))
        return written

    def written(self, ref: RunRef, write: Write) -> Written:
        return super().write(ref, write)

    def _note(self, won: bool, about: Iterable[tuple[str, str, str]]) -> None:
        if won:
            self.notes.won.update(about)
            self.notes.writes_won += 1
        else:
            self.notes.writes_refused += 1


def _about(ref: RunRef, write: Write) -> Iterator[tuple[str, str, str]]:
    for index, entry in write.put.items():
        yield ref.run_id, f"task {index}", entry.state.value
    if write.put_header is not None:
        yield ref.run_id, "run", write.put_header.state.value


class BlindStore(NotingStore):
    """Naive: writes on no condition."""

    def written(self, ref: RunRef, write: Write) -> Written:
        return super().written(ref, replace(write, expect={}, epoch=None, expect_header=None))


class HastyStore(BlindStore):
    """Naive: looks whether the condition holds, and then writes on none."""

    def written(self, ref: RunRef, write: Write) -> Written:
        item = self.read(ref, (write.shard,))[write.shard]
        if any(item.entry(index) != entry for index, entry in write.expect.items()):
            return Written(False, item)
        return super().written(ref, write)


class EarlyStore(NotingStore):
    """Naive: looks before the record. What is read is what stood there when the last try was claimed."""

    def read(self, ref: RunRef, shards: Iterable[int]) -> Mapping[int, Item]:
        return {shard: self.seen.get(shard, item) for shard, item in super().read(ref, shards).items()}

    def written(self, ref: RunRef, write: Write) -> Written:
        written = super().written(ref, write)
        if any(entry.state is TaskState.RUNNING for entry in write.put.values()):
            self.seen.update(super().read(ref, (0, 1)))
        return written
