"""When runs are due, and the rules that tick for them. Recorded schedules stand in the conformance tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leeward.core.dag import Dag, Json
from leeward.spec.rules import MAX_EXPRESSION, rules
from leeward.spec.timetable import Due, next_run

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def _cron(text: str, zone: str = "UTC", **more: Json) -> dict[str, Json]:
    return {"kind": "cron", "crons": text.split("; "), "timezone": zone, "timetable": "CronTriggerTimetable", **more}


def _dag(schedule: Json, **more: Any) -> Dag:
    return Dag("d", (), schedule=schedule, **more)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _next(schedule: Json, last: str | None = None, **more: Any) -> str | None:
    before = None if last is None else Due(_at(last), _at(last), _at(last), _at(last))
    due = next_run(_dag(schedule, **more), before, NOW)
    return None if due is None else due.run_after.strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize("schedule", [None, {"kind": "continuous"}])
def test_nothing_is_due_without_a_schedule_of_moments(schedule: Json) -> None:
    assert _next(schedule) is None


def test_dag_without_start_date_waits_for_its_next_moment_unless_the_last_is_recent() -> None:
    assert _next(_cron("0 3 * * *")) == "2026-11-25T03:00:00"
    assert _next(_cron("0 13 * * *")) == "2026-11-24T13:00:00"
    assert _next(_cron("0 14 * * *")) == "2026-11-24T14:00:00"
    assert _next(_cron("0 3 * * *", run_immediately=True)) == "2026-11-24T03:00:00"
    buffer: Json = {"__type__": "datetime.timedelta", "hours": 12}
    assert _next(_cron("0 3 * * *", run_immediately=buffer)) == "2026-11-24T03:00:00"


def test_start_date_without_catchup_gives_the_latest_moment_and_with_it_every_one() -> None:
    more = {"start_date": "2026-11-01T00:00:00+00:00"}
    assert _next(_cron("0 3 * * *"), **more) == "2026-11-24T03:00:00"
    assert _next(_cron("0 3 * * *"), **more, catchup=True) == "2026-11-01T03:00:00"
    assert _next(_cron("0 3 * * *"), "2026-11-05T03:00:00", **more, catchup=True) == "2026-11-06T03:00:00"
    assert _next(_cron("0 3 * * *"), "2026-11-24T03:00:00", **more) == "2026-11-25T03:00:00"
    assert _next(_cron("0 3 * * *"), start_date="2027-01-01T00:00:00+00:00") == "2027-01-01T03:00:00"
    assert _next(_cron("0 3 * * *"), start_date="2027-01-01T03:00:00+00:00") == "2027-01-01T03:00:00"


def test_nothing_is_due_after_the_end_date() -> None:
    assert _next(_cron("0 3 * * *"), end_date="2026-11-25T02:59:00+00:00") is None
    assert _next(_cron("0 3 * * *"), end_date="2026-11-25T03:00:00+00:00") == "2026-11-25T03:00:00"


def test_several_crons_interleave_and_a_trigger_may_have_an_interval() -> None:
    schedule = _cron("0 3 * * *; 30 4 * * *", interval_seconds=3600.0)
    due = next_run(_dag(schedule), None, NOW)
    assert due is not None
    assert (due.logical_date, due.start, due.end) == (
        _at("2026-11-25T02:00:00"),
        _at("2026-11-25T02:00:00"),
        _at("2026-11-25T03:00:00"),
    )
    assert _next(schedule, "2026-11-25T03:00:00") == "2026-11-25T04:30:00"


def test_data_intervals_end_when_their_run_may_start() -> None:
    schedule = {**_cron("0 * * * *"), "timetable": "CronDataIntervalTimetable"}

    def interval(last: Due | None, **more: Any) -> tuple[str, str] | None:
        due = next_run(_dag(schedule, **more), last, NOW)
        return None if due is None else (f"{due.start:%dT%H}", f"{due.end:%dT%H}")

    last = Due(_at("2026-11-24T13:00"), _at("2026-11-24T13:00"), _at("2026-11-24T14:00"), _at("2026-11-24T14:00"))
    assert interval(None) == ("24T13", "24T14")
    assert interval(last) == ("24T14", "24T15")
    assert interval(None, start_date="2026-11-20T00:30:00+00:00") == ("24T13", "24T14")
    assert interval(None, start_date="2026-11-20T00:30:00+00:00", catchup=True) == ("20T01", "20T02")
    assert interval(last, catchup=True) == ("24T14", "24T15")
    assert interval(None, catchup=True) is None
    assert interval(last, end_date="2026-11-24T13:30:00+00:00") is None
    longer = Due(_at("2026-11-24T13:00"), _at("2026-11-24T13:00"), _at("2026-11-24T13:30"), _at("2026-11-24T13:30"))
    assert interval(longer, catchup=True) == ("24T14", "24T15"), (
        "no two runs about one date after a change of the schedule"
    )


def test_deltas_count_from_the_start_date_or_from_now() -> None:
    delta: dict[str, Json] = {"kind": "delta", "seconds": 5400.0, "timetable": "DeltaTriggerTimetable"}
    assert _next(delta) == "2026-11-24T14:00:00"
    assert _next(delta, "2026-11-24T13:30:00") == "2026-11-24T15:00:00"
    start: dict[str, Any] = {"start_date": "2026-11-24T00:00:00+00:00", "catchup": True}
    assert _next(delta, **start) == "2026-11-24T00:00:00"
    assert _next({**delta, "seconds": 0.0, "months": 1}, "2026-10-31T00:00:00", **start) == "2026-11-30T00:00:00"
    intervals: dict[str, Json] = {**delta, "timetable": "DeltaDataIntervalTimetable"}
    assert _next(intervals, **start) == "2026-11-24T01:30:00"
    assert _next(intervals) == "2026-11-24T14:00:00"


def test_once_and_events() -> None:
    assert _next({"kind": "once"}) == "2026-11-24T14:00:00"
    assert _next({"kind": "once"}, start_date="2026-01-01T00:00:00+00:00") == "2026-01-01T00:00:00"
    assert _next({"kind": "once"}, "2026-01-01T00:00:00") is None
    assert _next({"kind": "once"}, end_date="2026-01-01T00:00:00+00:00") is None
    dates: list[Json] = ["2026-11-20T00:00:00+00:00", "2026-11-10T00:00:00+00:00", "2026-12-01T00:00:00+00:00"]
    events: Json = {"kind": "events", "dates": dates}
    assert _next(events) == "2026-11-20T00:00:00"
    assert _next(events, catchup=True) == "2026-11-10T00:00:00"
    assert _next(events, "2026-11-20T00:00:00") == "2026-12-01T00:00:00"
    assert _next(events, "2026-12-01T00:00:00") is None
    assert _next(events, start_date="2026-11-25T00:00:00+00:00") == "2026-12-01T00:00:00"


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 12 * * ? *", "2026-11-24T12:00:00"),
        ("15 10 ? * 6L 2022-2035", "2026-11-27T10:15:00"),
        ("0 10 ? * 2-6 *", "2026-11-25T10:00:00"),
        ("0 10 ? * 2#1 *", "2026-12-07T10:00:00"),
        ("0 8 1 * ? *", "2026-12-01T08:00:00"),
        ("0 8 ? * MON *", "2026-11-30T08:00:00"),
    ],
)
def test_crons_of_aws_are_read_as_aws_reads_them(cron: str, expected: str) -> None:
    assert _next({"kind": "aws_cron", "cron": cron, "timezone": "UTC"}) == expected
    assert [rule.expression for rule in rules({"kind": "aws_cron", "cron": cron}, NOW)] == [f"cron({cron})"]


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        ("0 6 * * *", "UTC", ["0 6 * * ? *"]),
        ("*/7 * * * 1-5", "UTC", ["0,7,14,21,28,35,42,49,56 * ? * 2,3,4,5,6 *"]),
        ("0 0 13 * 5", "UTC", ["0 0 13 * ? *", "0 0 ? * 6 *"]),
        ("0 0 * 3 0,7", "UTC", ["0 0 ? 3 1 *"]),
        ("30 6 * * *", "Europe/Berlin", ["30 4 * * ? *", "30 5 * * ? *"]),
        ("0 6 * * 1", "Asia/Kolkata", ["30 0 * * ? *"]),
        ("0,45 23 * * *", "Asia/Kathmandu", ["0 18 * * ? *", "15 17 * * ? *"]),
        ("0 0 L * *", "UTC", ["0 0 * * ? *"]),
        ("0 0 * * 5#2", "UTC", ["0 0 * * ? *"]),
        ("0 3 * * *; 0 3 * * *", "UTC", ["0 3 * * ? *"]),
    ],
)
def test_crons_become_rules_that_fire_at_least_when_a_run_is_due(cron: str, zone: str, expected: list[str]) -> None:
    assert [rule.expression for rule in rules(_cron(cron, zone), NOW)] == [f"cron({text})" for text in expected]


def test_other_schedules_become_rules_too() -> None:
    def expressions(schedule: Json) -> list[str]:
        return [rule.expression for rule in rules(schedule, NOW)]

    assert expressions({"kind": "delta", "seconds": 60.0}) == ["rate(1 minute)"]
    assert expressions({"kind": "delta", "seconds": 7200.0}) == ["rate(120 minutes)"]
    assert expressions({"kind": "delta", "seconds": 90.0}) == ["rate(1 minute)"]
    assert expressions({"kind": "delta", "seconds": 0.0, "months": 1}) == ["rate(1 minute)"]
    assert expressions({"kind": "events", "dates": ["2026-12-01T01:02:00+01:00"]}) == ["cron(2 0 1 12 ? 2026)"]
    assert expressions({"kind": "once"}) == expressions(None) == []


def test_expression_that_eventbridge_would_not_take_ticks_every_minute() -> None:
    minutes = ",".join(str(minute) for minute in range(59))
    hours = ",".join(str(hour) for hour in range(23))
    days = ",".join(str(day) for day in range(1, 28))
    long = rules(_cron(f"{minutes} {hours} {days} * *"), NOW)
    assert [rule.expression for rule in long] == ["rate(1 minute)"]
    assert len(f"{minutes} {hours} {days}") > MAX_EXPRESSION


def test_rule_of_a_zone_covers_every_run_of_a_year() -> None:
    schedule = _cron("15 2 * * *", "America/New_York")
    (summer, winter) = (rule.expression[5:].split()[:2] for rule in rules(schedule, NOW))
    hours = {int(summer[1]), int(winter[1])}
    due = next_run(_dag(schedule, start_date="2026-01-01T00:00:00+00:00", catchup=True), None, NOW)
    while due is not None and due.run_after < NOW + timedelta(days=365):
        assert due.run_after.hour in hours
        due = next_run(_dag(schedule, catchup=True), due, NOW)
