"""The task instances of a run as Airflow lists them: a row each, with a map index where a task is mapped."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from leeward.core.address import instance
from leeward.core.dag import Dag
from leeward.core.run import UNTOUCHED, Entry
from leeward.core.sources import literal_length
from leeward.core.view import View


@dataclass(frozen=True, slots=True)
class Row:
    """One task instance, and where its entry lies. `map_index` is -1 where the task is not mapped, or not expanded."""

    task_id: str
    map_index: int
    address: int
    entry: Entry

    @property
    def name(self) -> str:
        """The task's id, with the map index of an instance."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


def rows(dag: Dag, view: View, absent: Collection[int] = ()) -> Iterator[Row]:
    """Every task instance, in the DAG's order, without those of tasks that the run is without.

    The view must hold all tasks, and the blocks of those that were expanded.
    """
    for index, task in enumerate(dag.tasks):
        if index in absent:
            continue
        entry = view.entry(index) or UNTOUCHED
        if entry.mapped is not None:
            for place in range(entry.mapped.length):
                found = view.entry(instance(index, place)) or UNTOUCHED
                yield Row(task.task_id, place, instance(index, place), found)
        else:
            yield from _not_expanded(dag, index, entry)


def _not_expanded(dag: Dag, index: int, entry: Entry) -> Iterator[Row]:
    """One row; of a task that is mapped over literals, which Airflow expands when the run starts, one for each."""
    expansion, task_id = dag.expansions[index], dag.tasks[index].task_id
    count = literal_length(expansion) if expansion else None
    if not count:
        yield Row(task_id, -1, index, entry)
    for place in range(count or 0):
        yield Row(task_id, place, instance(index, place), entry)
