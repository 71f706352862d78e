"""The run before, for tasks that depend on the past: which run that is, and which tasks need not wait for it any more.

Airflow's rules (`ti_deps/deps/prev_dagrun_dep.py` of 3.3). Runs follow each other by their logical dates; of a DAG with
catchup, manual runs are nobody's run before. Only what has ended well lets a task start: what has failed there keeps it
waiting until somebody clears or marks it, so an unfinished or unread task delays and never decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leeward.core.dag import Dag, Task
from leeward.core.instances import shares
from leeward.core.presence import absent
from leeward.core.run import RunInfo, RunType
from leeward.core.states import FINISHED, TaskState
from leeward.core.view import View

THROUGH: Final = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
"""The states in which the same task of the run before lets a task start."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the run before says: the tasks that may start for all of it. `run_id` is empty if there is no run before."""

    passed: frozenset[int]
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier run of a DAG, with the version of the DAG that it is pinned to."""

    info: RunInfo
    dag: Dag

    def place(self, task_id: str) -> int | None:
        """The index that a task has in it, None if it has no instance there."""
        index = self.dag.index.get(task_id)
        return None if index in absent(self.dag, self.info) else index


def earlier(info: RunInfo, known: Iterable[RunInfo]) -> list[RunInfo]:
    """The runs with logical dates before a run's, the latest first. One without a logical date has none."""
    date = _date(info)
    dated = [(found, one.created, one) for one in known if (found := _date(one)) is not None]
    rows = [row for row in dated if date is not None and row[0] < date]
    return [one for _, _, one in sorted(rows, key=lambda row: row[:2], reverse=True)]


def previous(dag: Dag, before: Iterable[RunInfo]) -> RunInfo | None:
    """The run before, of what `earlier` found."""
    return next((one for one in before if not (dag.catchup and one.run_type is RunType.MANUAL)), None)


def following(info: RunInfo, known: Iterable[RunInfo]) -> list[RunInfo]:
    """The runs whose run before a run may be: the next by logical date, and the next that is not manual."""
    date = _date(info)
    dated = [(found, one) for one in known if (found := _date(one)) is not None]
    later = [row for row in dated if date is not None and date < row[0]]
    regular = [row for row in later if row[1].run_type is not RunType.MANUAL]
    nearest = {min(found for found, _ in rows) for rows in (later, regular) if rows}
    return [one for found, one in later if found in nearest]


def asked_of(dag: Dag, before: Before) -> frozenset[int]:
    """The tasks of the run before whose states matter, by their indexes there."""
    places = (before.place(dag.tasks[index].task_id) for index in dag.awaited)
    return frozenset(place for place in places if place is not None)


def past_of(dag: Dag, before: Before, view: View, prior: Collection[Before]) -> Past:
    """What the run before says. `view` is of that run; `prior` are all earlier runs, where that matters."""
    passed = (i for i in dag.dependents if _passes(dag, dag.tasks[i], before, view, prior))
    return Past(frozenset(passed), before.info.ref.run_id)


def waits(dag: Dag, view: View, info: RunInfo) -> bool:
    """Whether a task that depends on the past has not ended: then a run is not deadlocked, as in Airflow. View complete."""
    waiting = (view.entry(index) for index in dag.dependents - absent(dag, info))
    return any(entry is not None and entry.state not in FINISHED for entry in waiting)


def _passes(dag: Dag, task: Task, before: Before, view: View, prior: Collection[Before]) -> bool:
    if dag.catchup and _started_after(dag, task, before.info):
        return True
    place = before.place(task.task_id)
    if place is None:
        return task.ignore_first_depends_on_past and all(one.place(task.task_id) is None for one in prior)
    below: Sequence[int] = dag.graph.downstream[dag.index[task.task_id]] if task.wait_for_downstream else ()
    places = (place, *(before.place(dag.tasks[down].task_id) for down in below))
    return all(_through(view, each) for each in places if each is not None)


def _started_after(dag: Dag, task: Task, info: RunInfo) -> bool:
    """Whether a task starts, by its own date and the DAG's, after the logical date of a run."""
    starts = [datetime.fromisoformat(date) for date in (task.start_date, dag.start_date) if date]
    date = _date(info)
    return date is not None and any(date < start for start in starts)


def _through(view: View, index: int) -> bool:
    """Whether a task, and every instance of a mapped one, has succeeded or was skipped."""
    entry = view.entry(index)
    if entry is None or entry.state not in FINISHED:
        return False
    return ({share.state for share in shares(entry)} or {entry.state}) <= THROUGH


def _date(info: RunInfo) -> datetime | None:
    return None if info.logical_date is None else datetime.fromisoformat(info.logical_date)
