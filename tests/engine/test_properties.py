"""Any DAG, any outcomes, any order of hints, any crash: the run ends, nothing runs twice, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.contract import LEASE_MARGIN_SECONDS
from leeward.core.dag import Dag, RetryPolicy, SkipScope, Task, TriggerRule
from leeward.core.decide import Change, Decision, Moment, close, decide, outcome
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.rules import Tally, verdict
from leeward.core.run import RunRef
from leeward.core.states import FINISHED, RUN_FINISHED, RunState, TaskState
from leeward.engine.hints import Hint
from leeward.engine.ports import Write, Written
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from leeward.local.run_store import MemoryRunStore
from tests.world import INVOCATION, World

RULES = list(TriggerRule)
CALM = [rule for rule in RULES if rule is not TriggerRule.ALL_SUCCESS]
"""Rules whose verdict never depends on which task ends first."""


@st.composite
def dags(draw: st.DrawFn, rules: Sequence[TriggerRule] = tuple(RULES), size: int = 9) -> Dag:
    tasks: list[Task] = []
    for i in range(draw(st.integers(1, size))):
        upstream = draw(st.sets(st.integers(0, i - 1), max_size=4)) if i else set()
        part = draw(st.sampled_from(["work", "work", "work", "setup", "teardown"]))
        tasks.append(
            Task(
                f"t{i}",
                "PythonOperator",
                upstream=tuple(f"t{up}" for up in sorted(upstream)),
                trigger_rule=TriggerRule.ALL_DONE_SETUP_SUCCESS if part == "teardown" else draw(st.sampled_from(rules)),
                is_setup=part == "setup",
                is_teardown=part == "teardown",
                on_failure_fail_dagrun=part == "teardown" and draw(st.booleans()),
                retry=RetryPolicy(draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 30.0]))),
                instant=draw(st.booleans()) and draw(st.booleans()),
                skip_scope=draw(
                    st.sampled_from([SkipScope.NOTHING, SkipScope.NOTHING, SkipScope.DIRECT, SkipScope.ALL])
                ),
            )
        )
    return Dag("random", tuple(tasks))


def _tame(dag: Dag) -> Dag:
    """Without branches and setups, which speak whenever they end."""
    tasks = (replace(task, skip_scope=SkipScope.NOTHING, is_setup=False) for task in dag.tasks)
    return replace(dag, tasks=tuple(tasks))


def outcomes(rng: Random, dag: Dag) -> Mapping[str, list[Outcome]]:
    """What each body does, try by try."""
    script: dict[str, list[Outcome]] = {}
    for i, task in enumerate(dag.tasks):
        reach = dag.graph.descendants((i,)) if task.skip_scope is SkipScope.ALL else dag.graph.downstream[i]
        chosen = (
            () if task.skip_scope is SkipScope.NOTHING else tuple(rng.sample(sorted(reach), rng.randint(0, len(reach))))
        )
        ends: list[Outcome] = [
            Succeeded(skip=tuple(dag.tasks[place].task_id for place in chosen)),
            Failed("x"),
            Failed("x", retryable=False),
            Skipped(),
        ]
        script[task.task_id] = [rng.choice([*ends, Deferred("job", 60.0), ends[0]]) for _ in range(3)] + [
            rng.choice(ends)
        ]
    return script


def check_end(world: World) -> None:
    assert world.header.state in RUN_FINISHED
    assert not world.header.active
    assert set(world.states.values()) <= FINISHED
    assert all(count == 1 for count in world.bodies.started.values())
    assert world.runs.active() == ()


@settings(max_examples=150, deadline=None)
@given(dags(), st.integers(0, 10_000))
def test_any_run_ends_in_any_order_of_hints(dag: Dag, seed: int) -> None:
    world = World(dag, outcomes(Random(seed), dag)).run(Random(seed + 1))
    check_end(world)


@settings(max_examples=100, deadline=None)
@given(dags(rules=CALM), st.integers(0, 10_000))
def test_states_do_not_depend_on_the_order_of_hints_where_airflows_do_not(dag: Dag, seed: int) -> None:
    tame = _tame(dag)
    found = [World(tame, outcomes(Random(seed), tame)).run(Random(order)) for order in (1, 2, 3)]
    assert found[0].states == found[1].states == found[2].states
    assert found[0].header.state is found[1].header.state is found[2].header.state
    assert found[0].states == _reference(tame, found[0])


def _reference(dag: Dag, world: World) -> dict[str, TaskState]:
    """A trivial engine: tasks in topological order, each from the final states of its upstream."""
    final: dict[str, TaskState] = {}
    for task in dag.tasks:
        states = [final[up] for up in task.upstream]
        counts = {state: states.count(state) for state in FINISHED}
        tally = Tally(
            len(states),
            counts[TaskState.SUCCESS],
            counts[TaskState.FAILED],
            counts[TaskState.UPSTREAM_FAILED],
            counts[TaskState.SKIPPED],
        )
        state = verdict(task.trigger_rule, tally)
        assert state is not None
        final[task.task_id] = world.states[task.task_id] if state is TaskState.QUEUED else state
        if state is TaskState.QUEUED:
            assert final[task.task_id] in (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED)
    return final


class KilledError(Exception):
    """The function died here."""


@dataclass
class Mortal(MemoryRunStore):
    """A store that kills whoever writes, before or after the write, with some probability."""

    rng: Random = field(default_factory=Random)
    rate: float = 0.0

    def write(self, ref: RunRef, write: Write) -> Written:
        if self.rng.random() < self.rate:
            raise KilledError
        written = super().write(ref, write)
        if self.rng.random() < self.rate:
            raise KilledError
        if self.rng.random() < self.rate:
            return Written(False, written.item)
        return written


def _hostile(world: World, rng: Random) -> None:
    """Duplicate, lose, delay and reorder hints, kill executors; then calm down and sweep until the run is over."""
    store = Mortal(world.specs, rng=rng, rate=0.1)
    world.runs = store
    world.ports = replace(world.ports, runs=store)
    waiting: list[Hint] = []
    _try(lambda: start_run(world.ports, world.info))
    for _ in range(40):
        waiting += [hint for hint in world.queue.take() for _ in range(rng.choice([0, 1, 1, 2]))]
        if waiting:
            hint = waiting.pop(rng.randrange(len(waiting)))
            _try(lambda hint=hint: world.handle(hint))  # type: ignore[misc]
        else:
            world.clock.advance_to(world.clock.now() + rng.choice([1.0, 60.0, INVOCATION]))
            _try(lambda: sweep(world.ports))
    store.rate = 0.0
    for _ in range(60):
        world.clock.advance_to(world.clock.now() + INVOCATION + LEASE_MARGIN_SECONDS)
        start_run(world.ports, world.info)
        sweep(world.ports)
        for hint in [*waiting, *world.queue.take()]:
            world.handle(hint)
        waiting = []


def _try(step: Callable[[], object]) -> None:
    with suppress(KilledError):
        step()


@settings(max_examples=150, deadline=None)
@given(dags(), st.integers(0, 10_000))
def test_any_run_survives_crashes_lost_answers_and_bad_queues(dag: Dag, seed: int) -> None:
    world = World(dag, outcomes(Random(seed), dag))
    _hostile(world, Random(seed))
    check_end(world)


@settings(max_examples=100, deadline=None)
@given(dags(), st.integers(0, 10_000), st.booleans(), st.sampled_from([1, 2, 36]))
def test_run_without_some_of_its_tasks_ends_too(dag: Dag, seed: int, hostile: bool, size: int) -> None:
    rng = Random(seed)
    over = "2020-01-01T00:00:00+00:00"
    part = replace(dag, tasks=tuple(replace(t, end_date=over) if rng.random() < 0.3 else t for t in dag.tasks))
    with patch("leeward.core.view.TASKS_PER_SHARD", size):
        world = World(part, outcomes(rng, part))
        _hostile(world, rng) if hostile else world.run(rng)
        assert (world.header.state in RUN_FINISHED, world.header.active) == (True, False)
        assert all(count == 1 for count in world.bodies.started.values())
        view, moment = world.scope.read_all(), Moment(world.info, world.clock.now())
        assert decide(part, view, moment) == Decision()
        waiting = {part.index[name] for name, state in world.states.items() if state not in FINISHED}
        assert world.scope.absent <= waiting
        assert world.header.state is (outcome(part, view, world.info) or RunState.FAILED)


@settings(max_examples=100, deadline=None)
@given(dags(), st.integers(0, 10_000), st.integers(1, 30))
def test_deciding_again_changes_nothing_and_touched_agrees_with_everything(dag: Dag, seed: int, steps: int) -> None:
    world = World(dag, outcomes(Random(seed), dag)).start()
    order = Random(seed)
    for _ in range(steps):
        waiting = world.queue.take()
        if not waiting:
            break
        chosen = waiting.pop(order.randrange(len(waiting)))
        world.queue.send(waiting)
        world.handle(chosen)
        view, moment = world.scope.read_all(), Moment(world.info, world.clock.now())
        assert _told_at_once(dag, decide(dag, view, moment)) == [], "whoever recorded has advanced"
        for index, entry in enumerate(list(world.entries.values())):
            if entry.state is TaskState.RUNNING:
                after = replace(entry, state=TaskState.SUCCESS, end=moment.now, until=None)
                ended = view.with_entries({index: after})
                touched, everything = decide(dag, ended, moment, (index,)), decide(dag, ended, moment)
                assert _told_at_once(dag, touched) == _told_at_once(dag, everything)


def _told_at_once(dag: Dag, decision: Decision) -> list[Change]:
    """The changes but for those that waited for the word of a branch further up, which a delayed look gives."""
    far = [set(dag.skippers[index]) - set(dag.graph.upstream[index]) for index in range(len(dag.tasks))]
    return [change for change in decision.changes if not far[change.index]]


@settings(max_examples=100, deadline=None)
@given(dags(rules=CALM), st.data())
def test_more_finished_states_never_take_a_verdict_back(dag: Dag, data: st.DataObject) -> None:
    tame = _tame(replace(dag, tasks=tuple(replace(task, instant=False) for task in dag.tasks)))
    world = World(tame)
    view, moment = world.scope.read_all(), Moment(world.info, world.clock.now())
    ends = st.sampled_from([TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED])
    for index in range(len(tame.tasks)):
        before = {c.index: c.after.state for c in decide(tame, view, moment).changes}
        entry = replace(
            world.scope.read_all().entry(index) or list(world.entries.values())[index], state=data.draw(ends), end=0.0
        )
        view = view.with_entries({index: entry})
        after = {c.index: c.after.state for c in decide(tame, view, moment).changes}
        assert before.items() - after.items() <= {(index, before.get(index))}


@settings(max_examples=100, deadline=None)
@given(dags())
def test_closing_a_whole_run_over_bodies_that_fail_leaves_no_verdict_open(dag: Dag) -> None:
    world = World(dag, {task.task_id: [Failed("x", retryable=False)] for task in dag.tasks}).run()
    view, moment = world.scope.read_all(), Moment(world.info, world.clock.now())
    assert close(dag, view, moment, (), 0) == ()
    assert outcome(dag, view, world.info) in (RunState.SUCCESS, RunState.FAILED)
