"""One test a hazard of a run engine: what a naive engine would do wrong, and what ours does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from leeward.contract import (
    EARLY_VERDICT_SECONDS,
    LEASE_MARGIN_SECONDS,
    RESEND_AFTER_SECONDS,
    STALE_DEBT_SECONDS,
    TASKS_PER_SHARD,
)
from leeward.core.dag import Callback, CallbackEvent, RetryPolicy, SkipScope
from leeward.core.errors import EngineError, UsageError
from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.core.run import Entry, Header, IntentKind, Item, RunRef
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.end_run import end_run, roll_forward
from leeward.engine.hints import Execute, Look, Poll
from leeward.engine.ports import HEADER, Write, Written, header_item
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from leeward.local.queue import MemoryQueue
from leeward.local.run_store import MemoryRunStore
from tests.drawing import draw
from tests.world import INVOCATION, World

BOOM = Failed("boom")
WIDE = ",".join(f"t{i}" for i in range(TASKS_PER_SHARD + 5))


class KilledError(Exception):
    """The function died here."""


@dataclass
class Faulty(MemoryRunStore):
    """A store whose writes can be made to fail: killed before or after, or with a lost answer that looks refused."""

    fault: Callable[[Write], str] = field(default=lambda write: "")

    def write(self, ref: RunRef, write: Write) -> Written:
        fault = self.fault(write)
        if fault == "before":
            raise KilledError
        written = super().write(ref, write)
        if fault == "after":
            raise KilledError
        return Written(False, written.item) if fault == "lost answer" else written


def _faulty(world: World, fault: Callable[[Write], str]) -> World:
    store = Faulty(world.specs, fault=fault)
    world.runs = store
    world.ports = replace(world.ports, runs=store)
    return world


def _to(state: TaskState) -> Callable[[Write], bool]:
    return lambda write: any(entry.state is state for entry in write.put.values())


def _once(fault: str, when: Callable[[Write], bool]) -> Callable[[Write], str]:
    left = [fault]
    return lambda write: left.pop() if left and when(write) else ""


def _execute(world: World) -> Execute:
    (hint,) = world.queue.take()
    assert isinstance(hint, Execute)
    return hint


def test_f01_join_over_two_shards_starts_whoever_ends_last() -> None:
    names = [f"t{i}" for i in range(TASKS_PER_SHARD + 1)]
    dag = draw(",".join(names) + ">join")
    for last in (0, TASKS_PER_SHARD):
        world = World(dag).start()
        hints = world.queue.take()
        for hint in [h for h in hints if isinstance(h, Execute) and h.index != last]:
            world.handle(hint)
        world.handle(next(h for h in hints if isinstance(h, Execute) and h.index == last))
        assert world.drain().header.state is RunState.SUCCESS


def test_f02_fold_does_not_run_what_another_upstream_still_holds() -> None:
    world = World(draw("a,b>c")).start()
    first, _ = world.queue.take()
    world.handle(first)
    assert world.states["c"].name == "NONE"


def test_f03_clear_between_image_and_record_keeps_a_taken_back_result_from_starting_others() -> None:
    world = World(draw("a,b>c"))

    def clear_a_while_b_runs(attempt: object) -> Outcome:
        if world.states["a"] is TaskState.SUCCESS:
            apply_verb(world.scope, IntentKind.CLEAR, [0])
        return Succeeded()

    world.bodies.start = clear_a_while_b_runs  # type: ignore[method-assign]
    world.start()
    a, b = world.queue.take()
    world.handle(a)
    world.handle(b)
    assert world.states["b"].name == "SUCCESS"
    assert world.states["c"].name == "NONE"


def test_f04_claim_after_a_stop_finds_nothing_to_claim() -> None:
    world = World(draw("a")).start()
    hint = _execute(world)
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    world.handle(hint)
    assert world.bodies.started == {}
    assert world.states == {"a": TaskState.SKIPPED}


def test_f05_zombie_cannot_record_over_the_try_that_replaced_it() -> None:
    world = World(draw("a", a={"retry": RetryPolicy(1, 0.0)}))

    def freeze(attempt: object) -> Outcome:
        world.clock.advance_to(world.clock.now() + 10 * INVOCATION)
        sweep(world.ports)
        world.bodies.start = lambda attempt: Failed("second")  # type: ignore[method-assign]
        world.drain()
        return Succeeded()

    world.bodies.start = freeze  # type: ignore[method-assign]
    world.start()
    world.handle(_execute(world))
    assert (world.states["a"], world.tries["a"]) == (TaskState.FAILED, 2)
    assert world.header.state.name == "FAILED"


@pytest.mark.parametrize("state", [TaskState.RUNNING, TaskState.SUCCESS])
def test_f06_write_whose_answer_was_lost_is_still_ours(state: TaskState) -> None:
    world = _faulty(World(draw("a>b")), _once("lost answer", _to(state))).run()
    assert world.header.state.name == "SUCCESS"
    assert world.bodies.started == {("a", 1): 1, ("b", 1): 1}


def test_f07_clear_in_several_shards_keeps_the_run_from_ending_on_old_states() -> None:
    world = World(draw(WIDE)).run()
    assert world.header.state.name == "SUCCESS"
    apply_verb(world.scope, IntentKind.CLEAR, [0, TASKS_PER_SHARD + 1])
    assert world.header.state.name == "RUNNING"
    end_run(world.scope)
    assert world.header.state.name == "RUNNING"
    world.drain()
    assert world.header.state.name == "SUCCESS"
    assert (world.tries["t0"], world.tries["t1"]) == (2, 1)


def test_f08_stop_reaches_every_shard_before_the_header_says_failed() -> None:
    writes: list[int] = []

    def note(write: Write) -> str:
        writes.append(write.shard)
        return ""

    world = _faulty(World(draw(WIDE)), note).start()
    writes.clear()
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert writes == [HEADER, 0, 1, HEADER]
    assert set(world.states.values()) == {TaskState.SKIPPED}
    for hint in world.queue.take():
        world.handle(hint)
    assert world.bodies.started == {}


def test_f08_verb_that_died_half_way_is_rolled_forward_by_the_sweep() -> None:
    world = World(draw(WIDE)).run()
    dead = _faulty(World(draw(WIDE), clock=world.clock), _once("before", lambda w: w.shard == 1 and w.new_epoch == 1))
    dead.run()
    with pytest.raises(KilledError):
        apply_verb(dead.scope, IntentKind.CLEAR, range(TASKS_PER_SHARD + 5))
    assert dead.header.intent is not None
    sweep(dead.ports)
    assert dead.header.intent is not None, "an intent that is seconds old is left to its owner"
    with pytest.raises(UsageError, match="LW302"):
        apply_verb(dead.scope, IntentKind.CLEAR, [0])
    dead.clock.advance_to(dead.clock.now() + 60)
    sweep(dead.ports)
    dead.drain()
    assert dead.header.state.name == "SUCCESS"
    assert set(dead.tries.values()) == {2}


def test_f09_lost_try_without_retries_fails_as_a_failed_one_would() -> None:
    world = _faulty(World(draw("a>b")), _once("before", _to(TaskState.SUCCESS))).start()
    with pytest.raises(KilledError):
        world.handle(_execute(world))
    sweep(world.ports)
    assert world.states["a"].name == "RUNNING", "the lease still holds"
    world.clock.advance_to(world.clock.now() + INVOCATION + LEASE_MARGIN_SECONDS)
    sweep(world.ports)
    assert world.states == {"a": TaskState.FAILED, "b": TaskState.UPSTREAM_FAILED}
    assert world.header.state.name == "FAILED"


def test_f10_early_verdict_is_airflows_of_its_pass_and_does_not_wait_for_all() -> None:
    slow: dict[str, list[Outcome]] = {"b": [Deferred("job", 500.0), Succeeded()], "a": [BOOM]}
    world = World(draw("a,b>c"), slow).start()
    for hint in world.queue.take():
        world.handle(hint)
    assert world.states["c"].name == "NONE"
    started = world.clock.now()
    world.clock.advance_to(started + EARLY_VERDICT_SECONDS)
    for hint in world.queue.take():
        world.handle(hint)
    assert world.states["c"].name == "UPSTREAM_FAILED"
    assert world.drain().header.state is RunState.FAILED


def test_f18_doubled_polls_do_not_become_two_chains() -> None:
    world = World(draw("a"), {"a": [Deferred("job", 60.0), Deferred("job", 60.0), Succeeded()]}).start()
    world.handle(_execute(world))
    world.clock.advance_to(world.clock.now() + 60)
    (poll,) = world.queue.take()
    for _ in range(3):
        world.handle(poll)
    world.clock.advance_to(world.clock.now() + 60)
    assert len(world.queue.take()) == 1
    assert world.bodies.polled == {"a": 1}


def test_f18_poll_that_comes_early_is_re_armed() -> None:
    world = World(draw("a"), {"a": [Deferred("job", 60.0), Succeeded()]}).start()
    world.handle(_execute(world))
    poll = Poll(world.info, 0, 1, 0, world.clock.now() + 60, 60.0)
    world.handle(poll)
    assert world.bodies.polled == {}
    assert world.drain().header.state is RunState.SUCCESS


def test_f18_poll_that_died_is_found_by_the_sweep() -> None:
    world = World(draw("a"), {"a": [Deferred("job", 60.0), Succeeded()]}).start()
    world.handle(_execute(world))
    lost = world.clock.now() + 60
    world.clock.advance_to(lost)
    world.queue.take()
    for minute in range(1, 10):
        world.clock.advance_to(lost + 60 * minute)
        sweep(world.ports)
        for hint in world.queue.take():
            world.handle(hint)
    assert world.header.state.name == "SUCCESS"
    assert world.bodies.polled == {"a": 1}


def test_job_that_outlasts_its_execution_timeout_fails() -> None:
    dag = draw("a", a={"execution_timeout_seconds": 100.0})
    world = World(dag, {"a": [Deferred("job", 60.0)]}).run()
    assert world.states == {"a": TaskState.FAILED}
    assert "AirflowTaskTimeout" in str(world.ports.attempts.error(world.info.ref, 0, 1))


def test_f19_sweep_re_sends_what_waits_too_long_ever_more_rarely() -> None:
    world = World(draw("a,b")).start()
    world.queue.take()
    start, sent = world.clock.now(), []
    for minute in range(30):
        world.clock.advance_to(start + 60 * minute)
        sweep(world.ports)
        if world.queue.take():
            sent.append(minute)
    assert sent == [2, 6, 14]


def test_f19_backlog_of_the_queue_makes_the_sweep_patient() -> None:
    world = World(draw("a")).start()
    world.clock.advance_to(world.clock.now() + 1.0)
    sweep(world.ports)
    world.clock.advance_to(world.clock.now() + 10 * RESEND_AFTER_SECONDS)
    sweep(world.ports)
    assert len(world.queue.take()) == 1
    sweep(world.ports)
    assert len(world.queue.take()) == 1


def test_f19_backlog_is_asked_for_only_when_something_is_to_be_sent_again() -> None:
    asked: list[bool] = []

    class Asked(MemoryQueue):
        def backlog_seconds(self) -> float:
            asked.append(True)
            return super().backlog_seconds()

    world = World(draw("a"))
    world.ports = replace(world.ports, dispatch=Asked(world.clock))
    world.start()
    sweep(world.ports)
    sweep(world.ports)
    assert asked == []
    world.clock.advance_to(world.clock.now() + RESEND_AFTER_SECONDS)
    sweep(world.ports)
    assert asked == [True]


def test_f19_one_sweep_re_sends_at_most_a_hundred_hints_of_a_run() -> None:
    world = World(draw(",".join(f"t{i}" for i in range(250)))).start()
    world.queue.take()
    sweep(world.ports)
    world.clock.advance_to(world.clock.now() + RESEND_AFTER_SECONDS)
    sweep(world.ports)
    assert len(world.queue.take()) == 100


def test_stamp_is_taken_off_when_nothing_waits_any_more() -> None:
    world = World(draw("a>b"), {"b": [Deferred("job", 5000.0), Succeeded()]}).start()
    hint = _execute(world)
    sweep(world.ports)
    assert world.items[0].resent == world.clock.now()
    world.handle(hint)
    sweep(world.ports)
    assert (world.items[0].resent, world.items[0].resends) == (0.0, 0)


def test_f21_what_the_end_owes_is_delivered_after_a_crash() -> None:
    ending = _once("after", lambda write: write.put_header is not None and write.put_header.end is not None)
    told = draw("a", dag={"callbacks": {CallbackEvent.SUCCESS: (Callback("m.f"),)}})
    world = _faulty(World(told), ending).start()
    with pytest.raises(KilledError):
        world.handle(_execute(world))
    assert world.header.state.name == "SUCCESS"
    assert world.header.owed
    assert len(world.runs.active()) == 1
    world.clock.advance_to(world.clock.now() + STALE_DEBT_SECONDS)
    sweep(world.ports)
    assert not world.header.owed
    assert world.runs.active() == ()
    assert world.bodies.called == [("", 1, "success")]


def test_end_that_owes_nothing_is_one_write() -> None:
    writes: list[Write] = []

    def note(write: Write) -> str:
        writes.append(write)
        return ""

    world = _faulty(World(draw("a")), note).start()
    writes.clear()
    world.drain()
    assert [(bool(write.put), write.put_header is not None) for write in writes] == [(True, False), (True, True)]
    assert world.runs.active() == ()


def test_f22_names_of_tasks_are_no_names_of_ours() -> None:
    world = World(draw("e>h>op,owed>active>g")).run()
    assert world.header.state.name == "SUCCESS"


def test_f23_redelivered_hint_of_a_finished_try_moves_the_run_on() -> None:
    world = _faulty(World(draw(WIDE + ">z")), lambda write: "").start()
    hints = world.queue.take()
    index = TASKS_PER_SHARD - 1
    store = world.runs
    assert isinstance(store, Faulty)
    last = next(h for h in hints if isinstance(h, Execute) and h.index == index)
    for hint in hints:
        if hint is not last:
            world.handle(hint)
    z = world.dag.index["z"]
    store.fault = _once("before", lambda write: z in write.put)
    with pytest.raises(KilledError):
        world.handle(last)
    assert world.states["z"].name == "NONE"
    world.handle(last)
    assert world.drain().header.state is RunState.SUCCESS
    assert set(world.bodies.started.values()) == {1}


def test_hint_of_a_try_that_somebody_runs_is_left_alone() -> None:
    world = World(draw("a"), {"a": [Deferred("job", 60.0), Succeeded()]}).start()
    hint = _execute(world)
    world.handle(hint)
    world.handle(hint)
    assert world.bodies.started == {("a", 1): 1}


@pytest.mark.parametrize("delay", [5.0, 5000.0])
def test_f24_retry_whose_timer_was_lost_is_found_by_the_sweep(delay: float) -> None:
    world = World(draw("a", a={"retry": RetryPolicy(1, delay)}), {"a": [BOOM, Succeeded()]}).start()
    world.handle(_execute(world))
    world.clock.advance_to(world.clock.now() + delay)
    world.queue.take()
    sweep(world.ports)
    assert world.drain().header.state is RunState.SUCCESS


def test_f24_early_timer_is_re_armed_and_a_late_one_is_harmless() -> None:
    world = World(draw("a", a={"retry": RetryPolicy(1, 60.0)}), {"a": [BOOM, Succeeded()]}).start()
    world.handle(_execute(world))
    world.handle(Look(world.info, (0,)))
    assert world.states["a"].name == "UP_FOR_RETRY"
    world.drain()
    world.handle(Look(world.info, (0,)))
    assert (world.header.state, world.tries["a"]) == (RunState.SUCCESS, 2)


def test_starting_a_run_twice_starts_it_once() -> None:
    world = World(draw("a")).start()
    world.clock.advance_to(world.clock.now() + 1.0)
    assert not start_run(world.ports, world.info)
    assert len(world.queue.take()) == 1


def test_start_that_died_after_storing_the_run_is_taken_up_by_the_sweep() -> None:
    world = _faulty(World(draw("a>b")), _once("before", _to(TaskState.QUEUED)))
    with pytest.raises(KilledError):
        start_run(world.ports, world.info)
    sweep(world.ports)
    assert world.drain().header.state is RunState.SUCCESS


def test_clear_of_one_task_runs_it_and_what_follows_again() -> None:
    world = World(draw("a>b>c")).run()
    apply_verb(world.scope, IntentKind.CLEAR, [1, 2])
    world.drain()
    assert world.tries == {"a": 1, "b": 2, "c": 2}
    assert world.header.state.name == "SUCCESS"
    assert [line["to"] for line in world.log.lines if "task_id" not in line] == [
        "running",
        "success",
        "queued",
        "running",
        "success",
    ]


def test_mark_changes_the_outcome_of_a_run_that_has_ended() -> None:
    world = World(draw("a")).run()
    apply_verb(world.scope, IntentKind.MARK, [0], TaskState.FAILED)
    assert (world.states["a"], world.header.state) == (TaskState.FAILED, RunState.FAILED)
    assert world.tries["a"] == 1


def test_verbs_are_refused_for_a_run_that_is_not_there_and_stop_for_one_that_has_ended() -> None:
    world = World(draw("a"))
    with pytest.raises(UsageError, match="LW301"):
        apply_verb(world.scope, IntentKind.CLEAR, [0])
    world.handle(Look(world.info))
    sweep(world.ports)
    world.run()
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert world.header.state.name == "SUCCESS"
    roll_forward(world.scope)


def test_verb_that_finds_the_run_moved_meanwhile_applies_to_what_is_there_then() -> None:
    moved = _faulty(World(draw("a>b")), lambda write: "").start()
    moves = iter([Write(0, put={0: Entry(TaskState.SKIPPED, 1, end=1.0)})])

    def move(write: Write) -> str:
        if write.new_epoch is not None and (moving := next(moves, None)) is not None:
            MemoryRunStore.write(moved.runs, moved.info.ref, moving)
        return ""

    store = moved.runs
    assert isinstance(store, Faulty)
    store.fault = move
    apply_verb(moved.scope, IntentKind.CLEAR, [0])
    assert moved.header.intent is None
    assert moved.items[0].epoch == 1
    assert moved.items[0].entry(0) == Entry(TaskState.QUEUED, 2, base=1)


def test_shard_that_others_write_meanwhile_is_tried_again() -> None:
    world = _faulty(World(draw(WIDE)), lambda write: "").start()
    store = world.runs
    assert isinstance(store, Faulty)
    claims = [0]

    def claim_first(write: Write) -> str:
        if write.shard == 0 and write.new_epoch is not None and claims:
            index = claims.pop()
            queued = world.items[0].entry(index)
            running = replace(queued, state=TaskState.RUNNING, owner="x", start=1.0, until=9e9)
            MemoryRunStore.write(store, world.info.ref, Write(0, expect={index: queued}, put={index: running}))
        return ""

    store.fault = claim_first
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    assert set(world.states.values()) == {TaskState.SKIPPED}


def test_look_rolls_an_intent_forward_before_anything_else() -> None:
    world = _faulty(World(draw(WIDE)), _once("before", lambda w: w.new_epoch == 1 and w.shard == 0)).run()
    with pytest.raises(KilledError):
        apply_verb(world.scope, IntentKind.CLEAR, [0])
    world.handle(Look(world.info))
    assert world.header.intent is None
    assert world.drain().tries["t0"] == 2


def test_run_that_has_not_timed_out_yet_is_looked_at_again() -> None:
    world = World(draw("a", dag={"dagrun_timeout_seconds": 1000.0})).start()
    world.handle(Look(world.info))
    assert world.drain().header.state is RunState.SUCCESS


def test_torn_view_is_left_to_whoever_ends_the_verb() -> None:
    world = World(draw(WIDE + ">z")).start()
    number = header_item(world.scope.layout)
    assert number == HEADER
    world.runs.write(world.info.ref, Write(1, new_epoch=7))
    for hint in world.queue.take():
        world.handle(hint)
    assert world.states["z"].name == "NONE"
    end_run(world.scope)
    assert world.header.state.name == "RUNNING"


def test_deadlocked_run_fails() -> None:
    world = World(draw("a>b", b="all_skipped"))
    world.runs.announce(world.info)
    world.runs.create(world.info, Item(header=Header(start=1.0)), world.scope.layout)
    world.runs.write(world.info.ref, Write(0, put={0: Entry(TaskState.REMOVED, 0, end=1.0)}))
    sweep(world.ports)
    assert world.header.state.name == "FAILED"
    assert world.log.lines[-1]["cause"] == "all_tasks_deadlocked"


def test_item_that_was_never_written_is_empty() -> None:
    world = World(draw("a"))
    assert world.runs.read(world.info.ref, (0, 5)) == {0: Item(), 5: Item()}


def _meanwhile(world: World, when: Callable[[Write], bool], what: Callable[[], None]) -> None:
    """Let something happen right before the first write of a kind."""
    store, left = world.runs, [what]
    assert isinstance(store, Faulty)

    def fault(write: Write) -> str:
        if left and when(write):
            left.pop()()
        return ""

    store.fault = fault


def test_f03_clear_between_look_and_write_takes_the_decision_back() -> None:
    world = _faulty(World(draw(f"{WIDE}>z")), lambda write: "").start()
    z = world.dag.index["z"]
    hints = world.queue.take()
    for hint in hints[:-1]:
        world.handle(hint)
    _meanwhile(world, lambda write: z in write.put, lambda: apply_verb(world.scope, IntentKind.CLEAR, [0]))
    world.handle(hints[-1])
    assert world.states["z"].name == "NONE"
    assert world.drain().header.state.name == "SUCCESS"
    assert (world.tries["t0"], world.tries["z"]) == (2, 1)


def test_f18_of_two_polls_at_once_one_calls() -> None:
    world = _faulty(World(draw("a"), {"a": [Deferred("job", 60.0), Succeeded()]}), lambda write: "").start()
    world.handle(_execute(world))
    world.clock.advance_to(world.clock.now() + 60)
    (poll,) = world.queue.take()
    _meanwhile(world, lambda write: True, lambda: world.handle(poll))
    world.handle(poll)
    assert world.bodies.polled == {"a": 1}


def test_store_that_refuses_for_no_reason_is_a_defect_and_no_endless_loop() -> None:
    world = World(draw("a"))
    store = world.runs
    store.write = lambda ref, write: Written(False, store.read(ref, [write.shard])[write.shard])  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="refused a write on the image that it then returned"):
        world.start()


@pytest.mark.parametrize("rule", ["all_failed", "none_failed"])
def test_verdict_that_waits_for_a_slow_branch_is_given_after_a_moment(rule: str) -> None:
    ends: list[Outcome] = [Succeeded() if rule == "all_failed" else BOOM]
    dag = draw("b>m; m,a>c", b={"skip_scope": SkipScope.ALL}, c=rule, m="all_done")
    world = World(dag, {"b": [Deferred("job", 500.0), Succeeded()], "a": ends}).start()
    started = world.clock.now()
    for _ in range(4):
        for hint in world.queue.take():
            world.handle(hint)
        world.clock.advance_to(started + EARLY_VERDICT_SECONDS)
    assert world.states["c"].name == ("SKIPPED" if rule == "all_failed" else "UPSTREAM_FAILED")
    assert world.states["b"].name == "DEFERRED"
