"""The forms of `deadline`, as dag-factory would build Airflow's objects, and what is wrong with others."""

from __future__ import annotations

import pytest

from leeward.aws.dags import dag_of, dag_text
from leeward.core.dag import Callback, DeadlineAlert, DeadlineReference
from tests.spec.reading import compiled, dag, messages, problems

CALLBACK = "{__type__: airflow.sdk.SyncCallback, callback_callable: m.f}"
HOUR = "{__type__: datetime.timedelta, hours: 1}"
R = DeadlineReference


def spec(reference: str, interval: str = HOUR, callback: str = CALLBACK, more: str = "") -> str:
    alert = f"__type__: airflow.sdk.DeadlineAlert, interval: {interval}, callback: {callback}{more}"
    return f"d: {{tasks: {{}}, deadline: {{reference: {reference}, {alert}}}}}"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("{__type__: airflow.sdk.DeadlineReference.DAGRUN_LOGICAL_DATE}", (R.DAGRUN_LOGICAL_DATE, None, 10, 10)),
        ("{__type__: airflow.sdk.definitions.deadline.DagRunQueuedAtDeadline}", (R.DAGRUN_QUEUED_AT, None, 10, 10)),
        (
            "{__type__: airflow.sdk.DeadlineReference.FIXED_DATETIME, dt: 2026-01-31T06:00:00+01:00}",
            (R.FIXED_DATETIME, "2026-01-31T06:00:00+01:00", 10, 10),
        ),
        (
            "{__type__: airflow.sdk.definitions.deadline.FixedDatetimeDeadline, __args__: [2026-01-31]}",
            (R.FIXED_DATETIME, "2026-01-31T00:00:00+00:00", 10, 10),
        ),
        ("{__type__: airflow.sdk.DeadlineReference.AVERAGE_RUNTIME}", (R.AVERAGE_RUNTIME, None, 10, 10)),
        (
            "{__type__: airflow.sdk.DeadlineReference.AVERAGE_RUNTIME, max_runs: 0, min_runs: 3}",
            (R.AVERAGE_RUNTIME, None, 10, 3),
        ),
        (
            "{__type__: airflow.sdk.definitions.deadline.AverageRuntimeDeadline, __args__: [5]}",
            (R.AVERAGE_RUNTIME, None, 5, 5),
        ),
    ],
)
def test_references_are_airflows_members_and_the_classes_behind_them(
    reference: str, expected: tuple[DeadlineReference, str | None, int, int]
) -> None:
    (alert,) = dag(spec(reference)).deadlines
    assert (alert.reference, alert.moment, alert.max_runs, alert.min_runs) == expected


QUEUED = "{__type__: airflow.sdk.DeadlineReference.DAGRUN_QUEUED_AT}"


def test_callbacks_are_plain_or_asynchronous_and_intervals_may_be_negative() -> None:
    callback = "{__type__: airflow.sdk.AsyncCallback, callback_callable: m.g, kwargs: {text: late}}"
    (alert,) = dag(spec(QUEUED, "{__type__: datetime.timedelta, minutes: -5}", callback, ", name: five")).deadlines
    assert alert == DeadlineAlert(R.DAGRUN_QUEUED_AT, -300.0, Callback("m.g", {"text": "late"}), True, "five")


def test_list_holds_several_and_null_none() -> None:
    one = spec(QUEUED).partition("deadline: ")[2][:-1]
    both = dag(f"d: {{tasks: {{}}, deadline: [{one}, {one}]}}")
    assert len(both.deadlines) == 2
    assert dag_of(dag_text(both)) == both
    assert dag("d: {tasks: {}, deadline: null}").deadlines == ()


@pytest.mark.parametrize(
    "text",
    [
        spec("{__type__: mine.Reference}"),
        spec("{__type__: airflow.sdk.DeadlineReference.DAGRUN_QUEUED_AT, max_runs: 3}"),
        spec("{__type__: airflow.sdk.DeadlineReference.FIXED_DATETIME}"),
        spec("{__type__: airflow.sdk.DeadlineReference.AVERAGE_RUNTIME, min_runs: 0}"),
        spec("{__type__: airflow.sdk.definitions.deadline.AverageRuntimeDeadline, max_runs: 0}"),
        spec("DAGRUN_QUEUED_AT"),
        spec(QUEUED, callback="m.f"),
        spec(QUEUED, callback="{__type__: airflow.sdk.SyncCallback, callback_callable: m.f, kwargs: {context: 1}}"),
        spec(QUEUED, more=", channel: x"),
        "d: {tasks: {}, deadline: [{__type__: airflow.sdk.DeadlineAlert, reference: {__type__: x}}]}",
    ],
)
def test_what_is_no_deadline_of_airflows_is_told(text: str) -> None:
    assert {found.partition(" ")[2] for found in problems(text)} == {"LW180"}


def test_wrong_dates_lengths_and_paths_are_told_with_their_own_codes() -> None:
    assert problems(spec("{__type__: airflow.sdk.DeadlineReference.FIXED_DATETIME, dt: soon}")) == ["1 LW114"]
    assert problems(spec(QUEUED, "60")) == ["1 LW113"]
    assert problems(spec(QUEUED, callback="{__type__: airflow.sdk.SyncCallback, callback_callable: f}")) == ["1 LW160"]
    assert problems("d: {tasks: {}, deadline: 60}") == ["1 LW124"]


def test_executor_of_a_callback_does_nothing_and_that_is_told() -> None:
    callback = "{__type__: airflow.sdk.SyncCallback, callback_callable: m.f, executor: local}"
    found = compiled(spec(QUEUED, callback=callback))
    assert len(found.dags) == 1
    assert [str(each.code) for each in found.report.warnings] == ["LW201"]


def test_mistake_names_the_closest_word() -> None:
    (message,) = messages(spec(QUEUED, more=", nam: x"))
    assert "did you mean 'name'?" in message
