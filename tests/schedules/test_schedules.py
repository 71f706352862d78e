"""Schedules are what croniter and Airflow say, and EventBridge is told what it understands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import pytest

from leeward.engine.drop_spec import drop_spec
from leeward.engine.hints import Sweep
from tests.drawing import draw
from tests.schedules import oracle
from tests.schedules.aws_reading import reading
from tests.schedules.prove import ZONES, prove
from tests.world import World

COUNT = 300


def test_generated_schedules_fire_when_croniter_says_over_ten_years_and_twelve_zones() -> None:
    figures = prove(COUNT)
    assert figures.expressions == COUNT
    assert figures.days == COUNT * 3653
    assert figures.runs > 50 * COUNT
    assert len(figures.changes) > 130
    assert figures.whole > 0
    assert 0 < figures.swept < figures.runs / 100


@pytest.mark.parametrize(
    ("expression", "day", "fires"),
    [
        ("cron(15 10 ? * 6L 2019-2022)", date(2022, 4, 29), True),
        ("cron(15 10 ? * 6L 2019-2022)", date(2022, 4, 22), False),
        ("cron(0 9 ? * 2#1 *)", date(2026, 11, 2), True),
        ("cron(0 9 ? * 2#1 *)", date(2026, 11, 9), False),
        ("cron(0 9 3W * ? *)", date(2026, 10, 2), True),
        ("cron(0 9 L * ? *)", date(2028, 2, 29), True),
        ("cron(0 18 ? * MON-FRI *)", date(2026, 11, 22), False),
    ],
)
def test_second_reading_knows_the_examples_of_aws(expression: str, day: date, fires: bool) -> None:
    assert reading(expression).on(day) is fires


CLOCKS = [(zone, change) for zone in ZONES for change in oracle.clock_changes(zone)[4:6]]


@pytest.mark.parametrize(("zone", "change"), CLOCKS, ids=[f"{zone}-{change:%Y-%m-%d}" for zone, change in CLOCKS])
@pytest.mark.parametrize("cron", ["30 1,2 * * *", "*/20 * * * *", "45 0-3 * * *"])
def test_run_beside_a_clock_change_is_created_within_a_minute_of_airflows_moment(
    cron: str, zone: str, change: datetime
) -> None:
    schedule = {"kind": "cron", "crons": [cron], "timezone": zone, "timetable": "CronTriggerTimetable"}
    start, end = change - timedelta(hours=5), change + timedelta(hours=5)
    world = World(draw("a", dag={"schedule": schedule, "start_date": start.isoformat(), "catchup": True}))
    world.clock.advance_to(start.timestamp())
    drop_spec(world.ports, [world.dag])
    while world.clock.now() < end.timestamp():
        world.clock.advance_to(world.clock.now() + 60.0)
        world.handle(Sweep())
        world.drain()
    created = {_moment(info.run_after): info.created for info in world.runs.recent("drawn", 1000)}
    airflow = oracle.Airflow(oracle.ByCroniter(cron), cron.split()[1] == "*", zone)
    expected = [*takewhile(lambda moment: moment <= end, airflow.runs(start - timedelta(seconds=1)))]
    assert sorted(created) == expected
    assert all(0 <= at - moment.timestamp() <= 60 for moment, at in created.items())


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
