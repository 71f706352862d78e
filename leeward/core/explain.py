"""Why is this task not running? Every cause, for any moment of a run, in the names of Airflow's scheduling dependencies.

Nothing is decided here a second time: `decide` is asked whether something is due for the task instance. If nothing is, what
its rules were asked about is named; if something is, only a limit, the past or the run itself can be in its way, and these
the engine writes into the event log when it meets them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from leeward.core.address import map_index_of, task_of
from leeward.core.dag import DEFAULT_POOL, Dag
from leeward.core.decide import Change, Moment, causes, decide, held_up, judge, needs
from leeward.core.fail_fast import failed
from leeward.core.gates import SHARED, Limit, holds_slots, slots_of
from leeward.core.instances import guards_of, sources_of
from leeward.core.lines import WAITS_FOR_PAST, Line, name_of
from leeward.core.phrases import Scene, expanded, finished, listed, under_way, unfinished_of
from leeward.core.replay import Stored
from leeward.core.run import Entry
from leeward.core.states import FINISHED, RUN_FINISHED, RunState, TaskState


class Dependency(StrEnum):
    """What a task instance may wait for; the values are the names that Airflow 3.3 shows (`ti_deps/deps`)."""

    TRIGGER_RULE = "Trigger Rule"
    RETRY_PERIOD = "Not In Retry Period"
    POOL = "Pool Slots Available"
    DAG_SLOTS = "Task Instance Slots Available"
    CONCURRENCY = "Task Concurrency"
    PREVIOUS_RUN = "Previous Dagrun State"
    UNPAUSED = "Dag Not Paused"
    RUN = "Dagrun Running"
    MAPPED = "Task has been mapped"
    LOGICAL_DATE = "Logical Date"
    NOT_RUNNING = "Task Instance Not Running"
    STATE = "Task Instance State"


class Standing(StrEnum):
    """How a task instance stands: what is due needs nothing but somebody who looks."""

    WAITING = "waiting"
    DUE = "due"
    UNDER_WAY = "under way"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Cause:
    """One dependency that is not met, and why, in a sentence. `until` is when it will be, where a clock decides that.

    `waits_for` names the task instances whose end is waited for.
    """

    dependency: Dependency
    reason: str
    until: float | None = None
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a task instance does not start. Where it is due, `due` says what happens next, and there is no cause."""

    task_id: str
    map_index: int
    entry: Entry
    standing: Standing
    causes: tuple[Cause, ...] = ()
    due: str = ""

    @property
    def name(self) -> str:
        """The task's id, with the map index of an instance."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def words(self) -> tuple[str, ...]:
        """All that there is to say, a sentence each."""
        return (self.due,) if self.due else tuple(cause.reason for cause in self.causes)


PAUSED: Final = "paused"
"""The cause of a run's line when it is queued, or does not go on, because its DAG is paused."""

_GATES: Final[Mapping[str, Dependency]] = {
    Limit.TASKS: Dependency.DAG_SLOTS,
    Limit.PER_RUN: Dependency.CONCURRENCY,
    Limit.PER_DAG: Dependency.CONCURRENCY,
}


def explain(dag: Dag, stored: Stored, now: float, address: int) -> Explanation:
    """Why the task or instance of that address does not start at that moment. The view must be complete (see `whole`)."""
    scene = Scene(dag, stored, now)
    entry = scene.entry(address)
    standing, found, due = _standing(scene, address, entry)
    return Explanation(dag.tasks[task_of(address)].task_id, map_index_of(address), entry, standing, tuple(found), due)


def explain_all(dag: Dag, stored: Stored, now: float) -> Iterator[Explanation]:
    """Every task of the run that is not finished; once the run is over, every one that did not succeed."""
    over = stored.view.header is not None and stored.view.header.state in RUN_FINISHED
    done = frozenset({TaskState.SUCCESS}) if over else FINISHED
    scene = Scene(dag, stored, now)
    for index in range(len(dag.tasks)):
        if index not in scene.absent and scene.entry(index).state not in done:
            yield explain(dag, stored, now, index)


def _standing(scene: Scene, address: int, entry: Entry) -> tuple[Standing, Sequence[Cause], str]:
    if task_of(address) in scene.absent:
        date = scene.stored.info.logical_date
        reason = f"not in this run: the task's start and end date do not hold the logical date {date}"
        return Standing.WAITING, [Cause(Dependency.LOGICAL_DATE, reason)], ""
    if entry.state in FINISHED:
        return Standing.FINISHED, [Cause(Dependency.STATE, finished(scene, address))], ""
    of_run = [*_of_run(scene)]
    change, later = (None, None) if of_run else _asked(scene, address)
    gates = [*_of_gates(scene, address, change)]
    if change is not None and not gates:
        why, queued = _WORDS.get(change.cause, change.cause), change.after.state is TaskState.QUEUED
        once = _once_free(scene, address) if queued else ""
        return Standing.DUE, [], f"due now: becomes {change.after.state}, as {why}{once}"
    if entry.state in (TaskState.NONE, TaskState.UP_FOR_RETRY):
        own = [] if change is not None else [*_of_state(scene, address, entry, later)]
        return Standing.WAITING, [*of_run, *own, *gates], ""
    return Standing.UNDER_WAY, [*of_run, _on_its_way(scene, address, entry)], ""


_WORDS: Final = {
    "trigger rule met": "its trigger rule is met",
    "trigger rule met, expanded": "its trigger rule is met",
    "trigger rule can't be met": "its trigger rule can't be met",
    "retry due": "its retry is due",
    "lease expired": "its lease has expired",
    "instances ended": "its instances have ended",
}
"""The log's words for causes, in a sentence."""


def _asked(scene: Scene, address: int) -> tuple[Change | None, float | None]:
    """What the engine's own rules say is due for the task instance, or when they will."""
    decision = decide(scene.dag, scene.stored.view, Moment(scene.stored.info, scene.now), (address,))
    state = scene.entry(address).state
    due = (*decision.changes, *decision.behind)
    change = next((each for each in due if each.index == address and each.after.state is not state), None)
    return change, next((moment for index, moment in decision.later if index == address), None)


def _of_run(scene: Scene) -> Iterator[Cause]:
    """What the run as a whole waits for, and all of its tasks with it."""
    header, last = scene.stored.view.header, scene.stored.run
    if header is None:
        yield Cause(Dependency.RUN, "the run has not been started")
        return
    why, since = ("", "") if last is None else (f": {last.cause}", f" since {scene.clock(last.at)}")
    if header.state is RunState.QUEUED:
        paused = last is not None and last.cause == PAUSED
        reason = f"the DAG is paused: the run is queued{since}" if paused else f"the run is queued{since}{why}"
        yield Cause(Dependency.UNPAUSED if paused else Dependency.RUN, reason)
    elif header.state in RUN_FINISHED:
        yield Cause(Dependency.RUN, f"the run has ended as {header.state}{why}: nothing of it starts any more")
    elif header.intent is not None:
        yield Cause(Dependency.RUN, f"the run is being changed by a verb: {header.intent.kind}")
    elif scene.stored.view.torn:
        yield Cause(Dependency.RUN, "the run is being changed by a verb")
    elif failed(scene.dag, scene.stored.view):
        names = ", ".join(scene.dag.tasks[index].task_id for index in sorted(failed(scene.dag, scene.stored.view)))
        yield Cause(Dependency.RUN, f"fail_fast stops the others now, because of {names} (failed)")


def _of_gates(scene: Scene, address: int, change: Change | None) -> Iterator[Cause]:
    """What is in the way of a try that is due: limits without a free slot, and the past."""
    told = [line for line in scene.stored.of(address).waits if line.cause == WAITS_FOR_PAST]
    if told or (change is not None and held_up(scene.dag, change, None)):
        name, run = name_of(scene.dag, address), f" {told[-1].previous}" if told else " before"
        yield Cause(Dependency.PREVIOUS_RUN, f"it depends on the past: waits for {name} of the run{run}")
    for line in _refusals(scene, address):
        if scene.stands(line):
            wanted = f"{line.slots} wanted, " if line.slots > 1 else ""
            seen = f"{line.used} of {line.limit} slots in use, {wanted}seen at {scene.clock(line.at)}"
            yield Cause(_dependency(line.gate), f"{line.gate} has no free slot: {seen}")
    if change is not None and change.after.state is TaskState.QUEUED:
        yield from _within_run(scene, change)


def _within_run(scene: Scene, change: Change) -> Iterator[Cause]:
    """The limits within the run that leave no slot: what holds one can be counted."""
    items = scene.stored.view.items.values()
    active = [
        (index, entry.try_number)
        for item in items
        for index, entry in item.entries.items()
        if holds_slots(scene.dag.tasks[task_of(index)], entry)
    ]
    held = Counter(slot.gate for each in active for slot in slots_of(scene.dag, "", {}, *each))
    for slot in slots_of(scene.dag, "", {}, change.index, change.after.try_number):
        if slot.gate.limit not in SHARED and held[slot.gate] + slot.count > slot.size:
            words = f"{slot.gate.limit} has no free slot: {held[slot.gate]} of {slot.size} in use in this run"
            yield Cause(_dependency(slot.gate.limit), words)


def _refusals(scene: Scene, address: int) -> Iterator[Line]:
    """The last word on each limit that runs share and the task is under: the engine tells it once for the whole run."""
    task = scene.dag.tasks[task_of(address)]
    pool = f"{Limit.POOL} {task.pool or DEFAULT_POOL}"
    found: dict[str, Line] = {}
    for line in sorted((line for told in scene.stored.told.values() for line in told.waits), key=lambda each: each.at):
        own = line.address is not None and task_of(line.address) == task_of(address)
        if line.gate == pool or (own and line.gate == Limit.PER_DAG):
            found[line.gate] = line
    yield from found.values()


def _dependency(gate: str) -> Dependency:
    return _GATES.get(gate, Dependency.POOL)


def _once_free(scene: Scene, address: int) -> str:
    """A limit that runs share may still refuse what is due, although nobody has said so since: it did before."""
    before = [
        f"{line.gate} has a free slot (it had none at {scene.clock(line.at)})" for line in _refusals(scene, address)
    ]
    return f", once {' and '.join(before)}" if before else ""


def _of_state(scene: Scene, address: int, entry: Entry, later: float | None) -> Iterator[Cause]:
    """What a task instance waits for that is not on its way, and for which nothing is due."""
    if entry.state is TaskState.UP_FOR_RETRY:
        yield from _of_retry(scene, address, entry)
    elif later is not None:
        verdict = judge(scene.dag, scene.stored.view, address)
        because = listed(scene, causes(scene.dag, scene.stored.view, address))
        rule = scene.dag.tasks[task_of(address)].trigger_rule
        reason = f"{rule} makes it {verdict} at {scene.ahead(later)}, unless others end before, because of {because}"
        yield Cause(Dependency.TRIGGER_RULE, reason, later)
    elif judge(scene.dag, scene.stored.view, address) is None:
        yield from _of_rule(scene, address)
    yield from _of_mapping(scene, address)


def _of_retry(scene: Scene, address: int, entry: Entry) -> Iterator[Cause]:
    retries = scene.dag.tasks[task_of(address)].retry.retries
    number = f"retry {entry.try_number - entry.base} of {retries}"
    if entry.until is not None and entry.until > scene.now:
        yield Cause(Dependency.RETRY_PERIOD, f"{number} is due at {scene.ahead(entry.until)}", entry.until)
    if entry.owes:
        yield Cause(Dependency.RETRY_PERIOD, f"{number} waits until on_retry_callback has been called")


def _of_rule(scene: Scene, address: int) -> Iterator[Cause]:
    """What the trigger rule waits for, and the setups besides."""
    view, rule = scene.stored.view, scene.dag.tasks[task_of(address)].trigger_rule
    guards = guards_of(scene.dag, view, address)
    direct = [up for up in needs(scene.dag, view, address) if up not in guards]
    setups, others = ([each for up in group for each in unfinished_of(scene, up)] for group in (guards, direct))
    if setups:
        yield _waiting(scene, "it must not start before its setups have succeeded: waits for", setups)
    if others:
        yield _waiting(scene, f"{rule} waits for", others)
    if not setups and not others:
        ends = listed(scene, needs(scene.dag, view, address))
        yield Cause(Dependency.TRIGGER_RULE, f"{rule} is neither met nor failed by {ends}: it waits for ever")


def _of_mapping(scene: Scene, address: int) -> Iterator[Cause]:
    """What an instance, or the expansion of a mapped task, waits for besides its rule."""
    index = task_of(address)
    if index != address:
        if scene.entry(index).state is not TaskState.EXPANDED:
            reason = f"{scene.dag.tasks[index].task_id} is not expanded ({scene.entry(index).state})"
            yield Cause(Dependency.MAPPED, reason, waits_for=(scene.dag.tasks[index].task_id,))
        return
    sources = [each for up in sources_of(scene.dag, index) for each in unfinished_of(scene, up)]
    if sources:
        cause = _waiting(scene, "it is mapped over what has not ended: waits for", sources)
        yield Cause(Dependency.MAPPED, cause.reason, waits_for=cause.waits_for)


def _waiting(scene: Scene, words: str, addresses: Sequence[int]) -> Cause:
    names = tuple(name_of(scene.dag, each) for each in addresses)
    return Cause(Dependency.TRIGGER_RULE, f"{words} {listed(scene, addresses)}", waits_for=names)


def _on_its_way(scene: Scene, address: int, entry: Entry) -> Cause:
    """Why nothing more is to be started: it is on its way."""
    if entry.state is TaskState.EXPANDED:
        waits_for = tuple(name_of(scene.dag, each) for each in unfinished_of(scene, address))
        return Cause(Dependency.STATE, expanded(scene, address), waits_for=waits_for)
    if entry.state is TaskState.RUNNING:
        return Cause(Dependency.NOT_RUNNING, under_way(scene, address), entry.until)
    return Cause(Dependency.STATE, under_way(scene, address))
