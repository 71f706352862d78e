"""What a run looks like now, for people: read once, decided nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leeward.core.dag import Dag
from leeward.core.decide import entries
from leeward.core.run import Entry, Header, RunInfo
from leeward.core.view import Layout, View
from leeward.engine.ports import HEADER, RunStore, SpecStore


@dataclass(frozen=True, slots=True)
class Seen:
    """One run: its DAG version, its header, and the entries of its tasks in the DAG's order."""

    info: RunInfo
    dag: Dag
    header: Header
    entries: tuple[Entry, ...]


def see_run(runs: RunStore, specs: SpecStore, info: RunInfo) -> Seen | None:
    """The run, or None if it was announced and never started."""
    dag = specs.get(info.ref.version)
    layout = Layout(len(dag.tasks))
    numbers = [*range(layout.shards)] if layout.single else [HEADER, *range(layout.shards)]
    items = runs.read(info.ref, numbers)
    header = items[numbers[0]].header
    if header is None:
        return None
    view = View(layout, {shard: items[shard] for shard in range(layout.shards)})
    return Seen(info, dag, header, tuple(entries(view)))


def see_recent(runs: RunStore, specs: SpecStore, dag_id: str, limit: int) -> Sequence[Seen]:
    """The runs of a DAG that were created last, the newest first."""
    found = (see_run(runs, specs, info) for info in runs.recent(dag_id, limit))
    return [seen for seen in found if seen is not None]
