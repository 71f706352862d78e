"""What tasks are mapped over: how long it is, and which value belongs to which map index. Airflow's expand inputs.

A source is plain JSON: a literal list or mapping, `{"__xcom__": task}` for what a task pushed, `{"__zip__": [sources]}` with
an optional `fillvalue`, `{"__concat__": [sources]}`, or `{"__map__": source, "callable": path}`. Items of a mapping are
pairs of key and value; the XComs of a mapped task are those that its instances pushed, without holes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leeward.core.dag import XCOM, Expansion, Json

ZIP: Final = "__zip__"
CONCAT: Final = "__concat__"
MAP: Final = "__map__"
FILL: Final = "fillvalue"
MAPPED: Final = "__mapped__"
"""The key of a mapping that stands for an argument of the mapped group around a task."""

CALL: Final = "__call__"
"""The key of a mapping that stands for what a function makes of `value`: the function runs where the task does."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A value of one instance. `literal` says that it stands in the spec, so that templates in it are rendered."""

    value: Any
    literal: bool


def length(expansion: Expansion, pushed: Callable[[str], int | None]) -> int | None:
    """How many instances there are; None if a task that `pushed` is asked about has pushed nothing."""
    lengths = [_length(source, pushed) for _, source in expansion.inputs]
    known = [each for each in lengths if each is not None]
    return math.prod(known) if len(known) == len(lengths) else None


def literal_length(expansion: Expansion) -> int | None:
    """How many instances there are if nothing that tasks push matters for it."""
    return length(expansion, lambda _: None)


def picked(expansion: Expansion, map_index: int, values: Callable[[str], Sequence[Any] | Mapping[str, Any]]) -> Any:
    """The arguments of one instance by name. `values` gives what a task pushed. Raises LookupError where it is too short.

    With `expand_kwargs` the result is one `Picked` whose value is the mapping of arguments.
    """
    if expansion.kwargs:
        return _item(expansion.inputs[0][1], map_index, values)
    found: dict[str, Picked] = {}
    for name, source in reversed(expansion.inputs):
        count = _length(source, lambda task_id: len(values(task_id)))
        if not count:
            raise LookupError(f"{name}: there is nothing to map over any more")
        map_index, place = divmod(map_index, count)
        found[name] = _item(source, place, values)
    return {name: found[name] for name, _ in expansion.inputs}


def _length(source: Json, pushed: Callable[[str], int | None]) -> int | None:
    if not isinstance(source, Mapping):
        return len(source) if isinstance(source, Sequence) else None
    if XCOM in source:
        return pushed(str(source[XCOM]))
    if MAP in source:
        return _length(source[MAP], pushed)
    if ZIP not in source and CONCAT not in source:
        return len(source)
    parts = [_length(part, pushed) for part in _parts(source)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if CONCAT in source:
        return sum(known)
    return max(known, default=0) if FILL in source else min(known, default=0)


def _parts(source: Mapping[str, Json]) -> Sequence[Json]:
    parts = source.get(ZIP, source.get(CONCAT))
    return parts if isinstance(parts, Sequence) else ()


def _item(source: Json, place: int, values: Callable[[str], Any]) -> Picked:
    """The item of a source at a place. Raises IndexError if there is none."""
    if not isinstance(source, Mapping):
        return Picked(_at(source, place), literal=True)
    if XCOM in source:
        return Picked(_at(values(str(source[XCOM])), place), literal=False)
    if MAP in source:
        value = _item(source[MAP], place, values).value
        return Picked({CALL: source["callable"], "value": value}, literal=False)
    if CONCAT in source:
        return _joined(source, place, values)
    if ZIP in source:
        return Picked([_zipped(source, part, place, values) for part in _parts(source)], literal=False)
    return Picked(_at(source, place), literal=True)


def _joined(source: Mapping[str, Json], place: int, values: Callable[[str], Any]) -> Picked:
    for part in _parts(source):
        count = _length(part, lambda task_id: len(values(task_id))) or 0
        if place < count:
            return _item(part, place, values)
        place -= count
    raise IndexError(place)


def _zipped(source: Mapping[str, Json], part: Json, place: int, values: Callable[[str], Any]) -> Any:
    try:
        return _item(part, place, values).value
    except IndexError:
        if FILL not in source:
            raise
        return source[FILL]


def _at(found: Any, place: int) -> Any:
    """An item of a list, or a pair of key and value of a mapping."""
    return [*found.items()][place] if isinstance(found, Mapping) else found[place]
