"""What a run looks like now, for people: read once, decided nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leeward.core.address import blocks
from leeward.core.dag import Dag
from leeward.core.decide import entries
from leeward.core.presence import absent
from leeward.core.replay import Stored, whole
from leeward.core.rows import Row, rows
from leeward.core.run import Entry, Header, RunInfo, RunRef
from leeward.core.view import Layout, View
from leeward.engine.ports import HEADER, RunStore, SpecStore, header_item


@dataclass(frozen=True, slots=True)
class Seen:
    """One run: its DAG version, its header, and the entries of its tasks in the DAG's order.

    `rows` are its task instances, those of mapped tasks one by one.
    """

    info: RunInfo
    dag: Dag
    header: Header
    entries: tuple[Entry, ...]
    rows: tuple[Row, ...] = ()


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
    found = tuple(entries(view))
    return Seen(
        info, dag, header, found, tuple(rows(dag, with_instances(runs, info.ref, view, found), absent(dag, info)))
    )


def stored_now(runs: RunStore, specs: SpecStore, info: RunInfo) -> Stored | None:
    """All that is stored of a run, or None if it was announced and never started."""
    dag = specs.get(info.ref.version)
    layout = Layout(len(dag.tasks))
    items = runs.read(info.ref, {header_item(layout), *range(layout.shards)})
    header = items[header_item(layout)].header
    if header is None:
        return None
    view = View(layout, {shard: items[shard] for shard in range(layout.shards)}, header)
    return Stored(info, whole(dag, with_instances(runs, info.ref, view, tuple(entries(view)))))


def with_instances(runs: RunStore, ref: RunRef, view: View, found: Sequence[Entry]) -> View:
    """The view with the blocks of all mapped tasks that were expanded."""
    numbers = [n for index, entry in enumerate(found) if entry.mapped for n in blocks(index, entry.mapped.length)]
    for number, item in runs.read(ref, numbers).items() if numbers else ():
        view = view.with_item(number, item)
    return view


def see_recent(runs: RunStore, specs: SpecStore, dag_id: str, limit: int) -> Sequence[Seen]:
    """The runs of a DAG that were created last, the newest first."""
    found = (see_run(runs, specs, info) for info in runs.recent(dag_id, limit))
    return [seen for seen in found if seen is not None]
