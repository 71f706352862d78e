"""What must hold when an account has come to rest, whatever went wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from leeward.core.callbacks import EVENTS, RUN_EVENTS
from leeward.core.dag import Dag
from leeward.core.facts import Failed, Succeeded
from leeward.core.run import Entry
from leeward.core.states import RunState, TaskState
from leeward.engine.see_run import Seen, see_recent
from tests.crash.scenes import Scene
from tests.crash.state import State, Try
from tests.ports.stores import Stores
from tests.world import World

Ends = tuple[RunState, dict[str, tuple[TaskState, int]]]
"""The state of the run, and of each task with its number of tries."""


def verdicts(scene: Scene, state: State, stores: Stores) -> Iterator[str]:
    """Everything that is wrong with an account at rest."""
    found = see_recent(stores.runs, stores.specs, scene.dag.dag_id, 2)
    if len(found) != 1:
        yield f"{len(found)} runs"
        return
    (seen,) = found
    entries = {task.task_id: entry for task, entry in zip(scene.dag.tasks, seen.entries, strict=True)}
    failed = frozenset(_failed(entries))
    lost = failed - scene.failing
    yield from _ends(scene, seen, entries, failed)
    yield from (f"{one} was lost, and no fault hit it" for one in lost - state.excused)
    yield from _bodies(state, entries)
    yield from _callbacks(scene, state, seen, entries)
    if state.dead:
        yield f"dead letters: {state.dead}"
    if seen.header.active or seen.header.owed:
        yield "the run is still active"


def _failed(entries: dict[str, Entry]) -> Iterator[Try]:
    """The tries that failed: all but the last one, and the last one of a failed task."""
    for task_id, entry in entries.items():
        last = entry.try_number + (entry.state is TaskState.FAILED)
        yield from ((task_id, number) for number in range(1, last))


def _ends(scene: Scene, seen: Seen, entries: dict[str, Entry], failed: frozenset[Try]) -> Iterator[str]:
    ends = (seen.header.state, {name: (entry.state, entry.try_number) for name, entry in entries.items()})
    wanted = fault_free(_Whole(scene.dag), failed | scene.failing)
    if ends != wanted:
        yield f"ended as {ends}, not as the fault-free {wanted}"


def _callbacks(scene: Scene, state: State, seen: Seen, entries: dict[str, Entry]) -> Iterator[str]:
    """Every end that has callbacks has called them."""
    told = {(task_id, event.removeprefix("m.")) for task_id, _, event in state.told}
    for task in scene.dag.tasks:
        event = EVENTS.get(entries[task.task_id].state)
        if event in task.callbacks and (task.task_id, event) not in told:
            yield f"{task.task_id} is {entries[task.task_id].state} and nobody was told"
    run_event = RUN_EVENTS[seen.header.state]
    if run_event in scene.dag.callbacks and f"run_{run_event}" not in {event for _, event in told}:
        yield f"the run is {seen.header.state} and nobody was told"


def _bodies(state: State, entries: dict[str, Entry]) -> Iterator[str]:
    yield from (f"the body of {one} was started {times} times" for one, times in state.started.items() if times > 1)
    made = {(name, number) for name, entry in entries.items() for number in range(1, entry.try_number + 1)}
    yield from (f"the body of {one} was never started" for one in made - state.excused - state.started.keys())
    yield from (f"the body of {one} was started, a try that there is not" for one in state.started.keys() - made)


class _Whole:
    """A DAG that can be a key."""

    def __init__(self, dag: Dag) -> None:
        self.dag = dag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and other.dag is self.dag

    def __hash__(self) -> int:
        return id(self.dag)


@cache
def fault_free(whole: _Whole, failing: frozenset[Try]) -> Ends:
    """How a run without faults ends in which exactly these tries fail, by the twins."""
    tries = {task.task_id: range(1, task.retry.retries + 2) for task in whole.dag.tasks}
    script = {
        name: [Failed("boom") if (name, number) in failing else Succeeded() for number in numbers]
        for name, numbers in tries.items()
    }
    world = World(whole.dag, script).run()
    return world.header.state, {name: (entry.state, entry.try_number) for name, entry in world.entries.items()}
