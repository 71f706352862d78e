"""Twins of the run-state ports, in memory: conditional writes with the semantics of DynamoDB's UpdateItem.

A write compares whole entries, the epoch and the header, takes effect or not as one, and returns the image either way.
Every item that it stores is checked against the named invariants.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from leeward.core.dag import Dag, Json
from leeward.core.errors import EngineError
from leeward.core.invariants import violations
from leeward.core.run import UNTOUCHED, Header, Item, RunInfo, RunRef
from leeward.core.view import Layout
from leeward.engine.ports import SpecStore, Write, Written, header_item


@dataclass
class MemoryRunStore:
    """Runs of this process. `specs` is where the invariants find the DAG of a run."""

    specs: SpecStore
    _items: dict[tuple[RunRef, int], Item] = field(default_factory=dict)
    _infos: dict[tuple[str, str], RunInfo] = field(default_factory=dict)
    _active: set[RunRef] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def announce(self, info: RunInfo) -> RunInfo:
        """See `RunStore.announce`."""
        with self._lock:
            return self._infos.setdefault((info.ref.dag_id, info.ref.run_id), info)

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        """See `RunStore.create`."""
        key = (info.ref, header_item(layout))
        with self._lock:
            if key in self._items:
                return False
            self._items[key] = item
            self._index(info.ref, item.header)
            return True

    def read(self, ref: RunRef, shards: Iterable[int]) -> Mapping[int, Item]:
        """See `RunStore.read`."""
        with self._lock:
            return {shard: self._items.get((ref, shard), Item()) for shard in shards}

    def read_runs(self, wanted: Mapping[RunRef, Iterable[int]]) -> Mapping[RunRef, Mapping[int, Item]]:
        """See `RunStore.read_runs`."""
        return {ref: self.read(ref, shards) for ref, shards in wanted.items()}

    def write(self, ref: RunRef, write: Write) -> Written:
        """See `RunStore.write`. Raises EngineError if the stored step breaks an invariant."""
        with self._lock:
            before = self._items.get((ref, write.shard), Item())
            if not _holds(before, write):
                return Written(False, before)
            after = _applied(before, write)
            _check(self.specs.get(ref.version), before, after)
            self._items[ref, write.shard] = after
            self._index(ref, after.header)
            return Written(True, after)

    def active(self) -> Sequence[RunInfo]:
        """See `RunStore.active`."""
        with self._lock:
            return tuple(self._infos[key] for key in sorted((ref.dag_id, ref.run_id) for ref in self._active))

    def info(self, dag_id: str, run_id: str) -> RunInfo | None:
        """See `RunStore.info`."""
        with self._lock:
            return self._infos.get((dag_id, run_id))

    def named(self, key: str) -> RunInfo | None:
        """See `RunStore.named`."""
        with self._lock:
            return next((info for info in self._infos.values() if info.ref.key == key), None)

    def recent(self, dag_id: str, limit: int) -> Sequence[RunInfo]:
        """See `RunStore.recent`."""
        with self._lock:
            found = [info for info in self._infos.values() if info.ref.dag_id == dag_id]
        return sorted(found, key=lambda info: (info.created, info.ref.run_id), reverse=True)[:limit]

    def lag_seconds(self) -> float:
        """See `RunStore.lag_seconds`."""
        return 0.0

    def near(self, info: RunInfo, limit: int) -> Sequence[RunInfo]:
        """See `RunStore.near`."""
        with self._lock:
            others = [one for one in self._infos.values() if one.ref.dag_id == info.ref.dag_id and one.ref != info.ref]
        others.sort(key=lambda one: one.created)
        before = [one for one in others if one.created <= info.created]
        after = [one for one in others if one.created > info.created]
        return (*before[-limit:], *after[:limit])

    def _index(self, ref: RunRef, header: Header | None) -> None:
        if header is None:
            return
        if header.active:
            self._active.add(ref)
        else:
            self._active.discard(ref)


def _holds(item: Item, write: Write) -> bool:
    return (
        (write.epoch is None or write.epoch == item.epoch)
        and (write.expect_header is None or write.expect_header == item.header)
        and all(item.entry(index) == entry for index, entry in write.expect.items())
    )


def _applied(item: Item, write: Write) -> Item:
    merged = {**item.entries, **write.put}
    return replace(
        item,
        entries={index: entry for index, entry in merged.items() if entry != UNTOUCHED},
        epoch=item.epoch if write.new_epoch is None else write.new_epoch,
        header=item.header if write.put_header is None else write.put_header,
        resent=item.resent if write.resent is None else write.resent,
        resends=item.resends if write.resends is None else write.resends,
    )


def _check(dag: Dag, before: Item, after: Item) -> None:
    broken = violations(dag, before, after)
    if broken:
        raise EngineError("; ".join(broken))


@dataclass
class MemoryAttemptStore:
    """Jobs and errors of tries."""

    _jobs: dict[tuple[RunRef, int, int], Json] = field(default_factory=dict)
    _errors: dict[tuple[RunRef, int, int], str] = field(default_factory=dict)
    _names: dict[tuple[RunRef, int, int], str] = field(default_factory=dict)

    def put_job(self, ref: RunRef, index: int, try_number: int, job: Json) -> None:
        """See `AttemptStore.put_job`."""
        self._jobs[ref, index, try_number] = job

    def job(self, ref: RunRef, index: int, try_number: int) -> Json:
        """See `AttemptStore.job`."""
        return self._jobs.get((ref, index, try_number))

    def put_error(self, ref: RunRef, index: int, try_number: int, error: str) -> None:
        """See `AttemptStore.put_error`."""
        self._errors[ref, index, try_number] = error

    def error(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """See `AttemptStore.error`."""
        return self._errors.get((ref, index, try_number))

    def put_instance_name(self, ref: RunRef, index: int, try_number: int, name: str) -> None:
        """See `AttemptStore.put_instance_name`."""
        self._names[ref, index, try_number] = name

    def instance_name(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """See `AttemptStore.instance_name`."""
        return self._names.get((ref, index, try_number))


@dataclass
class MemoryXComStore:
    """XComs, each with the try that pushed it. Values are kept as JSON text, as they would be stored."""

    _values: dict[tuple[RunRef, str, int, str], tuple[int, str]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def push(self, ref: RunRef, task_id: str, map_index: int, try_number: int, values: Mapping[str, Json]) -> None:
        """See `XComStore.push`."""
        with self._lock:
            for key, value in values.items():
                place = (ref, task_id, map_index, key)
                if self._values.get(place, (0, ""))[0] <= try_number:
                    self._values[place] = (try_number, json.dumps(value))

    def clear(self, ref: RunRef, task_id: str, map_index: int, before_try: int) -> None:
        """See `XComStore.clear`."""
        with self._lock:
            stale = [
                place
                for place, (number, _) in self._values.items()
                if place[:3] == (ref, task_id, map_index) and number < before_try
            ]
            for place in stale:
                del self._values[place]

    def pull(self, ref: RunRef, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """See `XComStore.pull`."""
        with self._lock:
            found = self._values.get((ref, task_id, map_index, key))
        return (False, None) if found is None else (True, json.loads(found[1]))

    def pull_all(self, ref: RunRef, task_id: str, key: str) -> Mapping[int, Json]:
        """See `XComStore.pull_all`."""
        with self._lock:
            found = {
                map_index: text
                for (owner, name, map_index, each), (_, text) in self._values.items()
                if (owner, name, each) == (ref, task_id, key)
            }
        return {map_index: json.loads(found[map_index]) for map_index in sorted(found)}

    def returned(self, ref: RunRef) -> list[tuple[str, int, Json]]:
        """Every `return_value` of a run: task id, map index, value."""
        with self._lock:
            return sorted(
                (
                    (task_id, map_index, json.loads(text))
                    for (owner, task_id, map_index, key), (_, text) in self._values.items()
                    if owner == ref and key == "return_value"
                ),
                key=lambda row: row[:2],
            )
