"""When runs are due. Recorded schedules stand in the conformance tests, generated ones in `tests/schedules`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leeward.core.dag import Dag, Json
from leeward.spec.moments import BEFORE_ALL, NEVER, moments_of, zone_of
from leeward.spec.timetable import Due, Unsettled, next_run, overtaken
from tests.drawing import draw

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def _cron(text: str, zone: str = "UTC", **more: Json) -> dict[str, Json]:
    return {"kind": "cron", "crons": text.split("; "), "timezone": zone, "timetable": "CronTriggerTimetable", **more}


def _dag(schedule: Json, **more: Any) -> Dag:
    return Dag("d", (), schedule=schedule, **more)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _due(text: str) -> Due:
    return Due(_at(text), _at(text), _at(text), _at(text))


def _next(schedule: Json, last: str | None = None, **more: Any) -> str | None:
    before = None if last is None else Due(_at(last), _at(last), _at(last), _at(last))
    due = next_run(_dag(schedule, **more), before, NOW)
    return None if due is None else due.run_after.strftime("%Y-%m-%dT%H:%M:%S")


def test_nothing_is_due_without_a_schedule() -> None:
    assert _next(None) is None
    assert not overtaken(_dag(None), _due("2026-01-01T00:00:00"), NOW)


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
    assert _next(intervals) == "2026-11-24T13:30:00"
    months: dict[str, Json] = {**intervals, "seconds": 0.0, "months": 1}
    assert _next(months, start_date="2026-01-31T00:00:00+00:00") == "2026-10-28T00:00:00"
    assert _next(months) == "2026-11-24T14:00:00"


def test_once_and_events() -> None:
    assert _next({"kind": "once"}) == "2026-11-24T14:00:00"
    assert _next({"kind": "once"}, start_date="2026-01-01T00:00:00+00:00") == "2026-01-01T00:00:00"
    assert _next({"kind": "once"}, "2026-01-01T00:00:00") is None
    assert _next({"kind": "once"}, end_date="2026-01-01T00:00:00+00:00") is None
    dates: list[Json] = ["2026-11-20T00:00:00+00:00", "2026-11-10T00:00:00+00:00", "2026-12-01T00:00:00+00:00"]
    events: Json = {"kind": "events", "dates": dates}
    assert _next(events) == "2026-12-01T00:00:00"
    assert _next(events, catchup=True) == "2026-11-10T00:00:00"
    assert _next(events, "2026-11-10T00:00:00", catchup=True) == "2026-11-20T00:00:00"
    assert _next(events, "2026-12-01T00:00:00") is None
    assert _next(events, start_date="2026-11-25T00:00:00+00:00") == "2026-12-01T00:00:00"
    assert _next(events, end_date="2026-11-25T00:00:00+00:00") is None


def test_continuous_runs_are_about_the_time_since_the_one_before() -> None:
    def interval(last: Due | None, **more: Any) -> tuple[str, str] | None:
        due = next_run(_dag({"kind": "continuous"}, **more), last, NOW)
        return None if due is None else (f"{due.start:%dT%H}", f"{due.end:%dT%H}")

    assert interval(None) == ("24T14", "24T14")
    assert interval(None, start_date="2026-11-23T00:00:00+00:00") == ("23T00", "24T14")
    assert interval(None, start_date="2026-11-25T00:00:00+00:00") == ("25T00", "25T00")
    assert interval(_due("2026-11-24T11:00:00")) == ("24T11", "24T14")
    assert interval(_due("2026-11-24T11:00:00"), end_date="2026-11-24T12:00:00+00:00") is None


def test_dates_of_tasks_bound_the_schedule_of_a_dag_without_dates() -> None:
    early: dict[str, Any] = {"start_date": "2026-12-01T00:00:00+00:00", "end_date": "2026-12-03T00:00:00+00:00"}
    late: dict[str, Any] = {"start_date": "2026-12-02T00:00:00+00:00", "end_date": "2026-12-04T00:00:00+00:00"}

    def found(last: str | None = None, **tasks: Any) -> str | None:
        dag = draw("a;b", dag={"schedule": _cron("0 3 * * *")}, **tasks)
        due = next_run(dag, None if last is None else _due(last), NOW)
        return None if due is None else f"{due.run_after:%dT%H}"

    assert found(a=early, b=late) == "01T03"
    assert found("2026-12-02T03:00:00", a=early, b=late) == "03T03"
    assert found("2026-12-03T03:00:00", a=early, b=late) is None
    assert found("2026-12-03T03:00:00", a=early) == "04T03"


@pytest.mark.parametrize(
    ("cron", "zone", "last", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00", "2026-03-29T01:30:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T00:30:00", "2026-10-25T01:30:00"),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25T01:30:00"),
        ("0 6 * * *", "+05:30", "2026-10-25T00:30:00", "2026-10-26T00:30:00"),
    ],
)
def test_clock_change_is_read_as_airflow_reads_it(cron: str, zone: str, last: str, expected: str) -> None:
    assert _next(_cron(cron, zone), last, catchup=True) == expected


def test_interval_that_no_clock_can_tell_now_is_left_to_a_later_look() -> None:
    schedule = {**_cron("0 * * * *", "Australia/Lord_Howe"), "timetable": "CronDataIntervalTimetable"}
    with pytest.raises(Unsettled):
        next_run(_dag(schedule), None, _at("2026-04-04T15:10:00"))


def test_only_the_latest_of_several_crons_is_made_up_for() -> None:
    several = _cron("0 3 * * *; 0 5 * * *; 0 20 * * *", timetable="MultipleCronTriggerTimetable")
    assert _next(several, "2026-11-22T03:00:00") == "2026-11-24T05:00:00"
    assert _next(several, "2026-11-22T03:00:00", catchup=True) == "2026-11-22T05:00:00"
    assert _next(several, "2026-11-24T05:00:00") == "2026-11-24T20:00:00"
    assert _next(_cron("30 13 * * *; 55 13 * * *"), "2026-11-24T13:55:00") == "2026-11-25T13:30:00"


def test_plan_is_overtaken_when_a_later_run_is_due() -> None:
    dag = _dag(_cron("0 * * * *"))
    assert overtaken(dag, _due("2026-11-24T13:00:00"), NOW)
    assert not overtaken(dag, _due("2026-11-24T14:00:00"), NOW)
    assert not overtaken(_dag(_cron("0 * * * *"), catchup=True), _due("2026-11-20T13:00:00"), NOW)
    assert not overtaken(_dag({"kind": "once"}), _due("2026-11-20T13:00:00"), NOW)


def test_expression_of_no_day_never_fires() -> None:
    assert _next(_cron("0 0 31 2 *")) is None
    (moments,) = moments_of(_cron("0 0 31 2 *"))
    assert (moments.after(NOW), moments.before(NOW)) == (NEVER, BEFORE_ALL)
    assert moments.aligned_next(NEVER) == NEVER


@pytest.mark.parametrize("timetable", ["CronTriggerTimetable", "CronDataIntervalTimetable"])
def test_crons_of_aws_end_and_begin_with_their_years(timetable: str) -> None:
    def due(years: str, **more: Any) -> str | None:
        form: Json = {"kind": "aws_cron", "cron": f"0 6 ? * MON {years}", "timezone": "UTC", "timetable": timetable}
        found = next_run(_dag(form, **more), None, NOW)
        return None if found is None else f"{found.start:%Y-%m-%d}"

    trigger = timetable == "CronTriggerTimetable"
    assert due("2027-2028") == "2027-01-04"
    assert due("2020") == (None if trigger else "2020-12-21")
    assert due("2020", start_date="2021-01-01T00:00:00+00:00", catchup=True) is None
    assert due("2020", start_date="2020-12-28T06:00:00+00:00", catchup=True) == ("2020-12-28" if trigger else None)
    assert due("2026", start_date="2026-12-28T06:00:00+00:00", catchup=True) == ("2026-12-28" if trigger else None)


def test_zone_is_a_name_or_an_offset() -> None:
    assert zone_of("-03:30").utcoffset(NOW) == -timedelta(hours=3, minutes=30)
    assert str(zone_of("Asia/Tokyo")) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 12 * * ? *", "2026-11-24T12:00:00"),
        ("15 10 ? * 6L 2022-2035", "2026-11-27T10:15:00"),
        ("0 10 ? * 2-6 *", "2026-11-25T10:00:00"),
        ("0 10 ? * 2#1 *", "2026-12-07T10:00:00"),
        ("0 8 1 * ? *", "2026-12-01T08:00:00"),
        ("0 8 ? * MON *", "2026-11-30T08:00:00"),
        ("0 8 L * ? *", "2026-11-30T08:00:00"),
        ("0 8 28W * ? *", "2026-11-27T08:00:00"),
        ("0 */6 * * ? *", "2026-11-24T18:00:00"),
        ("0/20 * * * ? *", "2026-11-24T14:00:00"),
    ],
)
def test_crons_of_aws_are_read_as_aws_reads_them(cron: str, expected: str) -> None:
    assert _next({"kind": "aws_cron", "cron": cron, "timezone": "UTC"}) == expected
