"""The ports of one simulated invocation: what they note about the world, and how their calls give way to others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leeward.aws.messages import group_text, hint_text
from leeward.contract import MAX_HINT_DELAY_SECONDS
from leeward.core.address import STRIDE, map_index_of, task_of
from leeward.core.dag import Dag, Json
from leeward.core.decide import judge
from leeward.core.gates import Gate, GateWrite, Taken, holds_slots, slots_of
from leeward.core.instances import depends_inside
from leeward.core.run import Entry, Item, RunInfo, RunRef, RunType
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.view import Layout, View
from leeward.engine.hints import Execute, Hint, Look
from leeward.engine.ports import Write, Written
from leeward.local.gates import MemoryGates
from leeward.local.run_store import MemoryRunStore
from tests.simulation.bodies import POLL_SECONDS, Try

if TYPE_CHECKING:
    from tests.simulation.world import Installation, Invocation

FAN = 2
"""More tries than this are invoked directly."""


RACE_SECONDS = 2.0
"""A sweep that is so close behind a change may well be faster than whoever made the change."""


LAG_SECONDS = 1.0
"""For how long the index does not show a new run."""


POOLS = {"narrow": 1, "wide": 3}
"""The slots of the installation's pools."""


class Killed(BaseException):
    """The function died here; nothing of its code may catch it."""


@dataclass
class Runs(MemoryRunStore):
    """Run state that notes which tries ended in failure although their body may have done well: they were lost."""

    world: Installation | None = None

    def items(self) -> Sequence[tuple[RunRef, Item]]:
        """Everything that is stored."""
        return [(ref, item) for (ref, _), item in self._items.items()]

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        created = super().create(info, item, layout)
        self._check_runs(info.ref)
        return created

    def write(self, ref: RunRef, write: Write) -> Written:
        written = super().write(ref, write)
        if write.put_header is not None:
            self._check_runs(ref)
        if written.won and self.world is not None:
            self._check_causes(self.world, ref, write)
            self._check_limits(self.world, ref, write)
            self._check_past(self.world, ref, write)
            awaited = self.specs.get(ref.version).awaited
            if any(i in awaited and after.state in FINISHED for i, after in write.put.items()):
                self.world.freed = self.world.clock.now()
            for index, after in write.put.items():
                before = write.expect.get(index)
                if before is not None and after.state in (TaskState.FAILED, TaskState.UP_FOR_RETRY):
                    self._note(self.world, ref, index, before, after)
        return written

    def _check_runs(self, ref: RunRef) -> None:
        """No more runs of a DAG are running than may be."""
        found = [
            item.header.state for (owner, _), item in self._items.items() if owner.dag_id == ref.dag_id and item.header
        ]
        if self.world is None:
            return
        dag = self.world.specs.get(ref.version)
        if dag.bounds_runs and found.count(RunState.RUNNING) > dag.max_active_runs:
            self.world.wrong.append(f"{ref.run_id}: {found.count(RunState.RUNNING)} runs of {ref.dag_id} are running")

    def _check_causes(self, world: Installation, ref: RunRef, write: Write) -> None:
        """Whatever starts has cause to, by all that is stored now; while a verb is on its way nobody can tell."""
        dag = world.specs.get(ref.version)
        layout = Layout(len(dag.tasks))
        there = {shard: item for (owner, shard), item in self._items.items() if owner == ref and shard >= 0}
        view = View(layout, {shard: Item() for shard in range(layout.shards)} | there)
        starting = (TaskState.QUEUED, TaskState.RUNNING, TaskState.EXPANDED)
        starts = [i for i, after in write.put.items() if after.state in starting]
        for index in starts if not view.torn else ():
            before = write.expect.get(index)
            if before is not None and before.state is TaskState.NONE and not self._has_cause(dag, view, index):
                world.wrong.append(f"{ref.run_id}: {dag.tasks[task_of(index)].task_id} starts without cause: {index}")

    def lag_seconds(self) -> float:
        return LAG_SECONDS

    def near(self, info: RunInfo, limit: int) -> Sequence[RunInfo]:
        """What the index shows: nothing that is younger than it may lag behind."""
        now = info.created if self.world is None else self.world.clock.now()
        return [one for one in super().near(info, limit) if one.created + LAG_SECONDS <= now]

    def _check_past(self, world: Installation, ref: RunRef, write: Write) -> None:
        """What depends on the past starts only once it has come through in the run before; verbs may take that back."""
        dag = world.specs.get(ref.version)
        queued = [i for i, after in write.put.items() if after.state is TaskState.QUEUED and i in dag.dependents]
        before = None if world.steered or not queued else self._run_before(dag, ref)
        for index in queued if before else ():
            task = dag.tasks[index]
            asked = [index, *(dag.graph.downstream[index] if task.wait_for_downstream else ())]
            there = [item for (owner, shard), item in self._items.items() if owner == before and shard >= 0]
            states = {i: entry.state for item in there for i, entry in item.entries.items()}
            if not {states.get(i) for i in asked} <= {TaskState.SUCCESS, TaskState.SKIPPED}:
                world.wrong.append(f"{ref.run_id}: {task.task_id} starts before {before} is through: {states}")

    def _run_before(self, dag: Dag, ref: RunRef) -> RunRef | None:
        """The run before, if it was there before this one was and nobody has come in between since."""
        infos = [info for info in self._infos.values() if info.ref == ref or not (dag.catchup and _by_hand(info))]
        own = next(place for place, info in enumerate(infos) if info.ref == ref)
        date = _date(infos[own])
        earlier = [(_date(info), place) for place, info in enumerate(infos) if _date(info) < date]
        last = max(earlier, default=(date, own))[1]
        there = last < own and infos[last].created <= infos[own].created
        return infos[last].ref if there else None

    def _check_limits(self, world: Installation, ref: RunRef, write: Write) -> None:
        """No more tries hold slots of any gate than it has."""
        dag = world.specs.get(ref.version)
        queued = [(i, after.try_number) for i, after in write.put.items() if after.state is TaskState.QUEUED]
        sizes = {slot.gate: slot.size for each in queued for slot in slots_of(dag, ref.key, POOLS, *each)}
        used = Counter[Gate]()
        for (owner, _), item in self._items.items() if sizes else ():
            other = world.specs.get(owner.version)
            for index, entry in item.entries.items():
                if holds_slots(other.tasks[task_of(index)], entry):
                    slots = slots_of(other, owner.key, POOLS, index, entry.try_number)
                    used.update({slot.gate: slot.count for slot in slots})
        for gate, size in sizes.items():
            if used[gate] > size:
                world.wrong.append(f"{ref.run_id}: {used[gate]} slots of {gate} are used, there are {size}")

    def _has_cause(self, dag: Dag, view: View, index: int) -> bool:
        """Whether a rule is met; an instance of a mapped task needs one only for what is inside of its group."""
        task = view.entry(task_of(index))
        if index >= STRIDE and (task is None or task.mapped is None or map_index_of(index) >= task.mapped.length):
            return False
        if index >= STRIDE and not depends_inside(dag, task_of(index)):
            return True
        return judge(dag, view, index) is TaskState.QUEUED

    def _note(self, world: Installation, ref: RunRef, index: int, before: Entry, after: Entry) -> None:
        if before.try_number == 0:
            return  # a mapped task as a whole, which has no tries
        task = world.specs.get(ref.version).tasks[task_of(index)]
        if after.state is TaskState.FAILED and before.try_number - before.base <= task.retry.retries:
            return  # it failed for good, which no lost try does
        name = task.task_id if index < STRIDE else f"{task.task_id}[{map_index_of(index)}]"
        key = (ref.run_id, name, before.try_number)
        expired = before.state is TaskState.RUNNING and (before.until or 0.0) <= world.clock.now()
        if expired or key in world.reported:
            world.lost.add(key)


def _by_hand(info: RunInfo) -> bool:
    return info.run_type is RunType.MANUAL


def _date(info: RunInfo) -> datetime:
    return datetime.fromisoformat(info.logical_date or "0001-01-01T00:00:00+00:00")


@dataclass
class Slots(MemoryGates):
    """Gates that note when a slot was last given back: whoever waited for it may come from another run."""

    world: Installation | None = None

    def write(self, writes: Sequence[GateWrite]) -> Mapping[Gate, Taken] | None:
        after = super().write(writes)
        if after is not None and self.world is not None and any(write.change < 0 for write in writes):
            self.world.freed = self.world.clock.now()
        return after


@dataclass(frozen=True)
class Here:
    """Implements `tests.simulation.bodies.Execution`: bodies that are part of one invocation."""

    world: Installation
    invocation: Invocation

    def order(self, order: Mapping[str, Any]) -> None:
        cloud, passes = self.world.cloud, self.invocation.passes
        self.world.call(self.invocation, "lambda", lambda: cloud.invoke("worker", order, passes))

    def starts(self, key: Try) -> None:
        """Nobody else that still lives may hold an older try of the task, unless a person cleared it under way."""
        now = self.world.clock.now()
        for other in self.world.alive if not self.world.steered else ():
            if other.holds in self.world.reported:
                continue  # the other delivery of its order failed, and was taken for this one
            if other.holds and other.holds[:2] == key[:2] and other.holds[2] < key[2] and now < other.deadline:
                self.world.wrong.append(f"{key} starts while {other.name} holds {other.holds}")
        self.invocation.holds = key
        self.world.started[key] += 1

    def spends(self, seconds: float) -> None:
        """The body ends with its invocation, which is killed at its deadline."""
        here, now = self.invocation, self.world.clock.now()
        if seconds:
            here.wakes = min(now + seconds, here.deadline)
            self.world.hub.switch()
        here.holds = None
        if now + seconds > here.deadline:
            self.world.chance.struck["deadline"] = 1
            raise Killed

    def late(self) -> bool:
        return self.world.clock.now() > self.invocation.deadline

    def polls(self, key: Try) -> None:
        """Two polls of one job are never made at once."""
        now = self.world.clock.now()
        if now - self.world.polled.get(key, 0.0) < POLL_SECONDS / 2 and not self.invocation.struck:
            self.world.stalls.append(f"{key} polled twice within {now - self.world.polled[key]:.1f} s")
        self.world.polled[key] = now

    def calls(self, key: Try, event: str) -> None:
        """A callback is called: an invocation that nobody waits for."""

        def called() -> None:
            self.world.called[*key, event] += 1

        self.world.call(self.invocation, "callbacks", called)


@dataclass(frozen=True)
class Log:
    """Implements `leeward.engine.ports.EventLog`, and notes what only a sweep has moved on."""

    world: Installation
    invocation: Invocation

    def append(self, events: Sequence[Mapping[str, Json]]) -> None:
        now = self.world.clock.now()
        self.world.log.append(events)
        for event in (each for each in events if each["from"] != each["to"]):
            run_id = str(event["run_id"])
            if event["from"] is None:
                self.invocation.made.add(run_id)
            before = max(self.world.moved.get(run_id, 0.0), self.world.freed, _due(event))
            late = now - before > RACE_SECONDS
            self.world.moved[run_id] = now
            if late and self.invocation.sweeps and run_id not in self.invocation.made:
                self.world.stalls.append(f"a sweep had to see to {event}")


def _due(event: Mapping[str, Json]) -> float:
    """When the deadline was that an event tells of: whoever misses it may be a sweep."""
    return datetime.fromisoformat(str(event["deadline"])).timestamp() if "deadline" in event else 0.0


@dataclass(frozen=True)
class Sender:
    """Implements `leeward.engine.ports.Dispatcher` for one invocation: what it sends goes on its chain of requests."""

    world: Installation
    invocation: Invocation

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        cloud, passes = self.world.cloud, self.invocation.passes
        wide = len(hints) > FAN and not delay_seconds
        for hint in hints:
            self._count(hint)
            if wide and isinstance(hint, Execute):
                cloud.invoke("executor", json.loads(group_text([hint])), passes)
                continue
            queue = "looks" if isinstance(hint, Look) else "tries"
            cloud.send(queue, hint_text(hint), delay_seconds, passes)

    def backlog_seconds(self) -> float:
        waiting = [message.due for message in self.world.cloud.due() if message.queue == "tries"]
        return self.world.clock.now() - min(waiting, default=self.world.clock.now())

    def reach_seconds(self) -> float:
        return MAX_HINT_DELAY_SECONDS

    def _count(self, hint: Hint) -> None:
        """A try is dispatched once, by whoever queued it, where nothing goes wrong."""
        if isinstance(hint, Execute):
            key = hint_text(hint)
            self.world.names[key] += 1
            if self.world.names[key] > 1:
                self.world.stalls.append(f"dispatched again: {hint.index} {hint.queued}")


@dataclass(frozen=True)
class Tokens:
    """Implements `leeward.engine.ports.Ids`: tokens that name the invocation which drew them."""

    invocation: Invocation

    def token(self) -> str:
        self.invocation.tokens += 1
        return f"{self.invocation.name}.{self.invocation.tokens}"

    secret = token


@dataclass(frozen=True)
class Through:
    """A port whose every call goes through `Installation.call`."""

    world: Installation
    invocation: Invocation
    name: str
    real: Any

    def __getattr__(self, method: str) -> Callable[..., Any]:
        real = getattr(self.real, method)

        def call(*arguments: Any, **named: Any) -> Any:
            do = lambda: real(*arguments, **named)  # noqa: E731 - it is a call that has not been made yet
            return self.world.call(self.invocation, f"{self.name}.{method}", do)

        return call
