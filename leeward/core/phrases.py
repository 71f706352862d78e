"""Words for what is stored of task instances, for people: short ones for lists, whole sentences for one alone.

Times are UTC; those of the day that is looked at are told without the date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from leeward.core.address import instance, task_of
from leeward.core.dag import Dag
from leeward.core.decide import causes, skipped_by
from leeward.core.instances import given_up_by
from leeward.core.lines import Line, name_of
from leeward.core.presence import absent
from leeward.core.replay import Stored
from leeward.core.run import UNTOUCHED, Entry
from leeward.core.states import FAILURES, FINISHED, TaskState

MOST: Final = 5
"""As many task instances of a list are named; of the rest the number is."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is looked at: a version of a DAG, what was stored of a run of it, and the moment (seconds since the epoch)."""

    dag: Dag
    stored: Stored
    now: float

    def entry(self, address: int) -> Entry:
        """The entry of a task or an instance."""
        return self.stored.view.entry(address) or UNTOUCHED

    @property
    def absent(self) -> frozenset[int]:
        """The tasks that the run is without."""
        return absent(self.dag, self.stored.info)

    def since(self, address: int) -> float | None:
        """When the entry came into its state: by its own times, else by the log."""
        entry, last = self.entry(address), self.stored.of(address).last
        if entry.state is TaskState.RUNNING:
            return entry.start
        if entry.state in FINISHED and entry.end is not None:
            return entry.end
        return None if last is None else last.at

    def stands(self, line: Line) -> bool:
        """Whether a line of waiting is about an entry that has not changed since."""
        return line.address is not None and line in self.stored.of(line.address).waits

    def clock(self, moment: float) -> str:
        """A moment in words."""
        at, today = (datetime.fromtimestamp(each, UTC) for each in (moment, self.now))
        return f"{at:%H:%M:%SZ}" if at.date() == today.date() else f"{at:%Y-%m-%dT%H:%M:%SZ}"

    def ahead(self, moment: float) -> str:
        """A moment that is to come, and how far it is."""
        return f"{self.clock(moment)} ({span(moment - self.now)})"


def span(seconds: float) -> str:
    """How far off a moment is."""
    if seconds <= 0:
        return "overdue"
    if seconds < 120:
        return f"in {seconds:.1f} s" if seconds < 10 else f"in {seconds:.0f} s"
    minutes, hours = round(seconds / 60), seconds / 3600
    if minutes < 120:
        return f"in {minutes} min"
    return f"in {hours:.1f} h" if hours < 48 else f"in {hours / 24:.0f} days"


def tried(scene: Scene, address: int) -> str:
    """Which try of how many."""
    entry, task = scene.entry(address), scene.dag.tasks[task_of(address)]
    return f"try {entry.try_number} of {entry.base + task.retry.retries + 1}"


def unfinished_of(scene: Scene, index: int) -> list[int]:
    """What is unfinished of a task: itself, or once it has been expanded those of its instances that are, if any are."""
    entry = scene.entry(index)
    if entry.state in FINISHED:
        return []
    if entry.state is not TaskState.EXPANDED or entry.mapped is None:
        return [index]
    places = (instance(index, place) for place in range(entry.mapped.length))
    return [each for each in places if scene.entry(each).state not in FINISHED] or [index]


def listed(scene: Scene, addresses: Sequence[int]) -> str:
    """Task instances and what is the matter with each, the first of them by name."""
    named = [f"{name_of(scene.dag, each)} ({briefly(scene, each)})" for each in addresses[:MOST]]
    more = len(addresses) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def briefly(scene: Scene, address: int) -> str:
    """What is the matter with a task instance, in a few words."""
    if address in scene.absent:
        return "not in this run"
    entry = scene.entry(address)
    match entry.state:
        case TaskState.NONE:
            return "not started"
        case TaskState.RUNNING:
            return f"running{_since(scene, address)}, {tried(scene, address)}"
        case TaskState.UP_FOR_RETRY:
            return f"up_for_retry until {scene.clock(entry.until or scene.now)}"
        case TaskState.QUEUED | TaskState.DEFERRED:
            return f"{entry.state}{_since(scene, address)}"
    return entry.state.value


def under_way(scene: Scene, address: int) -> str:
    """How a task instance is on its way that has been queued, in a sentence."""
    entry = scene.entry(address)
    match entry.state:
        case TaskState.QUEUED:
            return f"queued{_since(scene, address)}: {tried(scene, address)} waits for an executor"
        case TaskState.DEFERRED:
            return f"deferred{_since(scene, address)}: {tried(scene, address)} waits for its job{_polled(entry)}"
    until = f", its lease ends at {scene.ahead(entry.until)}" if entry.until is not None else ""
    return f"running{_since(scene, address)}: {tried(scene, address)}{until}"


def _polled(entry: Entry) -> str:
    times = "once" if entry.polls == 1 else f"{entry.polls} times"
    return f", polled {times} so far" if entry.polls else ""


def _since(scene: Scene, address: int) -> str:
    moment = scene.since(address)
    return "" if moment is None else f" since {scene.clock(moment)}"


def expanded(scene: Scene, index: int) -> str:
    """How far a mapped task is whose instances are under way."""
    mapped, left = scene.entry(index).mapped, unfinished_of(scene, index)
    count = 0 if mapped is None else mapped.length
    if left == [index]:
        return f"expanded: all {count:,} instances have ended, so it ends now"
    return f"expanded: {count - len(left):,} of {count:,} instances have ended; waits for {listed(scene, left)}"


def finished(scene: Scene, address: int) -> str:
    """How a finished task instance came to its state, in a sentence."""
    entry, last = scene.entry(address), scene.stored.of(address).last
    moment = scene.since(address)
    head = entry.state.value + ("" if moment is None else f" at {scene.clock(moment)}")
    if last is not None and last.cause not in _DERIVED:
        number = f", {tried(scene, address)}" if entry.try_number else ""
        return f"{head}: {last.cause}{number}"
    because = _because(scene, address, entry)
    return f"{head}{because}"


_DERIVED: Final = frozenset({"trigger rule can't be met", "nothing to be mapped over", "skipped by a branch"})
"""Causes of which more can be told than the log does."""


def _because(scene: Scene, address: int, entry: Entry) -> str:
    """What a state that a rule or a branch gave follows from; nothing for any other."""
    dag, view = scene.dag, scene.stored.view
    asked = skipped_by(dag, view, address) if entry.state is TaskState.SKIPPED else []
    if asked:
        return f": skipped by {', '.join(name_of(dag, each) for each in asked)}"
    if entry.state not in (TaskState.SKIPPED, TaskState.UPSTREAM_FAILED) or entry.try_number > entry.base:
        return ""
    found = [*given_up_by(dag, view, address), *causes(dag, view, address)]
    of_failure = [each for each in found if entry.state is TaskState.UPSTREAM_FAILED and _failed(scene, each)]
    because = [*dict.fromkeys(of_failure or found)]
    if not because:
        return ""
    roots = [root for root in _roots(scene, because) if root not in because]
    chain = f", which goes back to {listed(scene, roots)}" if roots else ""
    return f": because of {listed(scene, because)}{chain}"


def _failed(scene: Scene, address: int) -> bool:
    return scene.entry(address).state in FAILURES


def _roots(scene: Scene, start: Sequence[int]) -> list[int]:
    """The failures that upstream_failed tasks go back to."""
    found: dict[int, None] = {}
    seen, todo = set(start), list(start)
    while todo:
        address = todo.pop()
        if scene.entry(address).state is not TaskState.UPSTREAM_FAILED:
            found[address] = None
            continue
        above = [up for up in causes(scene.dag, scene.stored.view, address) if _failed(scene, up)]
        todo += [up for up in above if up not in seen]
        seen.update(above)
    return [address for address in sorted(found) if _failed(scene, address)]
