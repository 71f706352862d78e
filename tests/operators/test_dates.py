"""Branches by the day, by the time, and by whether a run is the newest: what they choose, and what becomes of the rest."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leeward.core.facts import Failed, Outcome, Succeeded
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.bodies import RunXComs
from leeward.local.aws_calls import Refused
from leeward.local.processes import ProcessPool
from leeward.local.run_store import MemoryXComStore
from leeward.local.secrets import EnvironmentSecrets
from leeward.operators.base import Attempt, Services
from leeward.operators.execute import is_user_code, run
from leeward.spec.version import version
from tests.running import run as run_spec
from tests.spec.reading import dag as compiled
from tests.spec.reading import messages

MONDAY = "2024-01-15T06:30:00+00:00"
DAY = "operator: airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator"
TIME = "operator: airflow.providers.standard.operators.datetime.BranchDateTimeOperator"
LATEST = "operator: airflow.providers.standard.operators.latest_only.LatestOnlyOperator"


def spec(keys: str, dag: str = "") -> str:
    """A DAG of a branch `b` and, after it, the tasks `yes` and `no`."""
    rows = textwrap.indent(textwrap.dedent(keys).strip("\n"), " " * 6)
    after = "{operator: EmptyOperator, dependencies: [b]}"
    return f"d:\n{textwrap.indent(dag, '  ')}\n  tasks:\n    b:\n{rows}\n    yes: {after}\n    no: {after}\n"


def ended(
    text: str,
    now: str = MONDAY,
    logical: str | None = MONDAY,
    kind: RunType = RunType.SCHEDULED,
    interval: tuple[str, str] | None = None,
) -> Outcome:
    """What the branch `b` does in a run, at a moment."""
    dag = compiled(text)
    start, end = interval or (logical, logical)
    info = RunInfo(RunRef("d", "r", version(dag)), kind, logical, start, end, run_after=logical or MONDAY)
    moment = datetime.fromisoformat(now).timestamp()
    attempt = Attempt(dag, dag.task("b"), info, 1, 0, "me", moment, index=dag.index["b"])
    assert not is_user_code(attempt.task)
    xcoms = RunXComs(MemoryXComStore(), info.ref)
    lines: list[str] = []
    secrets = EnvironmentSecrets({})
    pool = ProcessPool(Path(), secrets, 1)
    services = Services(Refused(), pool, xcoms, secrets, lines.append)
    try:
        return run(attempt, services)
    finally:
        pool.close()


def skipped(outcome: Outcome) -> tuple[str, ...]:
    assert isinstance(outcome, Succeeded), outcome
    return outcome.skip


@pytest.mark.parametrize(
    ("days", "more", "skip"),
    [
        ("week_day: Monday", "", "no"),
        ("week_day: MONDAY", "", "no"),
        ("week_day: tuesday", "", "yes"),
        ("week_day: [Saturday, Sunday]", "", "yes"),
        ("week_day: [Sunday, monday]", "", "no"),
        ("week_day: {__type__: builtins.set, items: [Monday, Friday]}", "", "no"),
        ("week_day: Sunday", "use_task_logical_date: true", "no"),
        ("week_day: Monday", "use_task_logical_date: true", "yes"),
        ("week_day: Sunday", "use_task_execution_day: true", "no"),
    ],
)
def test_branch_by_the_day_of_the_week(days: str, more: str, skip: str) -> None:
    text = spec(f"{DAY}\n{days}\n{more}\nfollow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: ['no']")
    assert skipped(ended(text, logical="2024-01-14T06:30:00+00:00")) == (skip,)


def test_day_is_that_of_the_dags_time_zone_but_a_logical_dates_is_utcs() -> None:
    keys = f"{DAY}\nweek_day: Tuesday\nfollow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: 'no'\n"
    late = "2024-01-15T23:30:00+00:00"
    for dag in ("start_date: 2024-01-01\ntimezone: Europe/Berlin", "start_date: 2024-01-01T00:00:00+01:00"):
        assert skipped(ended(spec(keys, dag), now=late)) == ("no",)
    assert skipped(ended(spec(keys, "start_date: 2024-01-01"), now=late)) == ("yes",)
    by_run = spec(keys + "use_task_logical_date: true", "start_date: 2024-01-01\ntimezone: Europe/Berlin")
    assert skipped(ended(by_run, logical=late)) == ("yes",)


def test_day_that_is_none_is_refused() -> None:
    rest = "follow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: 'no'"
    assert "LW124" in str(messages(spec(f"{DAY}\nweek_day: Mon\n{rest}")))
    failed = ended(spec(f"{DAY}\nweek_day: {{__type__: builtins.set, items: [Mon]}}\n{rest}"))
    assert isinstance(failed, Failed)
    assert (failed.error[:5], failed.retryable) == ("LW415", False)


AT = "{{__type__: datetime.time, hour: {}}}"
ON = "{{__type__: datetime.datetime, year: 2024, month: 1, day: {}, hour: 6}}"


@pytest.mark.parametrize(
    ("lower", "upper", "skip"),
    [
        (AT.format(6), AT.format(7), "no"),
        (AT.format(7), AT.format(8), "yes"),
        (AT.format(1), AT.format(6), "yes"),
        (AT.format(6), "null", "no"),
        ("null", AT.format(6), "yes"),
        (AT.format(22), AT.format(7), "yes"),
        (AT.format(6), AT.format(2), "no"),
        (ON.format(15), ON.format(16), "no"),
        (ON.format(16), ON.format(15), "yes"),
        (ON.format(16), ON.format(17), "yes"),
        (ON.format(14), AT.format(5), "yes"),
        (ON.format(14), AT.format(7), "no"),
        ("2024-01-15 06:00:00", "2024-01-15T06:45:00Z", "no"),
    ],
)
def test_branch_by_the_time(lower: str, upper: str, skip: str) -> None:
    keys = f"{TIME}\ntarget_lower: {lower}\ntarget_upper: {upper}\n"
    text = spec(keys + "follow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: 'no'")
    assert skipped(ended(text)) == (skip,)


def test_time_may_be_held_against_the_logical_date_and_is_the_dags() -> None:
    keys = f"{TIME}\ntarget_lower: {AT.format(7)}\ntarget_upper: null\nfollow_task_ids_if_true: 'yes'\n"
    keys += "follow_task_ids_if_false: 'no'\n"
    at_seven = "2024-01-15T07:00:00+00:00"
    old = keys + "use_task_execution_date: true"
    assert skipped(ended(spec(keys + "use_task_logical_date: true"), logical=at_seven)) == ("no",)
    assert skipped(ended(spec(old), logical=at_seven)) == ("no",)
    assert skipped(ended(spec(old), logical=None)) == ("yes",)
    assert skipped(ended(spec(keys), logical=at_seven)) == ("yes",)
    assert skipped(ended(spec(keys, "start_date: 2024-01-01\ntimezone: Europe/Berlin"))) == ("no",)


@pytest.mark.parametrize(
    ("lower", "upper", "story"),
    [
        ("null", "null", "both null"),
        ("2024-01-15", "null", "neither a date with a time nor a time"),
        ("2024-01-15T06:00:00Z", AT.format(7), "can't be compared"),
    ],
)
def test_targets_that_make_no_sense_fail_the_task_for_good(lower: str, upper: str, story: str) -> None:
    keys = f"{TIME}\ntarget_lower: {lower}\ntarget_upper: {upper}\n"
    failed = ended(spec(keys + "follow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: 'no'"))
    assert isinstance(failed, Failed)
    assert failed.error.startswith("LW414")
    assert story in failed.error
    assert not failed.retryable


DAILY = "schedule: '0 6 * * *'\nstart_date: 2024-01-01"
BY_INTERVAL = """
schedule: {__type__: airflow.timetables.interval.CronDataIntervalTimetable, cron: "0 6 * * *", timezone: UTC}
start_date: 2024-01-01
""".strip()


@pytest.mark.parametrize(
    ("dag", "now", "skip"),
    [
        (DAILY, "2024-01-15T06:30:00+00:00", ()),
        (DAILY, "2024-01-16T06:00:00+00:00", ()),
        (DAILY, "2024-01-16T06:00:01+00:00", ("yes", "no")),
        (DAILY, "2024-01-15T05:59:00+00:00", ("yes", "no")),
        ("schedule: '@once'", "2025-01-01T00:00:00+00:00", ()),
        ("schedule: null", "2025-01-01T00:00:00+00:00", ()),
    ],
)
def test_only_the_newest_run_goes_on(dag: str, now: str, skip: tuple[str, ...]) -> None:
    found = ended(spec(LATEST, dag), now=now, logical="2024-01-15T06:00:00+00:00")
    assert skipped(found) == skip


def test_interval_is_the_newest_until_the_next_one_is_over() -> None:
    day = ("2024-01-14T06:00:00+00:00", "2024-01-15T06:00:00+00:00")
    text = spec(LATEST, BY_INTERVAL)
    assert skipped(ended(text, "2024-01-16T05:00:00+00:00", day[0], interval=day)) == ()
    assert skipped(ended(text, "2024-01-16T06:00:01+00:00", day[0], interval=day)) == ("yes", "no")


def test_run_that_came_before_its_interval_was_over_counts_from_the_one_in_between() -> None:
    two_days = ("2024-01-14T06:00:00+00:00", "2024-01-15T06:00:00+00:00")
    text = spec(LATEST, DAILY)
    assert skipped(ended(text, "2024-01-15T07:00:00+00:00", two_days[0], interval=two_days)) == ()


def test_interval_that_reaches_beyond_another_is_the_newest_only_after_that() -> None:
    long = ("2024-01-14T05:00:00+00:00", "2024-01-15T07:00:00+00:00")
    text = spec(LATEST, BY_INTERVAL)
    assert skipped(ended(text, "2024-01-15T08:00:00+00:00", long[0], interval=long)) == ("yes", "no")
    assert skipped(ended(text, "2024-01-16T08:00:00+00:00", long[0], interval=long)) == ()


def test_run_started_by_hand_is_never_cut_and_any_other_is() -> None:
    old = "2024-01-15T06:00:00+00:00"
    assert skipped(ended(spec(LATEST, DAILY), "2025-01-01T00:00:00+00:00", old, RunType.MANUAL)) == ()
    assert skipped(ended(spec(LATEST, DAILY), "2025-01-01T00:00:00+00:00", old, RunType.BACKFILL)) == ("yes", "no")


def test_what_a_branch_chose_is_pushed_only_when_nothing_is_skipped() -> None:
    chosen = ended(spec(LATEST, DAILY), "2024-01-15T07:00:00+00:00")
    assert isinstance(chosen, Succeeded)
    assert chosen.xcoms == {"return_value": ["yes", "no"]}
    cut = ended(spec(LATEST, DAILY), "2025-01-01T00:00:00+00:00")
    assert isinstance(cut, Succeeded)
    assert cut.xcoms == {}


def test_branch_by_date_runs_in_a_run(tmp_path: Path) -> None:
    today = datetime.now(UTC).strftime("%A")
    keys = f"{DAY}\nweek_day: {today}\nuse_task_logical_date: true\n"
    text = spec(keys + "follow_task_ids_if_true: 'yes'\nfollow_task_ids_if_false: 'no'")
    states = run_spec(text, tmp_path).states
    assert set(states.values()) == {"success", "skipped"}


@pytest.mark.parametrize(
    "path",
    [
        "airflow.operators.weekday.BranchDayOfWeekOperator",
        "airflow.operators.datetime.BranchDateTimeOperator",
        "airflow.operators.latest_only.LatestOnlyOperator",
        "airflow.operators.latest_only_operator.LatestOnlyOperator",
    ],
)
def test_older_import_paths_name_the_same_operators(path: str) -> None:
    problems = str(messages(f"d: {{tasks: {{t: {{operator: {path}}}}}}}"))
    assert "LW137" not in problems
