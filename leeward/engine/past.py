"""The run before and the run after: what tasks that depend on the past wait for, and whom their ends wake.

Only versions with such tasks look. Which runs are near is read from an index that may lag behind a moment: a run that was
missed so is found by the sweep.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from leeward.core.dag import Dag
from leeward.core.decide import Change
from leeward.core.past import Before, Past, asked_of, earlier, following, past_of, previous
from leeward.core.run import RunInfo
from leeward.core.states import FINISHED, RunState
from leeward.core.view import Layout, View
from leeward.engine.hints import Look
from leeward.engine.ports import Ports, header_item

NEAR: Final = 100
"""How many runs that were created before a run, and how many after it, are looked at: about 40 KB of the index each."""


def read_past(ports: Ports, dag: Dag, info: RunInfo) -> Past:
    """What the run before says to the tasks that depend on it, as it is now."""
    found = earlier(info, ports.runs.near(info, NEAR))
    before = previous(dag, found)
    if before is None:
        return Past(dag.dependents)
    there = Before(before, ports.specs.get(before.ref.version))
    layout = Layout(len(there.dag.tasks))
    shards = {layout.shard(index) for index in asked_of(dag, there)}
    view = View(layout)
    for shard, item in ports.runs.read(before.ref, sorted(shards)).items():
        view = view.with_item(shard, item)
    first = any(dag.tasks[index].ignore_first_depends_on_past for index in dag.dependents)
    return past_of(dag, there, view, [Before(one, ports.specs.get(one.ref.version)) for one in found] if first else ())


def wake_next(ports: Ports, dag: Dag, info: RunInfo, changes: Collection[Change]) -> None:
    """After changes that the next run may have waited for, hint at it if it is under way."""
    if any(change.index in dag.awaited and change.after.state in FINISHED for change in changes):
        looks = [Look(one) for one in _under_way(ports, following(info, ports.runs.near(info, NEAR)))]
        if looks:
            ports.dispatch.send(looks)


def _under_way(ports: Ports, runs: Iterable[RunInfo]) -> Iterable[RunInfo]:
    for info in runs:
        number = header_item(Layout(len(ports.specs.get(info.ref.version).tasks)))
        header = ports.runs.read(info.ref, (number,))[number].header
        if header is not None and header.state is RunState.RUNNING:
            yield info
