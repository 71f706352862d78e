"""Whole runs under limits: each limit holds at every step, everything still runs, and no slot is lost for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from leeward.contract import LEASE_MARGIN_SECONDS, RESEND_AFTER_SECONDS, STALE_INTENT_SECONDS, TASKS_PER_SHARD
from leeward.core.address import STRIDE, task_of
from leeward.core.dag import Dag, Expansion, RetryPolicy
from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.core.gates import Gate, GateWrite, Hold, Limit, Taken, holds_slots, slots_of
from leeward.core.run import IntentKind, RunInfo
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Hint, Look
from leeward.engine.ports import Write
from leeward.engine.scope import open_scope
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from leeward.local.gates import MemoryGates
from tests.drawing import draw
from tests.engine.test_hazards import Faulty, KilledError
from tests.world import INVOCATION, World

Script = Mapping[str, Sequence[Outcome | None]]
POOL = Gate(Limit.POOL, "etl")
SLOW: Sequence[Outcome | None] = [Deferred("job", 600.0), Succeeded()]


@dataclass
class Gates(MemoryGates):
    """The twin, which counts calls, and whose writes can be hooked into: killed before or after, or with a lost answer.

    The gates of whole runs lie beside it.
    """

    calls: int = 0
    of_runs: MemoryGates = field(default_factory=MemoryGates)
    fault: Callable[[Sequence[GateWrite]], str] = field(default=lambda writes: "")

    def read(self, gates: Iterable[Gate]) -> Mapping[Gate, Taken]:
        wanted = list(gates)
        if all(gate.limit is Limit.RUNS for gate in wanted):
            return self.of_runs.read(wanted)
        self.calls += 1
        return super().read(wanted)

    def write(self, writes: Sequence[GateWrite]) -> Mapping[Gate, Taken] | None:
        if all(write.gate.limit is Limit.RUNS for write in writes):
            return self.of_runs.write(writes)
        self.calls += 1
        fault = self.fault(writes)
        if fault == "before":
            raise KilledError
        after = super().write(writes)
        if fault == "after":
            raise KilledError
        return None if fault == "lost answer" else after


class Limited(World):
    """Runs that share gates. After each step no gate is over its size, and each holds what its tries hold."""

    def __init__(self, *dags: Dag, script: Script | None = None, runs: int = 1, **pools: int) -> None:
        super().__init__(dags[0], script or {})
        self.gates, self.store = Gates(), Faulty(self.specs)
        self.runs = self.store
        self.ports = replace(self.ports, gates=self.gates, runs=self.store, pools=pools)
        self.infos: list[RunInfo] = []
        self.strict = True
        for number, dag in enumerate(dags, 1):
            self.specs.put(f"v{number}", dag)
            refs = (
                replace(self.info.ref, dag_id=dag.dag_id, version=f"v{number}", run_id=f"r{i}") for i in range(runs)
            )
            self.infos += [replace(self.info, ref=ref) for ref in refs]
        self.info = self.infos[0]

    def start(self) -> Limited:
        for info in self.infos:
            assert start_run(self.ports, info)
        self.check()
        return self

    def handle(self, hint: Any) -> None:
        super().handle(hint)
        if self.strict:
            self.check()

    def check(self) -> None:
        used, sizes = self.in_use()
        assert all(count <= sizes[gate] for gate, count in used.items()), used
        stored = {gate: taken.used for gate, taken in self.gates.all().items() if taken.used}
        assert stored == dict(used)

    def in_use(self) -> tuple[Counter[Gate], dict[Gate, int]]:
        """How many slots of each gate the tries of all runs hold by their states, and the sizes of the gates."""
        used, sizes = Counter[Gate](), dict[Gate, int]()
        for info in self.infos:
            scope = open_scope(self.ports, info)
            for item in scope.read_instances(scope.read_all()).items.values():
                for address, entry in item.entries.items():
                    if holds_slots(scope.dag.tasks[task_of(address)], entry):
                        slots = slots_of(scope.dag, info.ref.key, self.ports.pools, address, entry.try_number)
                        used.update({slot.gate: slot.count for slot in slots})
                        sizes |= {slot.gate: slot.size for slot in slots}
        return used, sizes

    def succeeded(self) -> None:
        """Every run has, each body was started once a try, and nothing is taken or waited for."""
        for info in self.infos:
            self.info = info
            assert self.header.state is RunState.SUCCESS
        assert self.taken() == {}
        assert set(self.bodies.started.values()) == {len(self.infos)}

    def taken(self) -> dict[Gate, Taken]:
        return {gate: taken for gate, taken in self.gates.all().items() if taken != Taken()}

    def later(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now() + seconds)

    def queued(self) -> list[str]:
        """The tasks in the order in which they were queued."""
        return [str(line["task_id"]) for line in self.log.lines if line["to"] == "queued"]


def once(fault: str, when: Callable[[Any], bool]) -> Callable[[Any], str]:
    left = [fault]
    return lambda written: left.pop() if left and when(written) else ""


def takes(writes: Sequence[GateWrite]) -> bool:
    return any(write.change > 0 for write in writes)


def gives(writes: Sequence[GateWrite]) -> bool:
    return any(write.change < 0 for write in writes)


def queues(write: Write) -> bool:
    return any(entry.state is TaskState.QUEUED for entry in write.put.values())


def ends(write: Write) -> bool:
    return any(entry.state is TaskState.SUCCESS for entry in write.put.values())


def names(count: int) -> str:
    return ",".join(f"t{i}" for i in range(count))


def pooled(drawing: str, **slots: int) -> Dag:
    """A DAG whose tasks are in the pool `etl`; `slots` says how many they take, if that is not 1."""
    dag = draw(drawing)
    tasks = (replace(task, pool="etl", pool_slots=slots.get(task.task_id, 1)) for task in dag.tasks)
    return replace(dag, tasks=tuple(tasks))


# Each limit holds, and everything still runs


@pytest.mark.parametrize("most", [1, 3, 16])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_max_active_tasks_holds_over_several_shards(most: int, seed: int | None) -> None:
    world = Limited(draw(f"a>{names(TASKS_PER_SHARD + 5)}>z", dag={"max_active_tasks": most}))
    world.run(None if seed is None else Random(seed))
    world.succeeded()


@pytest.mark.parametrize("seed", range(4))
def test_tasks_that_take_two_of_three_slots_run_beside_smaller_ones(seed: int) -> None:
    world = Limited(pooled(names(9), t0=2, t3=2, t4=3, t7=2), etl=3)
    world.run(Random(seed))
    world.succeeded()


def test_task_that_does_not_fit_yet_leaves_what_is_free_to_others() -> None:
    dag = pooled("a,b,c", a=2, b=2)
    world = Limited(dag, etl=3).start()
    assert world.queued() == ["a", "c"]
    world.drain().succeeded()  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(3))
def test_instances_over_several_blocks_keep_to_the_limit_of_their_run(seed: int) -> None:
    limit = {"expand": Expansion((("x", list(range(70))),)), "max_active_tis_per_dagrun": 2}
    world = Limited(draw("a>m>z", m=limit))
    world.run(Random(seed))
    world.succeeded()


def test_limit_of_a_task_in_all_runs_holds_over_two_runs() -> None:
    world = Limited(draw("a>b,c>d", b={"max_active_tis_per_dag": 1}), runs=2)
    world.run(Random(3))
    world.succeeded()


@pytest.mark.parametrize("seed", range(4))
def test_task_that_two_limits_bind_keeps_to_both(seed: int) -> None:
    dag = replace(pooled(names(8), t1=2), max_active_tasks=2)
    world = Limited(dag, runs=3, etl=3)
    world.run(Random(seed))
    world.succeeded()


def test_run_is_woken_when_another_one_gives_back_the_slot_it_waits_for() -> None:
    world = Limited(pooled("a"), runs=3, etl=1).start()
    assert len(world.gates.all()[POOL].waiters) == 2
    world.drain()
    world.succeeded()


def test_heavier_tasks_go_first_within_a_run() -> None:
    weights = {name: {"priority_weight": weight} for name, weight in zip("abcd", (1, 9, 5, 7), strict=True)}
    world = Limited(draw("a,b,c,d", dag={"max_active_tasks": 1}, **weights))
    world.run()
    assert world.queued() == ["b", "d", "c", "a"]


def test_run_with_heavier_tasks_gets_the_slots_of_a_shared_pool_first() -> None:
    light = pooled("a,b,c")
    heavy = replace(pooled("x,y"), dag_id="heavy")
    heavy = replace(heavy, tasks=tuple(replace(task, priority_weight=9) for task in heavy.tasks))
    world = Limited(light, heavy, etl=1)
    world.start().drain()
    assert world.queued()[0] in ("a", "b", "c"), "it was there alone"
    assert set(world.queued()[1:3]) == {"x", "y"}
    assert len(world.queued()) == 5
    assert world.taken() == {}


def test_of_equal_weights_the_run_that_was_due_earlier_goes_first() -> None:
    world = Limited(pooled("a,b"), runs=2, etl=1)
    world.infos[0] = replace(world.infos[0], run_after="2024-01-16T00:00:00+00:00")
    world.start().drain()
    runs = [line["run_id"] for line in world.log.lines if line["to"] == "queued"]
    assert runs == ["r0", "r1", "r1", "r0"]


def test_downstream_tasks_of_a_limited_run_start_without_a_sweep() -> None:
    world = Limited(draw("a,b>c,d>e", dag={"max_active_tasks": 1}))
    world.run()
    world.succeeded()


# When slots come back


def test_try_gives_its_slot_back_while_it_waits_for_its_retry() -> None:
    dag = pooled("a,b")
    dag = replace(dag, tasks=tuple(replace(task, retry=RetryPolicy(1, 300.0)) for task in dag.tasks))
    world = Limited(dag, script={"a": [Failed("x"), Succeeded()]}, etl=1)
    world.run()
    assert world.queued() == ["a", "b", "a"]
    world.succeeded()


@pytest.mark.parametrize(
    ("arguments", "meanwhile"),
    [({}, []), ({"deferrable": True}, ["b"]), ({"mode": "reschedule"}, ["b"]), ({"mode": "poke"}, [])],
)
def test_task_that_waits_for_a_job_holds_its_slot_unless_it_waits_without_a_worker(
    arguments: Mapping[str, Any], meanwhile: list[str]
) -> None:
    dag = pooled("a,b")
    dag = replace(dag, tasks=(replace(dag.tasks[0], arguments=arguments), dag.tasks[1]))
    world = Limited(dag, script={"a": SLOW}, etl=1).start()
    for _ in range(3):
        for hint in world.queue.take():
            world.handle(hint)
    assert world.states["a"] is TaskState.DEFERRED
    assert world.queued()[1:] == meanwhile
    world.drain()
    world.succeeded()


@pytest.mark.parametrize("verb", ["stop", "clear", "mark"])
def test_verb_gives_back_the_slots_of_what_it_takes_back(verb: str) -> None:
    world = Limited(pooled("a,b"), script={"a": SLOW, "b": SLOW}, runs=2, etl=1).start()
    for hint in world.queue.take():
        world.handle(hint)
    first = world.infos[0]
    world.info = first
    assert {name for name, state in world.states.items() if state is TaskState.DEFERRED} == {"a"}
    if verb == "stop":
        apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    elif verb == "clear":
        apply_verb(world.scope, IntentKind.CLEAR, [0])
    else:
        apply_verb(world.scope, IntentKind.MARK, [0], state=TaskState.SUCCESS)
    world.check()
    world.drain()
    assert world.taken() == {}
    assert world.header.state is (RunState.FAILED if verb == "stop" else RunState.SUCCESS)
    assert world.tries["a"] == (2 if verb == "clear" else 1)


def test_run_that_ends_is_on_no_list_of_waiters() -> None:
    world = Limited(pooled("a"), script={"a": SLOW}, runs=2, etl=1).start()
    waiting = world.infos[1]
    assert set(world.gates.all()[POOL].waiters) == {waiting.ref.key}
    apply_verb(open_scope(world.ports, waiting), IntentKind.STOP, state=RunState.FAILED)
    assert world.gates.all()[POOL].waiters == {}
    world.drain()
    assert world.taken() == {}


def test_try_that_was_lost_gives_its_slot_back_when_its_lease_is_over() -> None:
    world = Limited(pooled("a,b"), etl=1).start()
    world.store.fault = once("before", ends)
    (hint,) = world.queue.take()
    with pytest.raises(KilledError):
        world.handle(hint)
    world.later(INVOCATION + LEASE_MARGIN_SECONDS)
    sweep(world.ports)
    world.check()
    assert world.states["a"] is TaskState.FAILED
    world.drain()
    assert (world.states["b"], world.taken()) == (TaskState.SUCCESS, {})


# What a crash, a lost answer or a race leaves


CRASHES: Mapping[str, Callable[[Limited], None]] = {
    "before taking": lambda world: setattr(world.gates, "fault", once("before", takes)),
    "after taking": lambda world: setattr(world.gates, "fault", once("after", takes)),
    "before queueing": lambda world: setattr(world.store, "fault", once("before", queues)),
    "after queueing": lambda world: setattr(world.store, "fault", once("after", queues)),
    "after recording": lambda world: setattr(world.store, "fault", once("after", ends)),
    "before giving back": lambda world: setattr(world.gates, "fault", once("before", gives)),
    "after giving back": lambda world: setattr(world.gates, "fault", once("after", gives)),
}


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("crash", CRASHES)
def test_crash_leaks_no_slot_after_one_sweep(crash: str, runs: int) -> None:
    dag = replace(pooled("a>b,c,d", c=2), max_active_tasks=2)
    world = Limited(dag, runs=runs, etl=2)
    CRASHES[crash](world)
    died = 0
    for info in world.infos:
        died += _dies(lambda info=info: start_run(world.ports, info))  # type: ignore[misc]
    for _ in range(8):
        for hint in world.queue.take():
            died += _dies(lambda hint=hint: World.handle(world, hint))  # type: ignore[misc]
        if died:
            break
    assert died == 1
    world.later(RESEND_AFTER_SECONDS)
    sweep(world.ports)
    world.check()
    for _ in range(4):
        world.drain()
        world.later(RESEND_AFTER_SECONDS)
        sweep(world.ports)
    world.drain()
    assert world.taken() == {}
    for info in world.infos:
        world.info = info
        assert world.header.state is RunState.SUCCESS
    assert set(world.bodies.started.values()) == {runs}


def _dies(step: Callable[[], object]) -> bool:
    try:
        step()
    except KilledError:
        return True
    return False


@pytest.mark.parametrize("when", [takes, gives])
def test_lost_answer_of_a_gate_takes_and_gives_back_once(when: Callable[[Sequence[GateWrite]], bool]) -> None:
    world = Limited(replace(pooled("a,b>c"), max_active_tasks=1), runs=2, etl=1)
    world.gates.fault = once("lost answer", when)
    world.run()
    world.succeeded()


def test_verb_that_died_before_it_gave_back_is_rolled_forward_with_its_slots() -> None:
    world = Limited(pooled("a,b"), script={"a": SLOW}, etl=1).start()
    for hint in world.queue.take():
        world.handle(hint)
    world.gates.fault = once("before", gives)
    with pytest.raises(KilledError):
        apply_verb(world.scope, IntentKind.CLEAR, [0])
    world.later(STALE_INTENT_SECONDS)
    sweep(world.ports)
    world.check()
    world.drain()
    assert (world.header.state, world.taken()) == (RunState.SUCCESS, {})


@pytest.mark.parametrize("blocks", [0, 1])
def test_slots_taken_for_instances_that_a_later_expansion_lacks_come_back(blocks: int) -> None:
    source = {"__xcom__": "a", "key": "return_value"}
    limit = {"expand": Expansion((("x", source),)), "max_active_tis_per_dagrun": 40}
    lists: Script = {"a": [Succeeded({"return_value": list(range(50))}), Succeeded({"return_value": [7]})]}
    world = Limited(draw("a>m>z", m=limit), script=lists).start()
    seen: list[int] = []

    def dies_at_that_block(write: Write) -> str:
        if not queues(write) or not any(address >= STRIDE for address in write.put):
            return ""
        seen.append(write.shard)
        return "before" if len(seen) == blocks + 1 else ""

    world.store.fault = dies_at_that_block
    (hint,) = world.queue.take()
    with pytest.raises(KilledError):
        world.handle(hint)
    assert sum(taken.used for taken in world.gates.all().values()) == 40
    world.store.fault = lambda write: ""
    apply_verb(world.scope, IntentKind.CLEAR, [0, 1, 2])
    world.check()
    world.drain()
    assert set(world.rows) == {"a", "m[0]", "z"}
    assert (world.header.state, world.taken()) == (RunState.SUCCESS, {})


def test_f13_slot_taken_for_a_try_that_is_over_goes_back() -> None:
    world = Limited(draw("a,b", dag={"max_active_tasks": 1}))
    busy: list[bool] = []

    def others_run_it_all(writes: Sequence[GateWrite]) -> str:
        if takes(writes) and not busy:
            busy.append(True)
            World.handle(world, Look(world.info))
            World.drain(world)
        return ""

    world.gates.fault = others_run_it_all
    world.start()
    assert busy
    world.succeeded()


def test_f13_slot_that_somebody_else_uses_is_not_given_back() -> None:
    world = Limited(draw("a,b", dag={"max_active_tasks": 1}))
    busy: list[bool] = []

    def another_queues_it(write: Write) -> str:
        if queues(write) and not busy:
            busy.append(True)
            World.handle(world, Look(world.info))
        return ""

    world.store.fault = another_queues_it
    world.start()
    assert busy
    assert sum(taken.used for taken in world.gates.all().values()) == 1
    world.drain()
    world.succeeded()


def test_f14_try_that_holds_a_slot_already_is_queued_though_a_heavier_one_finds_the_gate_full() -> None:
    world = Limited(draw("g,j", dag={"max_active_tasks": 1}, g={"priority_weight": 9}))
    key = world.info.ref.key
    token = f"{key}.{world.dag.index['j']}.1"
    MemoryGates.write(world.gates, [GateWrite(Gate(Limit.TASKS, key), 1, {token: Hold(1, 0)}, {token: None})])
    world.run()
    assert world.queued() == ["j", "g"]
    world.succeeded()


def test_f16_slot_that_came_free_just_before_the_run_entered_the_list_is_taken() -> None:
    world = Limited(pooled("a"), runs=2, etl=1)
    busy: list[bool] = []

    def first_run_ends(writes: Sequence[GateWrite]) -> str:
        if any(write.put_waiters for write in writes) and not busy:
            busy.append(True)
            World.drain(world)
        return ""

    world.gates.fault = first_run_ends
    world.start()
    assert busy
    world.drain()
    world.succeeded()


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_hints_that_come_twice_and_faults_leaves_no_slot_taken(seed: int) -> None:
    rng = Random(seed)
    dag = replace(pooled("a,b>c,d;b>e", a=2, d=2), max_active_tasks=2)
    world = Limited(dag, script={"c": [Deferred("job", 60.0), Succeeded()]}, runs=2, etl=3)
    world.strict = False
    kinds = ["", "", "", "", "", "", "before", "after", "lost answer"]
    world.gates.fault = lambda writes: rng.choice(kinds)
    for info in world.infos:
        _dies(lambda info=info: start_run(world.ports, info))  # type: ignore[misc]
    waiting: list[Hint] = []
    for _ in range(60):
        waiting += [hint for hint in world.queue.take() for _ in range(rng.choice([1, 1, 2]))]
        if waiting:
            hint = waiting.pop(rng.randrange(len(waiting)))
            _dies(lambda hint=hint: World.handle(world, hint))  # type: ignore[misc]
        else:
            world.later(rng.choice([1.0, 60.0]))
            _dies(lambda: sweep(world.ports))
    world.gates.fault = lambda writes: ""
    world.infos.append(replace(world.info, ref=replace(world.info.ref, run_id="later")))
    start_run(world.ports, world.infos[-1])
    for _ in range(6):
        for hint in [*waiting, *world.queue.take()]:
            world.handle(hint)
        waiting = []
        world.later(INVOCATION + LEASE_MARGIN_SECONDS)
        sweep(world.ports)
        world.drain()
    assert world.runs.active() == ()
    assert POOL not in world.taken()
    for info in world.infos:
        world.info = info
        assert world.header.state is RunState.SUCCESS


def test_slot_of_a_run_that_died_at_its_very_end_is_found_by_the_sweep_of_the_next_one() -> None:
    world = Limited(pooled("a"), etl=1).start()
    world.strict = False
    world.gates.fault = once("before", gives)
    (hint,) = world.queue.take()
    with pytest.raises(KilledError):
        world.handle(hint)
    assert world.header.state is RunState.SUCCESS
    assert world.gates.all()[POOL].used == 1
    world.info = replace(world.info, ref=replace(world.info.ref, run_id="later"))
    start_run(world.ports, world.info)
    assert world.drain().header.state is RunState.RUNNING
    sweep(world.ports)
    assert world.drain().header.state is RunState.SUCCESS
    assert world.taken() == {}


# Pools that change


def test_pool_that_has_disappeared_limits_nothing_and_is_clean_when_it_comes_back() -> None:
    world = Limited(pooled("a,b,c"), script={"a": SLOW}, etl=1).start()
    for hint in world.queue.take():
        world.handle(hint)
    world.strict, world.ports = False, replace(world.ports, pools={})
    sweep(world.ports)
    world.drain()
    assert world.header.state is RunState.SUCCESS
    left = world.gates.all()[POOL]
    assert (left.used, len(left.holds)) == (1, 1)
    other = replace(world.info, ref=replace(world.info.ref, run_id="later"))
    world.ports = replace(world.ports, pools={"etl": 1})
    start_run(world.ports, other)
    sweep(world.ports)
    world.drain()
    world.info = other
    assert (world.header.state, world.taken()) == (RunState.SUCCESS, {})


def test_pool_that_has_shrunk_keeps_what_is_held_and_gives_no_more() -> None:
    world = Limited(pooled("a,b,c,d"), script={"a": SLOW, "b": SLOW}, runs=2, etl=2).start()
    for hint in world.queue.take():
        world.handle(hint)
    world.strict, world.ports = False, replace(world.ports, pools={"etl": 1})
    apply_verb(world.scope, IntentKind.CLEAR, [2])
    sweep(world.ports)
    assert world.gates.all()[POOL].used == 2
    world.drain()
    assert world.taken() == {}
    assert world.header.state is RunState.SUCCESS


def test_try_that_took_its_slots_before_its_pool_shrank_is_queued_all_the_same() -> None:
    world = Limited(pooled("a,b"), etl=2)
    world.store.fault = once("before", queues)
    with pytest.raises(KilledError):
        world.start()
    world.strict, world.ports = False, replace(world.ports, pools={"etl": 1})
    apply_verb(world.scope, IntentKind.CLEAR, [])
    world.drain()
    assert (world.header.state, world.taken()) == (RunState.SUCCESS, {})


# What is not limited pays nothing


@pytest.mark.parametrize(
    "dag",
    [
        draw("a>b>c", dag={"max_active_tasks": 1}),
        draw("a>b,c>d", dag={"max_active_tasks": 2}),
        draw("a>b,c>d"),
        draw("a,b", a={"max_active_tis_per_dagrun": 1}),
        draw("a", a={"pool": "elsewhere"}),
    ],
    ids=["chain", "fan within its limit", "no limit", "limit of instances without any", "pool that is not there"],
)
def test_run_that_no_limit_can_bind_asks_no_gate_anything(dag: Dag) -> None:
    world = Limited(dag, etl=1)
    world.run()
    apply_verb(world.scope, IntentKind.CLEAR, [0])
    sweep(world.ports)
    world.drain()
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert world.gates.calls == 0


def test_tries_of_one_step_take_and_give_back_in_few_calls() -> None:
    world = Limited(draw(names(8), dag={"max_active_tasks": 4})).start()
    assert world.gates.calls == 2, "a read and a write for four slots"
    world.drain()
    world.succeeded()


# What is said of it


def test_log_says_which_gate_of_several_runs_a_task_waits_for() -> None:
    world = Limited(pooled("a,b"), runs=2, etl=1)
    world.run()
    lines = [line for line in world.log.lines if "gate" in line]
    told = {(line["run_id"], line["task_id"]): line for line in lines}
    assert told.keys() == {("r0", "b"), ("r1", "a"), ("r1", "b")}
    line = told["r0", "b"]
    assert (line["from"], line["to"], line["cause"]) == (line["from"], line["from"], "waits for a slot")
    assert (line["gate"], line["used"], line["limit"], line["slots"]) == ("pool etl", 1, 1, 1)
