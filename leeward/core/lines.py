"""Lines of the event log: what one says of an entry, and the entry that it says; one place for both directions.

A line is a plain mapping and says everything that is stored of a task instance after the change: what differs from an entry
of which nothing is stored stands in it under the names of `Entry`, times as ISO 8601. So a line that was lost with its
function costs that one change, and the next line makes up for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from leeward.core.address import instance, map_index_of, task_of
from leeward.core.dag import Dag, Json
from leeward.core.errors import UsageError
from leeward.core.run import ENDS, UNTOUCHED, Entry, Mapped
from leeward.core.states import RunState, TaskState

WAITS_FOR_SLOT: Final = "waits for a slot"
WAITS_FOR_PAST: Final = "waits for the previous run"
DEADLINE_MISSED: Final = "deadline missed"
"""The cause of a run's line that changes nothing: its state is what it was."""

WAITS: Final = frozenset({WAITS_FOR_SLOT, WAITS_FOR_PAST})
"""Causes of lines that change nothing: they say what a task instance that is due waits for, until its next change."""

_BESIDE: Final = frozenset({"state", "try_number", "owner"})
"""What every line has under names of its own, or for itself."""

_TIMES: Final = frozenset({"start", "end", "until"})
_OWNED: Final = frozenset({TaskState.RUNNING, TaskState.DEFERRED})
"""The states of a try that an execution owns; the line of its end names who owned it until then."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read. `address` and `entry` are None where it is about the run; states are as they are written.

    `gate`, `used`, `limit` and `slots` say what a task instance waits for a slot of, `previous` for which run it waits.
    """

    at: float
    epoch: int
    before: str | None
    after: str
    cause: str
    address: int | None = None
    try_number: int = 0
    entry: Entry | None = None
    gate: str = ""
    used: int = 0
    limit: int = 0
    slots: int = 1
    previous: str = ""

    @property
    def waits(self) -> bool:
        """Whether it changes nothing, and says what a task instance waits for."""
        return self.address is not None and self.cause in WAITS


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def seconds_of(text: object) -> float:
    """The other way round. Raises ValueError."""
    return datetime.fromisoformat(str(text)).timestamp()


def name_of(dag: Dag, address: int) -> str:
    """The name of a task instance: its task's id, with the map index of an instance of a mapped task."""
    task_id, here = dag.tasks[task_of(address)].task_id, map_index_of(address)
    return task_id if here < 0 else f"{task_id}[{here}]"


def address_of(dag: Dag, name: str) -> int:
    """The address of a task instance, by its name. Raises KeyError."""
    task_id, bracket, rest = name.partition("[")
    index = dag.index[task_id]
    return instance(index, int(rest.rstrip("]"))) if bracket else index


def written(dag: Dag, entry: Entry) -> dict[str, Json]:
    """What a line says of an entry, besides its state, its try and who owns it."""
    found: dict[str, Json] = {}
    for each in fields(Entry):
        value = getattr(entry, each.name)
        if each.name not in _BESIDE and value != getattr(UNTOUCHED, each.name):
            found[each.name] = _value(dag, each.name, value)
    return found


def _value(dag: Dag, name: str, value: Any) -> Json:
    if name in _TIMES:
        return iso(value)
    if name == "skip":
        return [name_of(dag, address) for address in sorted(value)]
    if isinstance(value, Mapped):
        rows = [*zip(ENDS, value.counts, value.firsts, strict=True)]
        counts = {state.value: count for state, count, _ in rows if count}
        firsts = {state.value: first for state, count, first in rows if count}
        return {"length": value.length, "counts": counts, "firsts": firsts, "pushed": value.pushed}
    scalar: Json = value
    return scalar


def read_line(dag: Dag, line: Mapping[str, Any]) -> Line:
    """A line as read, of a run of that DAG. Raises UsageError LW330 for what is no line, LW331 for a task of another DAG."""
    task_id = line.get("task_id")
    if task_id is not None and task_id not in dag.index:
        raise UsageError(
            "LW331", f"the log tells of a task {task_id!r}, which this version of {dag.dag_id} does not have"
        )
    try:
        return _read(dag, line)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError("LW330", f"no line of an event log ({type(error).__name__}: {error}): {dict(line)}") from error


def _read(dag: Dag, line: Mapping[str, Any]) -> Line:
    task_id, before = line.get("task_id"), line["from"]
    states: type[TaskState | RunState] = RunState if task_id is None else TaskState
    return Line(
        at=seconds_of(line["at"]),
        epoch=int(line["epoch"]),
        before=None if before is None else states(before).value,
        after=states(line["to"]).value,
        cause=str(line["cause"]),
        address=None if task_id is None else _address(dag, line),
        try_number=int(line.get("try_number", 0)),
        entry=None if task_id is None else _entry(dag, line),
        gate=str(line.get("gate", "")),
        used=int(line.get("used", 0)),
        limit=int(line.get("limit", 0)),
        slots=int(line.get("slots", 1)),
        previous=str(line.get("previous", "")),
    )


def _address(dag: Dag, line: Mapping[str, Any]) -> int:
    index, here = dag.index[line["task_id"]], int(line["map_index"])
    return index if here < 0 else instance(index, here)


def _entry(dag: Dag, line: Mapping[str, Any]) -> Entry:
    state = TaskState(line["to"])
    found: dict[str, Any] = {"state": state, "try_number": int(line["try_number"])}
    if state in _OWNED:
        found["owner"] = str(line.get("owner", ""))
    for each in fields(Entry):
        if each.name not in _BESIDE and each.name in line:
            found[each.name] = _READERS.get(each.name, _same)(dag, line[each.name])
    return Entry(**found)


def _same(_: Dag, value: Any) -> Any:
    return value


def _time(_: Dag, value: Any) -> float:
    return seconds_of(value)


def _skip(dag: Dag, value: Sequence[str]) -> frozenset[int]:
    return frozenset(address_of(dag, name) for name in value)


def _mapped(_: Dag, value: Mapping[str, Any]) -> Mapped:
    counts, firsts = value["counts"], value["firsts"]
    return Mapped(
        int(value["length"]),
        tuple(int(counts.get(state.value, 0)) for state in ENDS),
        tuple(int(firsts.get(state.value, 0)) for state in ENDS),
        int(value["pushed"]),
    )


_READERS: Final[Mapping[str, Callable[[Dag, Any], Any]]] = MappingProxyType(
    {**dict.fromkeys(_TIMES, _time), "skip": _skip, "mapped": _mapped}
)
