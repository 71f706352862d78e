"""What a world at rest must look like: the promise, told without the engine.

Every final state must follow from the final states of the task's own upstream, from what its tries were to do, and from
which of them were lost. Where Airflow's result depends on who ends first (see `_verdicts`), any of its results is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from leeward.core.callbacks import EVENTS, RUN_EVENTS
from leeward.core.dag import Dag, Task, TriggerRule
from leeward.core.fail_fast import STOPPED
from leeward.core.rows import Row
from leeward.core.rules import Tally, verdict
from leeward.core.run import Entry, IntentKind
from leeward.core.states import FAILURES, FINISHED, RUN_FINISHED, RunState, TaskState
from leeward.engine.see_run import Seen, see_run
from tests.simulation.bodies import Script, base_of, doing
from tests.simulation.mapped import is_expanded, of_mapped, rows_of, unexpanded, upstream_of
from tests.simulation.world import Installation, runs_of

S = TaskState
EAGER = frozenset({TriggerRule.ONE_SUCCESS, TriggerRule.ONE_FAILED, TriggerRule.ONE_DONE, TriggerRule.ALWAYS})
"""Rules that may let a task run before a branch right above it asks for it to be skipped."""


def faults(world: Installation, expected: Sequence[str]) -> Iterator[str]:
    """Everything that is wrong with a world at rest, in which runs of those ids were to be."""
    yield from world.wrong
    yield from world.stalls if world.chance.gentle else ()
    yield from (f"body of {key} started {count} times" for key, count in world.started.items() if count > 1)
    yield from (f"dead letter: {message}" for message in world.cloud.dead)
    yield from (f"left in a queue: {message}" for message in world.cloud.waiting.values())
    if world.runs.active():
        yield f"still active: {world.runs.active()}"
    found = runs_of(world)
    if sorted(info.ref.run_id for info in found) != sorted(expected):
        yield f"runs {sorted(info.ref.run_id for info in found)}, not {sorted(expected)}"
    yield from _of_gates(world)
    for info in found:
        seen = see_run(world.runs, world.specs, info)
        yield from [f"{info.ref.run_id} was never started"] if seen is None else of_run(world, seen)


def _of_gates(world: Installation) -> Iterator[str]:
    """Whatever limits took was given back, where no function died in between."""
    if not world.struck:
        left = {gate: taken for gate, taken in world.gates.all().items() if taken.holds or taken.waiters}
        yield from [f"slots are left: {left}"] if left else []


def of_run(world: Installation, seen: Seen) -> Iterator[str]:
    """Everything that is wrong with one run."""
    name, dag = seen.info.ref.run_id, seen.dag
    if seen.header.state not in RUN_FINISHED or seen.header.active or seen.header.intent:
        yield f"{name} has not ended: {seen.header}"
        return
    states = {task.task_id: entry.state for task, entry in zip(dag.tasks, seen.entries, strict=True)}
    epochs = {item.epoch for ref, item in world.runs.items() if ref.run_id == name}
    if len(epochs) > 1:
        yield f"{name}: a verb was accepted and has not reached every item: {epochs}"
    states |= {row.name: row.entry.state for row in seen.rows}
    unfinished = {task_id: state for task_id, state in states.items() if state not in FINISHED}
    if unfinished:
        yield f"{name} ended with {unfinished}"
        return
    if any(line["run_id"] == name and line["cause"] in ("run stopped", "stopped") for line in world.log.lines):
        yield from [] if seen.header.state is RunState.FAILED else [f"{name} was stopped and is {seen.header.state}"]
        return
    asked = any(verb.run_id == name and verb.kind is IntentKind.STOP for verb in world.asked)
    if asked and world.struck and max(epochs) and seen.header.state is RunState.FAILED:
        return  # whoever stopped it died before the line
    lost = {(task_id, number) for run_id, task_id, number in world.lost if run_id == name}
    for row in seen.rows:
        task, entry = dag.task(row.task_id), row.entry
        allowed = possible(seen, row, world.script, lost) | _stopped(world, seen, row)
        if (entry.state, entry.try_number - entry.base) not in allowed:
            about = {up: [each.entry.state.value for each in seen.rows if each.task_id == up] for up in task.upstream}
            yield f"{name}: {row.name} ({task.trigger_rule}) is {entry}, not {allowed}, after {about}, lost {lost}"
    yield from of_mapped(seen)
    yield from _of_fail_fast(world, seen)
    leaves = [seen.entries[leaf].state for leaf in _leaves(dag)]
    ended = RunState.FAILED if FAILURES.intersection(leaves) else RunState.SUCCESS
    if seen.header.state is not ended:
        yield f"{name} is {seen.header.state}, its leaves {leaves}"
    yield from _of_log(world, seen)


def _stopped(world: Installation, seen: Seen, row: Row) -> set[tuple[TaskState, int]]:
    """What the failure of another task can have made of a task instance: a running body fails, all else is skipped."""
    tries = row.entry.try_number - row.entry.base
    others = any(each.entry.state is S.FAILED and each.task_id != row.task_id for each in seen.rows)
    if not seen.dag.fail_fast or seen.dag.task(row.task_id).is_teardown or not (others or _steered(world, seen)):
        return set()
    return {(S.SKIPPED, tries)} | ({(S.FAILED, tries)} if tries else set())


def _steered(world: Installation, seen: Seen) -> bool:
    """Whether a person changed the run, so that a failure may be taken back, or be an old one."""
    return any(verb.run_id == seen.info.ref.run_id for verb in world.asked)


def _of_fail_fast(world: Installation, seen: Seen) -> Iterator[str]:
    """Every failure stopped the others: none was upstream_failed for it, and none began after it."""
    name, dag = seen.info.ref.run_id, seen.dag
    yield from (f"{name}: {row.name} has not stopped the others" for row in seen.rows if row.entry.halts)
    if not dag.fail_fast or _steered(world, seen):
        return
    lines: list[Mapping[str, Any]]
    lines = [line for line in world.log.lines if line["run_id"] == name and "task_id" in line]
    stops = min((line["epoch"] for line in lines if line["cause"] == STOPPED), default=math.inf)
    spared = {line["task_id"] for line in lines if line.get("halts")} | {t.task_id for t in dag.tasks if t.is_teardown}
    for line in lines:
        if line["task_id"] not in spared and line["to"] in ("queued", "running") and line["epoch"] >= stops:
            yield f"{name}: began after a failure: {line}"
    for row in seen.rows:
        if row.entry.state is S.UPSTREAM_FAILED and row.map_index < 0 and not dag.task(row.task_id).is_teardown:
            yield f"{name}: {row.name} is upstream_failed, not stopped"


def _of_log(world: Installation, seen: Seen) -> Iterator[str]:
    """The end of a run was told, and whoever lost a try was struck."""
    name = seen.info.ref.run_id
    lines = [line for line in world.log.lines if line["run_id"] == name]
    ends = [line for line in lines if "task_id" not in line and line["to"] == seen.header.state.value]
    if not ends and not world.struck:
        yield f"{name} ended and nobody was told"
    yield from _of_callbacks(world, seen, lines)
    for line in lines:
        owner = str(line.get("owner", "")).rpartition(".")[0]
        tries = [tries for key, tries in world.script.items() if base_of(key) == line.get("task_id")]
        worker = {each.where for one in tries for each in one} & {"worker"}
        if line["cause"] == "lease expired" and owner not in world.struck and not worker:
            yield f"{name}: lost for no reason: {line}"


def _of_callbacks(world: Installation, seen: Seen, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every end of a try, that of the run, and a missed deadline called their callbacks; once where nothing went wrong."""
    dag, name = seen.dag, seen.info.ref.run_id
    wanted = []
    steered = {line["task_id"] for line in lines if line["cause"] in ("cleared", "run stopped", STOPPED)}
    for line in lines:
        event = EVENTS.get(S(line["to"])) if "task_id" in line else None
        tried = line["from"] in ("running", "deferred") and line.get("task_id") not in steered
        if event is not None and tried and event in dag.task(line["task_id"]).callbacks:
            place = "" if line["map_index"] < 0 else f"[{line['map_index']}]"
            wanted.append((name, f"{line['task_id']}{place}", line["try_number"], event.value))
    event = RUN_EVENTS[seen.header.state]
    ended = [key for key in world.called if key[0] == name and key[1] == "" and key[3] == event.value]
    if event in dag.callbacks and not ended:
        yield f"{name} ended and called nobody"
    yield from (f"no callback: {key}" for key in wanted if not world.called[key])
    if not world.struck and world.chance.gentle and not steered:
        ours = {key: count for key, count in world.called.items() if key[0] == name}
        yield from (f"{key} called {count} times" for key, count in ours.items() if count > 1)
    yield from _of_deadlines(world, seen)


def _of_deadlines(world: Installation, seen: Seen) -> Iterator[str]:
    """A run that did not succeed in time called, and no other. A clear begins the time anew, so nobody can tell here."""
    name, header = seen.info.ref.run_id, seen.header
    if any(verb.run_id == name for verb in world.asked) or header.start is None or header.end is None:
        return
    for alert in seen.dag.deadlines:
        late = header.state is RunState.FAILED or header.end > header.start + alert.interval_seconds
        if late != bool(world.called[name, "", 0, "deadline"]):
            yield f"{name}: deadline {header.start + alert.interval_seconds} is {'' if late else 'not '}missed: {header}"


def possible(seen: Seen, row: Row, script: Script, lost: set[tuple[str, int]]) -> set[tuple[TaskState, int]]:
    """The final states that a task instance can have, each with how many tries it took, given what became of its upstream."""
    dag, index, entry = seen.dag, seen.dag.index[row.task_id], row.entry
    task = dag.tasks[index]
    found: set[tuple[TaskState, int]] = set()
    for state in _verdicts(seen, row):
        assert state is not None, "a rule says something once everything upstream has finished"
        if state is S.QUEUED and dag.expansions[index] is not None:
            found |= unexpanded(seen, index) if row.map_index < 0 else {_ran(task, row, script, lost)}
        else:
            found.add(_ran(task, row, script, lost) if state is S.QUEUED else (state, 0))
    if dag.expansions[index] is not None and not is_expanded(seen, index):
        found |= {each for each in unexpanded(seen, index) if row.map_index < 0}
    skippers = _skippers(seen.entries, dag, index)
    if not skippers:
        return found
    early = task.trigger_rule in EAGER or skippers.isdisjoint(dag.graph.upstream[index])
    return (found if early else set()) | {(S.SKIPPED, tries) for tries in range(entry.try_number - entry.base + 1)}


def _leaves(dag: Dag) -> list[int]:
    """The tasks that a run's state is that of: after them comes nothing, or only teardowns that don't count."""
    down = dag.graph.downstream
    ignored = [task.is_teardown and not task.on_failure_fail_dagrun for task in dag.tasks]
    every = range(len(dag.tasks))
    found = [i for i in every if not ignored[i] and all(ignored[after] for after in down[i])]
    return found or [i for i in every if not down[i]]


def _guards(dag: Dag, index: int) -> list[int]:
    """The setups further up that a task can't do without: those that have a teardown behind it, or none at all."""
    if dag.tasks[index].is_teardown or dag.tasks[index].trigger_rule is TriggerRule.ALWAYS:
        return []
    behind, found = dag.graph.descendants((index,)), []
    for up in dag.graph.ancestors(index) - set(dag.graph.upstream[index]):
        teardowns = {down for down in dag.graph.downstream[up] if dag.tasks[down].is_teardown}
        if dag.tasks[up].is_setup and (not teardowns or teardowns & behind):
            found.append(up)
    return found


def _guarded(seen: Seen, index: int, found: set[TaskState | None]) -> set[TaskState | None]:
    """What is left of what a rule can say, given the setups that guard the task: they may have spoken first."""
    guards = [row for guard in _guards(seen.dag, index) for row in rows_of(seen, guard)]
    states = {state for guard in guards for state in _seen(seen, guard)}
    if states <= {S.SUCCESS}:
        return found
    spoken: set[TaskState | None] = {S.SKIPPED} if S.SKIPPED in states else set()
    return (found - {S.QUEUED}) | spoken | ({S.UPSTREAM_FAILED} if FAILURES & states else set())


def _seen(seen: Seen, row: Row) -> tuple[TaskState, ...]:
    """The states in which others may have seen a task end: both, if it may have been upstream_failed before it was skipped."""
    skippers = _skippers(seen.entries, seen.dag, seen.dag.index[row.task_id])
    late = row.entry.state is S.SKIPPED and (skippers or seen.dag.fail_fast)
    return (S.SKIPPED, S.UPSTREAM_FAILED) if late else (row.entry.state,)


def _verdicts(seen: Seen, row: Row) -> set[TaskState | None]:
    """What can be said of a task instance. all_success says what it sees first, a failure or a skip."""
    dag, task, upstream = seen.dag, seen.dag.task(row.task_id), list(upstream_of(seen, row))
    found: set[TaskState | None] = set()
    for states in product(*(_seen(seen, up) for up in upstream)):
        setups = [state for up, state in zip(upstream, states, strict=True) if dag.task(up.task_id).is_setup]
        found.add(verdict(task.trigger_rule, _tally(states, setups)))
        if task.trigger_rule is TriggerRule.ALL_SUCCESS and S.SKIPPED in states:
            found.add(S.SKIPPED)
    return _guarded(seen, dag.index[row.task_id], found)


def _tally(states: Sequence[TaskState], setups: Sequence[TaskState]) -> Tally:
    return Tally(
        len(states),
        states.count(S.SUCCESS),
        states.count(S.FAILED),
        states.count(S.UPSTREAM_FAILED),
        states.count(S.SKIPPED),
        setups=len(setups),
        setups_succeeded=setups.count(S.SUCCESS),
        setups_skipped=setups.count(S.SKIPPED),
    )


def _ran(task: Task, row: Row, script: Script, lost: set[tuple[str, int]]) -> tuple[TaskState, int]:
    """The end of a task whose rule let it run, and after how many tries."""
    for nth in range(1, task.retry.retries + 2):
        ends = doing(script, row.name, nth).ends
        failed = (row.name, row.entry.base + nth) in lost or ends == "failed"
        if not failed:
            return {"success": S.SUCCESS, "skipped": S.SKIPPED, "hopeless": S.FAILED}[ends], nth
    return S.FAILED, task.retry.retries + 1


def _skippers(entries: Sequence[Entry], dag: Dag, index: int) -> set[int]:
    """The branches that asked for a task to be skipped."""
    succeeded = (skipper for skipper in dag.skippers[index] if entries[skipper].state is S.SUCCESS)
    return {skipper for skipper in succeeded if index in entries[skipper].skip}
