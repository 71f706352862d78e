"""What the oracle knows of mapped tasks, told from the rows of a run at rest and from what tasks pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from leeward.core.dag import xcoms_of
from leeward.core.rows import Row
from leeward.core.run import ENDS
from leeward.core.sources import literal_length
from leeward.core.states import FAILURES, TaskState
from leeward.engine.see_run import Seen

S = TaskState


def rows_of(seen: Seen, index: int) -> list[Row]:
    """The instances of a task."""
    return [row for row in seen.rows if row.task_id == seen.dag.tasks[index].task_id]


def is_expanded(seen: Seen, index: int) -> bool:
    """Whether a mapped task has instances, by its own entry."""
    return seen.entries[index].mapped is not None


def upstream_of(seen: Seen, row: Row) -> Iterator[Row]:
    """What an instance depends on: in a mapped group on those of its map index, else on all; to expand, on nothing expanded."""
    index = seen.dag.index[row.task_id]
    for up in seen.dag.graph.upstream[index]:
        inside = up in seen.dag.companions[index] and is_expanded(seen, up)
        if not inside:
            yield from rows_of(seen, up)
        elif is_expanded(seen, index):
            yield from (each for each in rows_of(seen, up) if each.map_index == row.map_index)


def unexpanded(seen: Seen, index: int) -> set[tuple[TaskState, int]]:
    """What becomes of a mapped task without instances: it is mapped over nothing, or what it is mapped over was not pushed."""
    expansion = seen.dag.expansions[index]
    assert expansion is not None
    found: set[tuple[TaskState, int]] = set()
    for name in xcoms_of(expansion):
        rows = rows_of(seen, seen.dag.index[name])
        states = {row.entry.state for row in rows if row.map_index < 0 or not is_expanded(seen, seen.dag.index[name])}
        if states & FAILURES:
            found.add((S.UPSTREAM_FAILED, 0))
        elif S.SKIPPED in states or not _pushed(rows):
            found.add((S.SKIPPED, 0))
    return found or ({(S.SKIPPED, 0)} if literal_length(expansion) == 0 else set())


def _pushed(rows: list[Row]) -> int:
    return sum(row.entry.pushed or 0 for row in rows)


def of_mapped(seen: Seen) -> Iterator[str]:
    """Everything that is wrong with what mapped tasks know of their instances."""
    for index, entry in enumerate(seen.entries):
        if entry.mapped is None:
            continue
        name, expansion = seen.dag.tasks[index].task_id, seen.dag.expansions[index]
        counted = Counter(row.entry.state for row in rows_of(seen, index))
        if tuple(counted[end] for end in ENDS) != entry.mapped.counts:
            yield f"{name} counts {entry.mapped}, there are {counted}"
        assert expansion is not None
        sources = [rows_of(seen, seen.dag.index[up]) for up in xcoms_of(expansion)]
        expected = _pushed(sources[0]) if sources else literal_length(expansion)
        if entry.mapped.length != expected:
            yield f"{name} has {entry.mapped.length} instances, not {expected}"
