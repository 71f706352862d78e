"""The last runs of every DAG, or of one, for people: read in a few requests, decided nothing.

What is shown of a run costs one item, or two where its tasks lie in several: of a DAG among others only the first tasks are
shown. Everything that is read at all is read in batches, whatever the number of runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from leeward.contract import TASKS_PER_SHARD
from leeward.core.dag import Dag
from leeward.core.errors import UsageError
from leeward.core.run import ENDS, UNTOUCHED, Entry, Item, RunInfo, RunRef
from leeward.core.states import FINISHED
from leeward.core.view import Layout
from leeward.engine.ports import Drop, DropStore, Live, RunStore, SpecStore, header_item
from leeward.spec.diagnostics import closest
from leeward.views.grid import DagGrid, Instance, Run, SpecError
from leeward.views.schedule import schedule_words

DAGS_A_PAGE: Final = 20
TASKS_OF_EACH: Final = TASKS_PER_SHARD
TASKS_OF_ONE: Final = 10 * TASKS_PER_SHARD


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at."""

    runs: RunStore
    specs: SpecStore
    drops: DropStore


@dataclass(frozen=True, slots=True)
class Seen:
    """One page of DAGs. `first` counts the DAGs on the pages before it, `total` those on all pages."""

    dags: tuple[DagGrid, ...]
    errors: tuple[SpecError, ...]
    page: int = 1
    first: int = 0
    total: int = 1


def see_dags(watched: Watched, runs: int, page: int) -> Seen:
    """The last runs of each DAG on a page, counted from 1; behind the last page stands the last one."""
    live = watched.specs.all_live()
    page = min(page, max(1, -(-len(live) // DAGS_A_PAGE)))
    first = (page - 1) * DAGS_A_PAGE
    dags = _grids(watched, live[first : first + DAGS_A_PAGE], runs, TASKS_OF_EACH)
    return Seen(dags, tuple(_errors(watched.drops.all().values())), page, first, len(live))


def see_dag(watched: Watched, dag_id: str, runs: int) -> Seen:
    """The last runs of one DAG. Raises UsageError LW306 if it is not live."""
    live = watched.specs.live(dag_id)
    if live is None:
        hint = closest(dag_id, [other.dag_id for other in watched.specs.all_live()])
        raise UsageError("LW306", f"there is no DAG {dag_id!r}" + (f": {hint}" if hint else ""))
    drops = (drop for drop in watched.drops.all().values() if drop.path == live.source)
    return Seen(_grids(watched, [live], runs, TASKS_OF_ONE), tuple(_errors(drops)))


@dataclass(frozen=True, slots=True)
class _History:
    """A DAG, its last runs from the oldest to the newest, their versions, and the tasks to show."""

    live: Live
    infos: tuple[RunInfo, ...]
    versions: Mapping[str, Dag]
    tasks: tuple[str, ...]

    def shown(self, most_tasks: int) -> tuple[str, ...]:
        return self.tasks[:most_tasks]


def _grids(watched: Watched, live: Sequence[Live], runs: int, most_tasks: int) -> tuple[DagGrid, ...]:
    histories = [_history(watched, one, runs) for one in live]
    wanted: dict[RunRef, Collection[int]] = {}
    for history in histories:
        for info in history.infos:
            wanted[info.ref] = _shards(history.versions[info.ref.version], history.shown(most_tasks))
    items = watched.runs.read_runs(wanted)
    return tuple(_grid(history, items, most_tasks) for history in histories)


def _history(watched: Watched, live: Live, runs: int) -> _History:
    """The tasks are those of the live version, then those that only older runs had."""
    infos = tuple(reversed(watched.runs.recent(live.dag_id, runs)))
    names = dict.fromkeys([live.version, *(info.ref.version for info in reversed(infos))])
    versions = {name: watched.specs.get(name) for name in names}
    tasks = dict.fromkeys(task.task_id for dag in versions.values() for task in dag.tasks)
    return _History(live, infos, versions, tuple(tasks))


def _shards(dag: Dag, tasks: Sequence[str]) -> Collection[int]:
    layout = Layout(len(dag.tasks))
    return {header_item(layout), *(layout.shard(dag.index[task]) for task in tasks if task in dag.index)}


def _grid(history: _History, items: Mapping[RunRef, Mapping[int, Item]], most_tasks: int) -> DagGrid:
    live, tasks = history.live, history.shown(most_tasks)
    runs = [_run(info, history.versions[info.ref.version], tasks, items[info.ref]) for info in history.infos]
    return DagGrid(
        live.dag_id,
        _schedule(live, history.versions[live.version]),
        tasks,
        tuple(run for run in runs if run is not None),
        len(history.tasks) - len(tasks),
    )


def _run(info: RunInfo, dag: Dag, tasks: Sequence[str], items: Mapping[int, Item]) -> Run | None:
    """A run with what is stored of those tasks; None if it was announced and never started."""
    layout = Layout(len(dag.tasks))
    header = items[header_item(layout)].header
    if header is None:
        return None
    indexes = {name: dag.index[name] for name in tasks if name in dag.index}
    entries = {name: items[layout.shard(index)].entry(index) for name, index in indexes.items()}
    instances = {name: _instance(entry) for name, entry in entries.items() if entry != UNTOUCHED}
    return Run(info.ref.run_id, header.state.value, header.start, header.end, instances)


def _instance(entry: Entry) -> Instance:
    seconds = None if entry.start is None or entry.end is None else entry.end - entry.start
    return Instance(entry.state.value, entry.try_number, seconds, _mapped(entry))


def _mapped(entry: Entry) -> str:
    """How many instances a mapped task has, and once they have ended what they came to."""
    if entry.mapped is None:
        return ""
    ended = [f"{n} {state}" for state, n in zip(ENDS, entry.mapped.counts, strict=True) if n]
    count = "1 instance" if entry.mapped.length == 1 else f"{entry.mapped.length} instances"
    return f"{count}: {', '.join(ended)}" if entry.state in FINISHED else count


def _schedule(live: Live, dag: Dag) -> str:
    words = schedule_words(dag.schedule)
    if live.paused:
        return f"{words} · paused"
    if live.due is None:
        return words
    return f"{words} · next {datetime.fromtimestamp(live.due, UTC):%d %b %H:%M} UTC"


def _errors(drops: Iterable[Drop]) -> Iterator[SpecError]:
    for drop in drops:
        if drop.errors:
            told = [error.removeprefix(drop.path).removeprefix(":") for error in drop.errors]
            yield SpecError(drop.path, "\n".join(told))
