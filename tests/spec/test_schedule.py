"""Every form of a schedule, and what is none."""

from __future__ import annotations

import pytest

from leeward.spec.schedule import PRESETS, Defaults, compile_schedule, describe
from tests.spec.reading import node, problems


def _cron(*crons: str, **more: object) -> dict[str, object]:
    return {"kind": "cron", "crons": list(crons), "timezone": "UTC", "timetable": "CronTriggerTimetable", **more}


def _aws(cron: str) -> dict[str, object]:
    return {"kind": "aws_cron", "cron": cron, "timezone": "UTC", "timetable": "CronTriggerTimetable"}


def _delta(seconds: float, **more: object) -> dict[str, object]:
    return {"kind": "delta", "seconds": seconds, "timetable": "DeltaTriggerTimetable", **more}


@pytest.mark.parametrize(
    ("text", "form", "timetable"),
    [
        ("null", None, "NullTimetable"),
        ("None", None, "NullTimetable"),
        ("'@once'", {"kind": "once"}, "OnceTimetable"),
        ("'@continuous'", {"kind": "continuous"}, "ContinuousTimetable"),
        ("0 3 * * *", _cron("0 3 * * *"), "CronTriggerTimetable"),
        ("0  3 * JAN MON#1", _cron("0 3 * JAN MON#1"), "CronTriggerTimetable"),
        ("0 3 * * * 0", _cron("0 3 * * *"), "CronTriggerTimetable"),
        ("0 3 * * * */60", _cron("0 3 * * *"), "CronTriggerTimetable"),
        ("0 0 * * ? *", _aws("0 0 * * ? *"), "CronTriggerTimetable"),
        ("cron(0 1 ? * mon *)", _aws("0 1 ? * MON *"), "CronTriggerTimetable"),
        ("rate(5 minutes)", _delta(300), "DeltaTriggerTimetable"),
        ("{__type__: datetime.timedelta, hours: 6}", _delta(21600.0), "DeltaTriggerTimetable"),
        (
            "{__type__: dateutil.relativedelta.relativedelta, months: 1, days: 2}",
            _delta(172800, months=1),
            "DeltaTriggerTimetable",
        ),
        (
            "{__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '0 1 * * 3', timezone: Europe/Paris,"
            " interval: {__type__: datetime.timedelta, days: 1}, run_immediately: true}",
            _cron("0 1 * * 3", timezone="Europe/Paris", interval_seconds=86400.0, run_immediately=True),
            "CronTriggerTimetable",
        ),
        (
            "{__type__: airflow.timetables.interval.CronDataIntervalTimetable, __args__: ['@daily'], timezone: UTC}",
            _cron("0 0 * * *", timetable="CronDataIntervalTimetable"),
            "CronDataIntervalTimetable",
        ),
        (
            "{__type__: airflow.sdk.MultipleCronTriggerTimetable, __args__: ['0 1 * * *', '0 2 * * *']}",
            _cron("0 1 * * *", "0 2 * * *", timetable="MultipleCronTriggerTimetable"),
            "MultipleCronTriggerTimetable",
        ),
        (
            "{__type__: x.DeltaDataIntervalTimetable, __args__: [{__type__: datetime.timedelta, days: 1}]}",
            _delta(86400.0, timetable="DeltaDataIntervalTimetable"),
            "DeltaDataIntervalTimetable",
        ),
        (
            "{__type__: x.DeltaTriggerTimetable, delta: {__type__: datetime.timedelta, days: 1}}",
            _delta(86400.0),
            "DeltaTriggerTimetable",
        ),
        ("{__type__: airflow.timetables.simple.NullTimetable}", None, "NullTimetable"),
        ("{__type__: airflow.timetables.simple.OnceTimetable}", {"kind": "once"}, "OnceTimetable"),
        (
            "{__type__: x.EventsTimetable, event_dates: [2024-01-02]}",
            {"kind": "events", "dates": ["2024-01-02T00:00:00+00:00"]},
            "EventsTimetable",
        ),
    ],
)
def test_schedule_has_one_normalised_form(text: str, form: object, timetable: str) -> None:
    found, report = node(text)
    schedule = compile_schedule(found, report)
    assert (schedule, describe(schedule)) == (form, timetable)
    assert report.found == []


def test_no_schedule_is_none() -> None:
    _, report = node("x")
    assert compile_schedule(None, report) is None


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_preset_is_written_out(preset: str) -> None:
    found, report = node(f"'{preset}'")
    assert compile_schedule(found, report) == _cron(PRESETS[preset])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("'@fortnightly'", "LW116"),
        ("0 24 * * *", "LW116"),
        ("0 0 3 * * 30", "LW116"),
        ("a b c d e", "LW116"),
        ("'* * * *'", "LW116"),
        ("'* * * * * * *'", "LW116"),
        ("0 0 ? * ? *", "LW116"),
        ("0 99 * * ? *", "LW116"),
        ("0 0 LW * ? *", "LW116"),
        ("0 0 * * * 0-0", "LW116"),
        ("R 3 * * *", "LW116"),
        ("H 3 * * *", "LW116"),
        ("cron(0 3 * * *)", "LW116"),
        ("{__type__: dateutil.relativedelta.relativedelta, days: 1, hour: 5}", "LW116"),
        ("{__type__: dateutil.relativedelta.relativedelta, microseconds: 1}", "LW116"),
        ("{__type__: x.CronTriggerTimetable, cron: '0 1 * * *', timezone: Europe/Nowhere}", "LW115"),
        ("{__type__: x.CronTriggerTimetable, cron: '0 1 * * *', timezone: {__type__: x}}", "LW115"),
        ("{__type__: x.EventsTimetable, event_dates: [2 days]}", "LW114"),
        ("0 0 X * ? *", "LW116"),
        ("rate(0 minutes)", "LW116"),
        ("{hours: 5}", "LW116"),
        ("{__type__: x.FancyTimetable}", "LW116"),
        ("{__type__: x.CronTriggerTimetable}", "LW116"),
        ("{__type__: x.CronTriggerTimetable, cron: '0 99 * * *'}", "LW116"),
        ("{__type__: x.CronTriggerTimetable, corn: '0 1 * * *'}", "LW116"),
        ("{__type__: x.CronTriggerTimetable, cron: '0 1 * * *', interval: 5}", "LW116"),
        ("{__type__: x.DeltaTriggerTimetable}", "LW116"),
        ("{__type__: x.DeltaTriggerTimetable, every: 5}", "LW116"),
        ("{__type__: x.EventsTimetable}", "LW116"),
        ("{__type__: x.EventsTimetable, dates: []}", "LW116"),
        ("{__type__: datetime.timedelta, days: -1}", "LW116"),
        ("[s3://a, s3://b]", "LW117"),
        ("{__type__: airflow.sdk.Asset, uri: s3://a}", "LW117"),
        ("{__type__: builtins.list, items: []}", "LW117"),
        ("{__or__: [a, b]}", "LW117"),
        ("{datasets: (a & b)}", "LW117"),
    ],
)
def test_anything_else_is_an_error_with_a_place(text: str, code: str) -> None:
    found, report = node(text)
    compile_schedule(found, report)
    assert [problem.code for problem in report.found] == [code]


def test_plain_schedules_take_their_zone_and_their_meaning_from_around_them() -> None:
    around = Defaults("Europe/Berlin", data_intervals=True)

    def form(text: str) -> object:
        found, report = node(text)
        schedule = compile_schedule(found, report, around)
        assert report.found == []
        return schedule

    assert form("0 3 * * *") == _cron("0 3 * * *", timezone="Europe/Berlin", timetable="CronDataIntervalTimetable")
    aws = {**_aws("0 3 * * ? *"), "timezone": "Europe/Berlin", "timetable": "CronDataIntervalTimetable"}
    assert form("0 3 * * ? *") == aws
    for text in ("rate(1 hour)", "{__type__: datetime.timedelta, hours: 1}"):
        assert form(text) == _delta(3600, timetable="DeltaDataIntervalTimetable")
    assert form("{__type__: x.CronTriggerTimetable, cron: '0 3 * * *', timezone: utc}") == _cron("0 3 * * *")
    events = "{__type__: x.EventsTimetable, event_dates: [2024-07-02, '2024-07-02T10:00:00Z']}"
    dates = ["2024-07-02T00:00:00+02:00", "2024-07-02T10:00:00+00:00"]
    assert form(events) == {"kind": "events", "dates": dates}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("catchup: true, schedule: '@daily'", "LW118"),
        ("catchup: true, schedule: '@daily', start_date: 2024-01-01", None),
        ("catchup: true", None),
        ("schedule: '@continuous'", "LW119"),
        ("schedule: '@continuous', max_active_runs: 2", "LW119"),
        ("schedule: '@continuous', max_active_runs: 1", None),
    ],
)
def test_what_airflow_refuses_of_a_dag_around_its_schedule_is_refused(keys: str, code: str | None) -> None:
    assert problems(f"d: {{tasks: {{}}, {keys}}}") == ([f"1 {code}"] if code else [])
