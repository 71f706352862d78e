"""Runs beyond `max_active_runs`, or of a paused DAG, are queued and start in their turn; nothing of it is lost in a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.core.gates import Gate, GateWrite, Hold, Limit
from leeward.core.run import IntentKind, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Look
from leeward.engine.ports import Live, header_item
from leeward.engine.scope import open_scope
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from leeward.engine.trigger_run import trigger_run
from leeward.local.gates import MemoryGates
from tests.drawing import draw
from tests.world import World

SLOW: Mapping[str, Sequence[Outcome | None]] = {"a": [Deferred("job", 600.0), Succeeded()]}


class Runs(World):
    """Runs of one DAG, of which so many may be running; `a` takes ten minutes."""

    def __init__(
        self, most: int = 1, script: Mapping[str, Sequence[Outcome | None]] = SLOW, *, bounds: bool = True
    ) -> None:
        super().__init__(replace(draw("a"), max_active_runs=most, bounds_runs=bounds), script)
        self.gates = self.ports.gates
        assert isinstance(self.gates, MemoryGates)

    def begin(self, number: int, kind: RunType = RunType.MANUAL, *, paused: bool = False) -> RunInfo:
        date = f"2024-01-{number:02d}T00:00:00+00:00"
        ref = RunRef(self.dag.dag_id, f"{kind}__{number}", "v1")
        info = RunInfo(ref, kind, date, date, date, date, created=self.clock.now())
        assert start_run(self.ports, info, paused=paused)
        return info

    def state(self, info: RunInfo) -> RunState:
        header = self.ports.runs.read(info.ref, (0,))[header_item(open_scope(self.ports, info).layout)].header
        assert header is not None
        return header.state

    def states_of(self, infos: Sequence[RunInfo]) -> str:
        return "".join(self.state(info).value[0] for info in infos)

    def used(self) -> tuple[int, int]:
        taken = self.ports.gates.read([Gate(Limit.RUNS, self.dag.dag_id)])[Gate(Limit.RUNS, self.dag.dag_id)]
        return taken.used, len(taken.waiters)


def test_runs_beyond_the_limit_wait_and_start_in_the_order_in_which_they_are_due() -> None:
    world = Runs(2)
    infos = [world.begin(number) for number in (1, 2, 9, 5, 7)]
    assert world.states_of(infos) == "rrqqq"
    assert world.used() == (2, 3)
    world.drain()
    assert world.states_of(infos) == "sssss"
    began = [line["run_id"] for line in world.log.lines if "task_id" not in line and line["to"] == "running"]
    assert began == [f"manual__{number}" for number in (1, 2, 5, 7, 9)]
    assert world.used() == (0, 0)


def test_backfills_wait_until_no_other_run_does() -> None:
    world = Runs()
    infos = [world.begin(1), world.begin(2, RunType.BACKFILL), world.begin(3)]
    world.drain()
    began = [line["run_id"] for line in world.log.lines if "task_id" not in line and line["to"] == "running"]
    assert began == ["manual__1", "manual__3", "backfill__2"]
    assert world.states_of(infos) == "sss"


def test_newcomer_does_not_overtake_a_run_that_is_in_line() -> None:
    world = Runs(2)
    infos = [world.begin(number) for number in (1, 2, 3)]
    gate = Gate(Limit.RUNS, world.dag.dag_id)
    hold = world.ports.gates.read([gate])[gate].holds[infos[0].ref.key]
    world.ports.gates.write([GateWrite(gate, -1, put={infos[0].ref.key: None}, expect={infos[0].ref.key: hold})])
    infos.append(world.begin(4))
    assert world.states_of(infos) == "rrqq"
    world.handle(Look(infos[2]))
    assert world.states_of(infos) == "rrrq"


def test_time_in_line_does_not_count_for_the_run_time_out() -> None:
    world = Runs()
    world.specs.put("v1", replace(world.dag, dagrun_timeout_seconds=900.0))
    infos = [world.begin(number) for number in (1, 2, 3)]
    world.drain()
    assert world.states_of(infos) == "sss"


def test_run_of_a_paused_dag_stays_queued_until_it_is_resumed() -> None:
    world = Runs()
    live = Live(world.dag.dag_id, "v1", paused=True)
    assert world.specs.put_live(live, None)
    info = trigger_run(world.ports, world.dag.dag_id)
    world.drain()
    sweep(world.ports)
    assert (world.state(info), world.used()) == (RunState.QUEUED, (0, 0))
    assert [line["cause"] for line in world.log.lines] == ["paused"]
    assert world.specs.put_live(replace(live, paused=False), live)
    sweep(world.ports)
    world.drain()
    assert world.state(info) is RunState.SUCCESS


def test_queued_run_can_be_stopped_and_leaves_the_line() -> None:
    world = Runs()
    first, second = world.begin(1), world.begin(2)
    apply_verb(open_scope(world.ports, second), IntentKind.STOP, state=RunState.FAILED)
    assert (world.states_of((first, second)), world.used()) == ("rf", (1, 0))
    world.drain()
    assert world.used() == (0, 0)


def test_queued_run_can_be_changed_and_stays_in_line() -> None:
    world = Runs()
    first, second = world.begin(1), world.begin(2)
    apply_verb(open_scope(world.ports, second), IntentKind.MARK, [0], TaskState.SUCCESS)
    assert world.states_of((first, second)) == "rq"
    world.drain()
    assert world.states_of((first, second)) == "ss"


def test_cleared_run_waits_for_its_turn_again() -> None:
    world = Runs()
    first = world.begin(1)
    world.drain()
    second = world.begin(2)
    apply_verb(open_scope(world.ports, first), IntentKind.CLEAR, [0])
    assert world.states_of((first, second)) == "qr"
    world.drain()
    assert (world.states_of((first, second)), world.used()) == ("ss", (0, 0))


def test_late_hint_of_a_retry_starts_nothing_in_a_queued_run() -> None:
    world = Runs()
    first = world.begin(1)
    world.drain()
    second = world.begin(2)
    apply_verb(open_scope(world.ports, first), IntentKind.CLEAR, [0])
    world.handle(Look(first, (0,)))
    assert world.states_of((first, second)) == "qr"
    assert world.ports.runs.read(first.ref, (0,))[0].entry(0).state is TaskState.NONE


def test_slot_of_a_run_that_was_never_stored_is_kept_for_two_hours() -> None:
    world = Runs()
    gate, lost = Gate(Limit.RUNS, world.dag.dag_id), replace(world.info, created=world.clock.now())
    world.ports.runs.announce(lost)
    world.ports.gates.write([GateWrite(gate, 1, put={lost.ref.key: Hold(1, 0)})])
    info = world.begin(2)
    sweep(world.ports)
    assert world.state(info) is RunState.QUEUED
    world.clock.advance_to(world.clock.now() + 7201.0)
    sweep(world.ports)
    world.drain()
    assert (world.state(info), world.used()) == (RunState.SUCCESS, (0, 0))


def test_start_that_comes_twice_takes_one_slot_and_none_after_the_end() -> None:
    world = Runs()
    info = world.begin(1)
    assert not start_run(world.ports, info)
    assert world.used() == (1, 0)
    world.drain()
    assert not start_run(world.ports, info)
    assert world.used() == (0, 0)


def test_slot_of_a_run_that_ended_in_a_crash_comes_back_in_the_sweep() -> None:
    world = Runs()
    first = world.begin(1)
    world.drain()
    gate = Gate(Limit.RUNS, world.dag.dag_id)
    world.ports.gates.write([GateWrite(gate, 1, put={first.ref.key: Hold(1, 0)})])
    second = world.begin(2)
    assert world.state(second) is RunState.QUEUED
    sweep(world.ports)
    world.drain()
    assert (world.state(second), world.used()) == (RunState.SUCCESS, (0, 0))


@pytest.mark.parametrize("most", [1, 2])
def test_failed_runs_make_room_too(most: int) -> None:
    world = Runs(most, {"a": [Failed("no")]})
    infos = [world.begin(number) for number in (1, 2, 3, 4)]
    world.drain()
    assert world.states_of(infos) == "ffff"


def test_dag_that_states_no_limit_of_runs_asks_no_gate() -> None:
    world = Runs(bounds=False)
    infos = [world.begin(number) for number in (1, 2, 3)]
    assert world.states_of(infos) == "rrr"
    assert world.used() == (0, 0)
    world.drain()
    sweep(world.ports)
    assert world.states_of(infos) == "sss"


def test_two_slots_that_come_free_at_once_start_two_runs() -> None:
    world = Runs(2)
    infos = [world.begin(number) for number in (1, 2, 3, 4)]
    gate = Gate(Limit.RUNS, world.dag.dag_id)
    for info in infos[:2]:
        hold = world.ports.gates.read([gate])[gate].holds[info.ref.key]
        world.ports.gates.write([GateWrite(gate, -1, put={info.ref.key: None}, expect={info.ref.key: hold})])
    world.handle(Look(infos[2]))
    world.drain()
    assert world.states_of(infos)[2:] == "ss"
    began = [line["run_id"] for line in world.log.lines if "task_id" not in line and line["to"] == "running"]
    assert began[2:] == ["manual__3", "manual__4"]
