"""Scheduled runs are planned, then created: late, doubled, lost and concurrent looks give the same runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from leeward.core.dag import Json
from leeward.engine.create_due import create_due
from leeward.engine.drop_spec import drop_spec, retire_dag
from leeward.engine.hints import Sweep, Tick
from leeward.engine.ports import Live
from leeward.spec.rules import Rule
from tests.drawing import draw
from tests.world import World

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
HOUR = 3600.0


def _cron(text: str, zone: str = "UTC", timetable: str = "CronTriggerTimetable") -> Json:
    return {"kind": "cron", "crons": [text], "timezone": zone, "timetable": timetable}


def _delta(seconds: float) -> Json:
    return {"kind": "delta", "seconds": seconds, "timetable": "DeltaTriggerTimetable"}


def _world(schedule: Json, start: datetime = START, **more: Any) -> World:
    """A world whose clock stands at the start, and into which the DAG was dropped just now."""
    world = World(draw("a", dag={"schedule": schedule, **more}))
    world.clock.advance_to(start.timestamp())
    drop_spec(world.ports, [world.dag])
    return world


def _runs(world: World) -> list[str]:
    """Data intervals of the runs that exist, in the order of their creation."""
    found = world.runs.recent("drawn", 100)[::-1]
    return [f"{_clock(info.data_interval_start)}-{_clock(info.data_interval_end)}" for info in found]


def _clock(text: str | None) -> str:
    return datetime.fromisoformat(str(text)).strftime("%H:%M:%S")


def _minutes(world: World, count: int, late: float = 20.0) -> None:
    """As many minutes, with a sweep in each, and time for the runs to end."""
    for _ in range(count):
        world.clock.advance_to((world.clock.now() // 60 + 1) * 60 + late)
        world.handle(Sweep())
        world.drain()


def _live(world: World) -> Live:
    live = world.specs.live("drawn")
    assert live is not None
    return live


class Elsewhere:
    """A store of specs in which a second look, somewhere else, is through before the first one's write."""

    def __init__(self, world: World) -> None:
        self.world, self.inner, self.ahead = world, world.specs, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def put_live(self, live: Live, expect: Live | None) -> bool:
        if self.ahead:
            self.ahead = False
            self.world.clock.advance_to(self.world.clock.now() + 0.5)
            create_due(self.world.ports, live.dag_id)
        return self.inner.put_live(live, expect)


@pytest.mark.parametrize(
    "schedule", [{"kind": "once"}, {"kind": "continuous"}, _delta(HOUR), _cron("0 * * * *"), _cron("*/7 * * * *")]
)
def test_two_looks_at_once_create_one_run(schedule: Json) -> None:
    world = _world(schedule, max_active_runs=1)
    for number in (1, 2) if schedule != {"kind": "once"} else (1, 1):
        elsewhere: Any = Elsewhere(world)
        create_due(replace(world.ports, specs=elsewhere), "drawn")
        assert len(_runs(world)) == number
        world.drain()
        world.clock.advance_to(world.clock.now() + HOUR)


def test_once_is_created_once_though_looks_come_late() -> None:
    world = _world({"kind": "once"})
    _minutes(world, 5)
    assert _runs(world) == ["14:00:00-14:00:00"]


def test_deltas_keep_their_phase_though_looks_come_late() -> None:
    world = _world(_delta(600.0), START.replace(second=17))
    _minutes(world, 31, late=50.0)
    assert _runs(world) == [f"14:{minute}0:17-14:{minute}0:17" for minute in range(4)]


def test_delta_whose_looks_were_lost_for_longer_than_its_period_runs_at_once() -> None:
    world = _world(_delta(600.0))
    _minutes(world, 1)
    world.clock.advance_to(START.timestamp() + 2 * HOUR)
    _minutes(world, 11)
    assert _runs(world) == ["14:00:00-14:00:00", "16:01:20-16:01:20", "16:11:20-16:11:20"]


def test_only_the_latest_of_lost_runs_is_made_up_for_without_catchup() -> None:
    world = _world(_cron("*/10 * * * *"))
    _minutes(world, 1)
    world.clock.advance_to(START.timestamp() + 2 * HOUR)
    _minutes(world, 1)
    assert _runs(world) == ["14:00:00-14:00:00", "16:00:00-16:00:00"]


def test_continuous_runs_follow_each_other_without_a_gap() -> None:
    world = _world({"kind": "continuous"}, max_active_runs=1)
    _minutes(world, 3)
    assert _runs(world) == ["14:00:00-14:00:00", "14:00:00-14:02:20", "14:02:20-14:03:20"]


def test_continuous_dag_waits_for_its_run() -> None:
    world = _world({"kind": "continuous"}, max_active_runs=1)
    for _ in range(3):
        world.clock.advance_to(world.clock.now() + 60)
        world.handle(Sweep())
    assert len(_runs(world)) == 1


def test_look_while_a_clock_is_set_is_repeated() -> None:
    schedule = _cron("0 * * * *", "Australia/Lord_Howe", "CronDataIntervalTimetable")
    world = _world(schedule, datetime(2026, 4, 4, 15, 10, tzinfo=UTC))
    assert (_live(world).plan, _live(world).due) == (None, world.clock.now())
    _minutes(world, 80)
    assert _runs(world) == ["15:30:00-16:30:00"]


def test_record_of_an_older_version_without_a_plan_is_planned_anew() -> None:
    world = _world(_cron("*/10 * * * *"))
    live = _live(world)
    assert world.specs.put_live(Live("drawn", live.version, due=live.due), live)
    _minutes(world, 1)
    assert _runs(world) == ["14:00:00-14:00:00"]


def test_tick_on_a_paused_or_unknown_dag_does_nothing() -> None:
    world = _world(_cron("*/10 * * * *"), is_paused_upon_creation=True)
    for dag_id in ("drawn", "unknown"):
        world.handle(Tick(dag_id))
    assert _runs(world) == []


def _redropped(world: World, **more: Any) -> Live:
    world.clock.advance_to(world.clock.now() + 30.0)
    drop_spec(world.ports, [replace(world.dag, **more)])
    return _live(world)


def test_new_version_keeps_what_is_planned_unless_its_schedule_is_another() -> None:
    world = _world({"kind": "once"})
    planned = _live(world).plan
    assert _redropped(world, description="other").plan == planned
    assert _redropped(world, start_date="2026-12-01T00:00:00+00:00").plan != planned


def test_rules_of_a_dag_that_is_gone_go_though_its_taker_died_in_between() -> None:
    world = _world(_cron("0 6 * * *"))
    assert world.rules.rules == {"drawn": (Rule("cron(0 6 * * ? *)"),)}
    assert world.specs.retire(_live(world))
    retire_dag(world.ports, "drawn", "", 0)
    assert world.rules.rules == {}


def test_rules_follow_the_plan_of_a_delta() -> None:
    world = _world(_delta(600.0), START.replace(second=17))
    assert world.rules.rules == {"drawn": (Rule("rate(10 minutes)", start="2026-11-24T14:00:17+00:00"),)}
