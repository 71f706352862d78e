"""DAGs are paused by hand, or after so many failed runs in a row, and resumed; no function that dies loses it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdas.scheduler.handler import respond
from leeward.core.errors import UsageError
from leeward.core.facts import Failed, Succeeded
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.core.states import RunState
from leeward.engine.pause import set_paused
from leeward.engine.ports import Live, Write
from leeward.engine.start_run import start_run
from leeward.engine.sweep import sweep
from tests.drawing import draw
from tests.world import World

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 600_000)
NAMED = ("a", "b", "c", "d")


def _world(most: int, ends: str) -> tuple[World, list[RunInfo]]:
    """Runs of a DAG that may fail so often, by how they are to end: f or s. Those of later dates come first."""
    world = World(replace(draw("t"), max_consecutive_failed_dag_runs=most))
    assert world.specs.put_live(Live("drawn", "v1"), None)
    infos = []
    for number, end in enumerate(ends):
        world.bodies.script = {"t": [Failed("no") if end == "f" else Succeeded()]}
        date = f"2024-01-{number + 1:02d}T00:00:00+00:00"
        info = RunInfo(RunRef("drawn", NAMED[number], "v1"), RunType.SCHEDULED, date, date, date, date, created=number)
        assert start_run(world.ports, info)
        world.drain()
        infos.append(info)
    return world, infos


def _is_paused(world: World) -> bool:
    live = world.specs.live("drawn")
    assert live is not None
    return live.paused


@pytest.mark.parametrize(
    ("most", "ends", "paused"),
    [(2, "f", False), (2, "ff", True), (2, "fsf", False), (3, "sfff", True), (3, "ffsf", False), (0, "ffff", False)],
)
def test_dag_is_paused_once_its_last_runs_have_failed(most: int, ends: str, paused: bool) -> None:
    world, _ = _world(most, ends)
    assert _is_paused(world) is paused
    assert world.runs.active() == ()


def test_pause_that_a_killed_function_left_owed_comes_with_the_sweep() -> None:
    world, infos = _world(2, "ff")
    live = world.specs.live("drawn")
    assert live is not None
    assert world.specs.put_live(replace(live, paused=False), live)
    header = world.runs.read(infos[-1].ref, (0,))[0].header
    assert header is not None
    owing = replace(header, owed=frozenset({"failures"}), active=True, payer=None)
    world.runs.write(infos[-1].ref, Write(0, put_header=owing))
    sweep(world.ports)
    assert _is_paused(world)
    assert world.runs.active() == ()


def test_people_pause_and_resume_by_the_scheduler_and_queued_runs_go_on() -> None:
    world, _ = _world(0, "")
    pause = {"pause": {"dag_id": "drawn", "paused": True}}
    assert respond(world.ports, None, pause, CONTEXT) == {"changed": True}
    assert respond(world.ports, None, pause, CONTEXT) == {"changed": False}
    started = respond(world.ports, None, {"trigger": {"dag_id": "drawn"}}, CONTEXT)
    info = world.runs.info("drawn", started["run_id"])
    assert info is not None
    world.drain()
    header = world.runs.read(info.ref, (0,))[0].header
    assert header is not None
    assert header.state is RunState.QUEUED
    assert respond(world.ports, None, {"pause": {"dag_id": "drawn", "paused": False}}, CONTEXT) == {"changed": True}
    world.drain()
    header = world.runs.read(info.ref, (0,))[0].header
    assert header is not None
    assert header.state is RunState.SUCCESS


def test_dag_that_is_not_there_can_not_be_paused() -> None:
    world = World(draw("t"))
    with pytest.raises(UsageError, match="LW306"):
        set_paused(world.ports, "nobody", paused=True)
    found = respond(world.ports, None, {"pause": {"dag_id": "nobody", "paused": True}}, CONTEXT)
    assert found == {"error": "LW306 there is no DAG 'nobody'"}
