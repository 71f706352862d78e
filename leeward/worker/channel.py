"""What a running task may ask the outside for, and the plain objects that stand for Airflow's in its context.

The same objects serve templates (rendered by the executor) and callables (run in a process of user code); only the
channel behind them differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol

from leeward.worker.values import build

RETURN_VALUE = "return_value"

XCOMS: Final = "__xcoms__"
"""The key of a mapping that stands for what the instances of a mapped task pushed (see `LazyXComs`)."""

EVERY: Final[Any] = object()
"""Stands for all map indexes."""


class Channel(Protocol):
    """The way out of a task: XComs of its run, variables, connections."""

    def xcom(self, task_id: str, key: str, map_index: int) -> tuple[bool, Any]:
        """Whether such an XCom was pushed, and its value as JSON."""

    def map_indexes(self, task_id: str, key: str) -> Sequence[int]:
        """The map indexes under which such XComs were pushed, in order; -1 stands for a task that is not mapped."""

    def push(self, key: str, value: Any) -> None:
        """Push an XCom of this try; the value is JSON."""

    def variable(self, key: str) -> str | None:
        """The text of an Airflow variable, or None."""

    def connection(self, conn_id: str) -> Mapping[str, Any] | None:
        """The fields of an Airflow connection, or None."""


@dataclass(frozen=True)
class LazyXComs(Sequence[Any]):
    """What the instances of a mapped task pushed under a key, in their order, without holes; read as it is asked for."""

    channel: Channel = field(repr=False)
    task_id: str
    key: str = RETURN_VALUE

    @cached_property
    def _indexes(self) -> list[int]:
        return [index for index in self.channel.map_indexes(self.task_id, self.key) if index >= 0]

    def __len__(self) -> int:
        return len(self._indexes)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._at(index) for index in self._indexes[place]]
        return self._at(self._indexes[place])

    def _at(self, index: int) -> Any:
        return build(self.channel.xcom(self.task_id, self.key, index)[1])


@dataclass(frozen=True)
class TaskInstance:
    """`ti` and `task_instance` of the context."""

    task_id: str
    dag_id: str
    run_id: str
    try_number: int
    max_tries: int
    map_index: int
    start_date: datetime
    channel: Channel = field(repr=False)

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = RETURN_VALUE,
        *,
        map_indexes: int | Iterable[int] | None = EVERY,
        default: Any = None,
    ) -> Any:
        """One value for one task id, a list for several, or for a mapped task's; `default` where nothing was pushed."""
        if dag_id not in (None, self.dag_id):
            raise ValueError("xcom_pull reaches the tasks of this DAG run only")
        if map_indexes is EVERY:
            return self._pull_all(task_ids, key, default)
        indexes = [-1] if map_indexes is None else [map_indexes] if isinstance(map_indexes, int) else list(map_indexes)
        several = not (task_ids is None or isinstance(task_ids, str)) or not isinstance(map_indexes, (int, type(None)))
        names = [task_ids or self.task_id] if task_ids is None or isinstance(task_ids, str) else list(task_ids)
        found = [self._pull(name, key, index, default) for name in names for index in indexes]
        return found if several else found[0]

    def _pull_all(self, task_ids: str | Iterable[str] | None, key: str, default: Any) -> Any:
        """All that the tasks pushed, mapped or not, as one list; a single value of a single task by itself."""
        single = task_ids is None or isinstance(task_ids, str)
        names = [task_ids or self.task_id] if single else list(task_ids or ())
        found: list[Any] = []
        for name in map(str, names):
            indexes = self.channel.map_indexes(name, key)
            found += [self._pull(name, key, index, default) for index in indexes] or [default]
        return found[0] if single and len(found) == 1 else found

    def _pull(self, task_id: str, key: str, map_index: int, default: Any) -> Any:
        pushed, value = self.channel.xcom(task_id, key, map_index)
        return build(value) if pushed and value is not None else default

    def xcom_push(self, key: str, value: Any) -> None:
        """Push a value under a key of this task's."""
        self.channel.push(key, value)


@dataclass(frozen=True)
class DagRun:
    """`dag_run` of the context."""

    dag_id: str
    run_id: str
    run_type: str
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    start_date: datetime
    conf: Mapping[str, Any]


@dataclass(frozen=True)
class DagInfo:
    """`dag` of the context: what a template may know of the DAG."""

    dag_id: str
    description: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TaskInfo:
    """`task` of the context: what a template may know of the task."""

    task_id: str
    owner: str
    retries: int


@dataclass(frozen=True)
class Variables:
    """`var.value` (text) or, with `parsed`, `var.json`: Airflow variables by attribute, key, or `get`."""

    channel: Channel = field(repr=False)
    parsed: bool = False

    def get(self, key: str, default_var: Any = None, default: Any = None) -> Any:
        """The variable, or the default."""
        text = self.channel.variable(key)
        if text is None:
            return default if default_var is None else default_var
        return json.loads(text) if self.parsed else text

    def __getattr__(self, key: str) -> Any:
        return self[key]

    def __getitem__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        missing = object()
        value = self.get(key, missing)
        if value is missing:
            raise KeyError(f"Variable {key} does not exist")
        return value


@dataclass(frozen=True)
class VariableSpaces:
    """`var` of the context."""

    value: Variables
    json: Variables


@dataclass(frozen=True)
class Connection:
    """One connection; `extra_dejson` is its extra as a mapping."""

    conn_id: str
    conn_type: str | None = None
    host: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    port: int | None = None
    extra: str | None = field(default=None, repr=False)

    @property
    def extra_dejson(self) -> Mapping[str, Any]:
        """The extra, parsed."""
        parsed = json.loads(self.extra) if self.extra else {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True)
class Connections:
    """`conn` of the context: Airflow connections by attribute or `get`."""

    channel: Channel = field(repr=False)

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """The connection, or the default."""
        fields = self.channel.connection(conn_id)
        return default_conn if fields is None else Connection(conn_id, **fields)

    def __getattr__(self, conn_id: str) -> Any:
        if conn_id.startswith("__"):
            raise AttributeError(conn_id)
        found = self.get(conn_id)
        if found is None:
            raise KeyError(f"Connection {conn_id} does not exist")
        return found


class Params(dict[str, Any]):
    """`params` of the context: a mapping that answers to attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"No attribute {name} in params") from None


def moments(dates: Mapping[str, str | None]) -> Iterator[tuple[str, datetime | None]]:
    """Dates as values."""
    for name, text in dates.items():
        yield name, None if text is None else datetime.fromisoformat(text)
