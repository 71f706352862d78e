"""What a running task may ask the outside for, and the plain objects that stand for Airflow's in its context.

The same objects serve templates (rendered by the executor) and callables (run in a process of user code); only the
channel behind them differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol

from leeward.worker.known import Known
from leeward.worker.values import build

RETURN_VALUE = "return_value"
NOT_SET: Final[Any] = object()
"""An argument that was not given, where None means something."""

XCOMS: Final = "__xcoms__"
"""The key of a mapping that stands for what the instances of a mapped task pushed (see `LazyXComs`)."""


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

    def read(self, name: str) -> str | None:
        """The text of a file beside the spec by its relative path, or None."""

    def previous(self) -> Mapping[str, str | None] | None:
        """The dates of the DAG's last successful run before this one (ISO 8601), or None. May raise TaskError LW411.

        They are data_interval_start, data_interval_end, start_date and end_date.
        """


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
    task: Known
    state: Any
    _channel: Channel = field(repr=False)
    end_date: None = None
    rendered_map_index: str | None = None

    @property
    def is_mapped(self) -> bool:
        """Whether it is one of several instances of its task."""
        return self.map_index >= 0

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: int | Iterable[int] | None = NOT_SET,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """One value for one task id, a list for several, or for a mapped task's.

        As in Airflow, `default` counts only beside `map_indexes`; without them all that the tasks pushed comes as one list,
        a single value of a single task by itself.
        """
        if dag_id not in (None, self.dag_id) or run_id not in (None, self.run_id) or include_prior_dates:
            raise ValueError("xcom_pull reaches the tasks of this DAG run only")
        single = task_ids is None or isinstance(task_ids, str)
        names = [task_ids or self.task_id] if task_ids is None or isinstance(task_ids, str) else list(task_ids)
        if map_indexes is NOT_SET:
            found = [value for name in names for value in self._pull_all(name, key)]
            return found[0] if single and len(found) == 1 else found
        one = map_indexes is None or isinstance(map_indexes, int)
        indexes = [-1] if map_indexes is None else [map_indexes] if isinstance(map_indexes, int) else list(map_indexes)
        found = [self._pull(name, key, index, default) for name in names for index in indexes]
        return found[0] if single and one else found

    def _pull_all(self, task_id: str, key: str) -> list[Any]:
        """All that a task pushed, mapped or not; None if that is nothing."""
        indexes = self._channel.map_indexes(task_id, key)
        return [self._pull(task_id, key, index, None) for index in indexes] or [None]

    def every(self, task_id: str, key: str) -> LazyXComs:
        """What the instances of a mapped task pushed, to be read as it is asked for."""
        return LazyXComs(self._channel, task_id, key)

    def _pull(self, task_id: str, key: str, map_index: int, default: Any) -> Any:
        pushed, value = self._channel.xcom(task_id, key, map_index)
        return build(value) if pushed and value is not None else default

    def xcom_push(self, key: str, value: Any) -> None:
        """Push a value under a key of this task's."""
        self._channel.push(key, value)


@dataclass(frozen=True)
class Variables:
    """`var.value` (text) or, with `_parsed`, `var.json`: Airflow variables by attribute, key, or `get`."""

    _channel: Channel = field(repr=False)
    _parsed: bool = False

    def get(self, key: str, default_var: Any = None, default: Any = None) -> Any:
        """The variable, or the default."""
        text = self._channel.variable(key)
        if text is None:
            return default if default_var is None else default_var
        return json.loads(text) if self._parsed else text

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
    description: str | None = None

    @property
    def extra_dejson(self) -> Mapping[str, Any]:
        """The extra, parsed."""
        parsed = json.loads(self.extra) if self.extra else {}
        return parsed if isinstance(parsed, dict) else {}

    def get_extra_dejson(self) -> Mapping[str, Any]:
        """The extra, parsed: Airflow has it as a method too."""
        return self.extra_dejson


@dataclass(frozen=True)
class Connections:
    """`conn` of the context: Airflow connections by attribute or `get`."""

    _channel: Channel = field(repr=False)

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """The connection, or the default."""
        fields = self._channel.connection(conn_id)
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
