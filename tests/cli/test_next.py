"""`leeward next`, where the recorded schedules say nothing: its table, its choices and its mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leeward.cli.main import main

SPEC = """
one: {schedule: "0 6 * * *", timezone: Europe/Berlin, start_date: 2026-01-01, end_date: 2026-11-26, tasks: {}}
two: {schedule: "@once", tasks: {}}
odd: {schedule: "0 * * * *", timezone: Australia/Lord_Howe, start_date: 2026-01-01, tasks: {}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "spec.yml").write_text(SPEC)
    return str(tmp_path / "spec.yml")


def _next(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["next", *arguments])


def test_runs_stand_in_a_table_in_utc_until_there_are_no_more(spec: str) -> None:
    shown = _next(spec, "--dag-id", "one", "--now", "2026-11-24T12:00:00+01:00", "-n", "9")
    assert shown.exit_code == 0
    head, *rows = shown.stdout.splitlines()
    assert head.startswith("logical date")
    assert [row.split()[-1] for row in rows] == ["2026-11-24T05:00:00Z", "2026-11-25T05:00:00Z"]


def test_data_intervals_are_what_airflow_makes_of_plain_schedules_when_told(spec: str) -> None:
    options = ("--dag-id", "one", "--now", "2026-11-24T12:00", "-n", "1", "--json")
    assert json.loads(_next(spec, *options).stdout) == [["2026-11-24T05:00:00Z"] * 4]
    day, after = "2026-11-23T05:00:00Z", "2026-11-24T05:00:00Z"
    assert json.loads(_next(spec, *options, "--cron-data-intervals").stdout) == [[day, day, after, after]]


def test_time_is_the_present_unless_it_is_told(spec: str) -> None:
    (row,) = json.loads(_next(spec, "--dag-id", "two", "--json").stdout)
    assert row[0].endswith("Z")
    assert len(set(row)) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "choose one with --dag-id"),
        (("--dag-id", "two", "--now", "yesterday"), "LW308"),
        (("--dag-id", "odd", "--now", "2026-04-04T15:10:00Z", "--cron-data-intervals"), "LW340"),
        (("--dag-id", "two", "-n", "0"), "not in the range"),
    ],
)
def test_what_makes_no_sense_is_bad_usage(spec: str, options: tuple[str, ...], told: str) -> None:
    result = _next(spec, *options)
    assert (result.exit_code, told in result.stderr) == (2, True)
