"""What each schedule asks EventBridge for. That it fires when runs are due is held in `tests/schedules`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from leeward.core.dag import Dag, Json
from leeward.spec.aws_cron import MAX_CHARACTERS
from leeward.spec.rules import Rule, rules, utc

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def _cron(text: str, zone: str = "UTC", timetable: str = "CronTriggerTimetable") -> Json:
    return {"kind": "cron", "crons": [*text.split("; ")], "timezone": zone, "timetable": timetable}


def _rules(schedule: Json, **more: Any) -> tuple[Rule, ...]:
    return rules(Dag("d", (), schedule=schedule, **more), DUE, NOW)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 6 * * *", ["0 6 * * ? *"]),
        ("*/7 * * * 1-5", ["0,7,14,21,28,35,42,49,56 * ? * 2-6 *"]),
        ("0 0 13 * 5", ["0 0 13 * ? *", "0 0 ? * 6 *"]),
        ("0 0 1-31 * 5", ["0 0 * * ? *", "0 0 ? * 6 *"]),
        ("0 0 * 3 0,7", ["0 0 ? 3 1 *"]),
        ("0 22-2 * JAN,FEB,dec *", ["0 0-2,22,23 * 1,2,12 ? *"]),
        ("0 0 L * *", ["0 0 L * ? *"]),
        ("0 0 1,15,L * *", ["0 0 1,15 * ? *", "0 0 L * ? *"]),
        ("0 0 15W * *", ["0 0 15W * ? *"]),
        ("0 0 w3 * 5", ["0 0 3W * ? *"]),
        ("0 0 15W * 5#2", []),
        ("0 0 29W * *", []),
        ("0 0 * * 5#2", ["0 0 ? * 6#2 *"]),
        ("0 0 * * MON#1,3#2", ["0 0 ? * 2#1 *", "0 0 ? * 4#2 *"]),
        ("0 0 * * L5", ["0 0 ? * 6L *"]),
        ("0 0 31 * L0", ["0 0 ? * 1L *"]),
        ("0 0 13 * L0", []),
        ("0 3 * * *; 0 3 * * *", ["0 3 * * ? *"]),
        ("0 3 * * *; 30 4 * * *", ["0 3 * * ? *", "30 4 * * ? *"]),
    ],
)
def test_crons_are_said_as_aws_says_them(cron: str, expected: list[str]) -> None:
    assert _rules(_cron(cron)) == tuple(Rule(f"cron({text})") for text in expected)


def test_zone_and_end_are_for_the_scheduler() -> None:
    text = "cron(0 6 * * ? *)"
    assert Rule(text).plain
    assert not Rule(text, "Europe/Berlin").plain
    assert _rules(_cron("0 6 * * *", "Europe/Berlin")) == (Rule(text, "Europe/Berlin"),)
    assert _rules(_cron("0 6 * * *"), start_date="2027-01-01T00:00:00+00:00") == (Rule(text),)
    assert _rules(_cron("0 6 * * *"), end_date="2027-01-01T06:00:00+00:00") == (
        Rule(text, None, None, "2027-01-01T06:01:00+00:00"),
    )
    interval = _cron("0 6 * * *", timetable="CronDataIntervalTimetable")
    assert _rules(interval, end_date="2027-01-01T06:00:00+00:00") == (
        Rule(text, None, None, "2027-01-02T06:01:00+00:00"),
    )
    last: dict[str, Json] = {"kind": "aws_cron", "cron": "0 6 * * ? 2026", "timetable": "CronDataIntervalTimetable"}
    assert _rules({**last, "timezone": "UTC"}, end_date="2027-01-01T06:00:00+00:00") == (Rule("cron(0 6 * * ? 2026)"),)


def test_crons_of_aws_are_handed_on_as_they_are() -> None:
    form: Json = {"kind": "aws_cron", "cron": "0 6 ? * MON-FRI 2026", "timezone": "Asia/Tokyo"}
    assert _rules(form) == (Rule("cron(0 6 ? * MON-FRI 2026)", "Asia/Tokyo"),)
    utc_form = {"kind": "aws_cron", "timezone": "UTC"}
    assert _rules({**utc_form, "cron": "0 6 ? * 2 *"}) == (Rule("cron(0 6 ? * 2 *)"),)
    assert _rules({**utc_form, "cron": "0 6 ? * 2 2025"}) == ()


def test_nothing_is_asked_for_that_is_over_though_runs_are_still_to_be_made_up_for() -> None:
    over: dict[str, Any] = {"end_date": "2026-11-01T00:00:00+00:00", "catchup": True}
    assert _rules(_cron("0 6 * * *"), **over) == ()
    assert _rules({"kind": "delta", "seconds": 60.0}, **over) == ()
    assert _rules(_cron("0 0 31 2 *; 0 3 * * *")) == (Rule("cron(0 3 * * ? *)"),)


def test_rate_starts_with_the_next_run() -> None:
    due = "2026-11-24T15:00:00+00:00"
    assert _rules({"kind": "delta", "seconds": 60.0}) == (Rule("rate(1 minute)", start=due),)
    assert _rules({"kind": "delta", "seconds": 7200.0}) == (Rule("rate(120 minutes)", start=due),)
    late = rules(Dag("d", (), schedule={"kind": "delta", "seconds": 7200.0}), utc("2026-11-20T13:30:10Z"), NOW)
    assert late == (Rule("rate(120 minutes)", start="2026-11-24T15:30:10+00:00"),)
    ending = _rules({"kind": "delta", "seconds": 7200.0}, end_date="2026-12-01T00:00:00+00:00")
    assert ending == (Rule("rate(120 minutes)", None, due, "2026-12-01T00:01:00+00:00"),)


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        {"kind": "once"},
        {"kind": "continuous"},
        {"kind": "events", "dates": ["2026-12-01T01:02:00+01:00"]},
        {"kind": "delta", "seconds": 90.0},
        {"kind": "delta", "seconds": 0.5},
        {"kind": "delta", "seconds": 0.0, "months": 1},
        _cron("0 6 * * *", "+05:30"),
    ],
)
def test_what_no_expression_says_is_left_to_the_sweep(schedule: Json) -> None:
    assert _rules(schedule) == ()


def test_dag_without_a_further_run_needs_no_ticks() -> None:
    assert rules(Dag("d", (), schedule=_cron("0 6 * * *")), None, NOW) == ()


def test_longest_expression_is_one_that_eventbridge_takes() -> None:
    """In each field the most characters come from two of three numbers, which make no ranges, with two digits if possible."""
    fields = [range(60), range(24), range(1, 32), range(1, 13)]
    minutes, hours, day, month = (",".join(str(n) for n in field if n % 3) for field in fields)
    (rule,) = _rules(_cron(f"{minutes} {hours} {day} {month} *"))
    assert 230 < len(rule.expression) <= MAX_CHARACTERS
