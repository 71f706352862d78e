"""Special objects, lengths of time, dates."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta

from leeward.spec.dates import as_datetime, zone
from leeward.spec.diagnostics import Report, closest
from leeward.spec.nodes import Mark, Scalar
from leeward.spec.special import as_json, as_timedelta, fold, typed
from leeward.worker.values import build, plain
from tests.spec.reading import NOW, node

UTC = ZoneInfo("UTC")


def _codes(report: Report) -> list[str]:
    return [found.code for found in report.found]


def test_join_makes_one_text_anywhere() -> None:
    found, report = node("{a: [{__join__: [echo, ' ', 5]}]}")
    assert as_json(fold(found, report), report) == {"a": ["echo 5"]}
    assert report.found == []


@pytest.mark.parametrize("text", ["{__join__: x}", "{__join__: [[a]]}", "{__join__: [a], b: 1}"])
def test_join_of_anything_else_is_an_error(text: str) -> None:
    found, report = node(text)
    assert fold(found, report) == Scalar("", found.mark)
    assert _codes(report) == ["LW112"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{__type__: datetime.timedelta, hours: 6}", datetime.timedelta(hours=6)),
        ("{__type__: datetime.datetime, __args__: [2024, 1, 2]}", datetime.datetime(2024, 1, 2)),
        (
            "{__type__: datetime.datetime, year: 2024, month: 1, day: 2, tzinfo: UTC}",
            datetime.datetime(2024, 1, 2, tzinfo=UTC),
        ),
        ("{__type__: dateutil.relativedelta.relativedelta, months: 1}", relativedelta(months=1)),
        (
            "{__type__: builtins.list, items: [1, {__type__: datetime.date, __args__: [2024, 1, 2]}]}",
            [1, datetime.date(2024, 1, 2)],
        ),
        ("{__type__: builtins.tuple, __args__: [[1, 2]]}", (1, 2)),
        ("{__type__: builtins.set, items: [1]}", {1}),
        ("2024-01-02", datetime.date(2024, 1, 2)),
        ("2024-01-02 03:04:05", datetime.datetime(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04:05+01:00", datetime.datetime(2024, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("[1, {a: 2.5}]", [1, {"a": 2.5}]),
    ],
)
def test_typed_value_survives_as_json_and_is_built_where_it_is_used(text: str, value: object) -> None:
    found, report = node(text)
    assert build(as_json(found, report)) == value
    assert report.found == []


def test_unknown_type_is_refused_and_named() -> None:
    found, report = node("{__type__: os.system, __args__: [rm]}")
    assert typed(found, report) is None
    assert _codes(report) == ["LW110"]
    assert "datetime.timedelta" in str(report.found[0])


def test_wrong_arguments_of_a_type_are_an_error() -> None:
    found, report = node("{__type__: datetime.timedelta, hour: 6}")
    assert typed(found, report) is None
    assert _codes(report) == ["LW111"]


def test_what_python_returns_goes_back_to_json() -> None:
    value = {"a": (1, datetime.timedelta(days=1)), "s": {3}, "d": datetime.date(2024, 1, 2)}
    assert build(plain(value)) == {"a": [1, datetime.timedelta(days=1)], "s": {3}, "d": datetime.date(2024, 1, 2)}
    with pytest.raises(TypeError, match="object"):
        plain(object())
    with pytest.raises(TypeError, match="key 1"):
        plain({1: 2})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0),
        ("2.5", 2.5),
        ("{__type__: datetime.timedelta, minutes: 5}", 300.0),
        ("{__type__: dateutil.relativedelta.relativedelta, days: 1, hours: 1}", 90000.0),
    ],
)
def test_length_of_time_in_seconds(text: str, seconds: float) -> None:
    found, report = node(text)
    assert as_timedelta(found, report, "retry_delay", numbers=True) == seconds
    assert report.found == []


@pytest.mark.parametrize(
    ("text", "numbers", "code"),
    [
        ("60", False, "LW113"),
        ("-1", True, "LW113"),
        ("true", True, "LW113"),
        ("soon", True, "LW113"),
        ("{seconds: 5}", True, "LW113"),
        ("{__type__: datetime.date, __args__: [2024, 1, 1]}", True, "LW113"),
        ("{__type__: dateutil.relativedelta.relativedelta, months: 1}", True, "LW113"),
        ("{__type__: datetime.timedelta, days: x}", True, "LW111"),
    ],
)
def test_anything_else_is_no_length_of_time(text: str, numbers: bool, code: str) -> None:
    found, report = node(text)
    assert as_timedelta(found, report, "retry_delay", numbers=numbers) is None
    assert _codes(report) == [code]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-06-15", "2024-06-15T00:00:00+02:00"),
        ("'2024-06-15'", "2024-06-15T00:00:00+02:00"),
        ("2024-06-15 10:00:00", "2024-06-15T10:00:00+02:00"),
        ("'2024-06-15T10:00:00+00:00'", "2024-06-15T10:00:00+00:00"),
        ("{__type__: datetime.datetime, year: 2024, month: 6, day: 15}", "2024-06-15T00:00:00+02:00"),
        ("2 days", "2024-05-15T00:00:00+02:00"),
        ("1 hour", "2024-05-16T23:00:00+02:00"),
        ("30 minutes", "2024-05-16T23:30:00+02:00"),
        ("5 seconds", "2024-05-16T23:59:55+02:00"),
    ],
)
def test_date_is_local_to_its_time_zone(text: str, date: str) -> None:
    found, report = node(text)
    moment = as_datetime(found, ZoneInfo("Europe/Paris"), NOW, report, "start_date")
    assert moment is not None
    assert moment.isoformat() == date
    assert report.found == []


@pytest.mark.parametrize("text", ["205-01-01-01", "5", "[2024]", "null"])
def test_anything_else_is_no_date(text: str) -> None:
    found, report = node(text)
    assert as_datetime(found, UTC, NOW, report, "start_date") is None
    assert _codes(report) == ["LW114"]


def test_unknown_time_zone_names_the_closest() -> None:
    report = Report()
    assert zone("Europe/Pariss", Mark("f", 1, 1), report) == UTC
    assert "did you mean 'Europe/Paris'?" in str(report.found[0])


def test_hint_lists_few_words_and_not_many() -> None:
    assert closest("zzz", ["a", "b"]) == "write one of a, b"
    assert closest("zzz", [str(i) for i in range(20)]) == ""
