"""Airflow's Amazon provider: what is asked of AWS, the XComs and the failures, as recorded from Airflow; and what rows share.

The cases are those of `tests/conformance/operators.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from leeward.cli.aws_mode import aws_for
from leeward.core.errors import TaskError
from leeward.core.facts import Skipped
from leeward.local.aws_calls import Scripted
from leeward.local.clock import VirtualClock
from leeward.operators import AMAZON, CATALOGUE
from leeward.operators.base import Operator
from tests.operators.driving import MANY, Driven, answer, comparable, drive, python, refusal
from tests.running import one, run
from tests.spec.reading import compiled

CASES: Final = json.loads((Path(__file__).parents[1] / "conformance" / "operators.json").read_text())
LEFT_OUT: Final = {
    "glue-job-kill": "a task that is stopped asks nothing of AWS here: rows have no on_kill",
    "glue-job-kill-default": "as above",
    "glue-job-retry-resubmits": "there is no task state store: a try starts its own run without a look at the last one",
}
GONE: Final = refusal("s3", "HeadObject", "404", 404)


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] not in LEFT_OUT], ids=lambda case: case["id"])
def test_row_does_what_was_recorded_from_airflow(case: Any) -> None:
    found = CATALOGUE.find(case["operator"])
    assert found is not None
    driven, expected = drive(found.name, case["task"], *case["script"]), case["expected"]
    assert driven.aws.collapsed() == [(s, o, comparable(python(p))) for s, o, p in expected["requests"]]
    assert driven.state == expected["state"], driven.outcome
    assert comparable(driven.xcoms.get("return_value")) == comparable(expected["result"])
    others = {key: value for key, value in driven.xcoms.items() if key != "return_value"}
    assert comparable(others) == comparable(expected.get("xcom", {}))
    if "error" in expected:
        assert expected["error"]["message"] in driven.error


def test_cases_that_are_left_out_are_those_of_kills_and_second_tries() -> None:
    assert {case["id"] for case in CASES if "kill" in case or "task_state" in case} == set(LEFT_OUT)


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    rows = {row.signature.name for row in AMAZON}
    named = [CATALOGUE.find(case["operator"]) for case in CASES]
    assert {signature.name for signature in named if signature} == rows


TEMPLATED: Final = {
    "GlueJobOperator": "job_name script_location script_args create_job_kwargs run_job_kwargs s3_bucket iam_role_name "
    "iam_role_arn",
    "LambdaInvokeFunctionOperator": "function_name payload qualifier invocation_type",
    "S3CreateBucketOperator": "bucket_name bucket_namespace",
    "S3CreateObjectOperator": "s3_bucket s3_key data",
    "S3DeleteBucketOperator": "bucket_name",
    "S3DeleteObjectsOperator": "keys bucket prefix from_datetime to_datetime",
    "S3KeySensor": "bucket_key bucket_name",
    "S3ListOperator": "bucket prefix delimiter",
    "SnsPublishOperator": "target_arn message subject message_attributes message_deduplication_id message_group_id",
    "SqsPublishOperator": "sqs_queue message_content delay_seconds message_attributes message_group_id "
    "message_deduplication_id",
    "SqsSensor": "sqs_queue max_messages message_filtering_config",
}
"""The template_fields of Airflow's classes, beside those that all of them share."""


@pytest.mark.parametrize("row", AMAZON, ids=lambda row: row.signature.name)
def test_templated_arguments_are_airflows(row: Operator) -> None:
    found = {name for name, parameter in row.signature.parameters.items() if parameter.templated}
    assert found == {*TEMPLATED[row.signature.name].split(), "aws_conn_id", "region_name", "verify"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("airflow.contrib.operators.aws_sqs_publish_operator.SQSPublishOperator", "SqsPublishOperator"),
        ("airflow.contrib.operators.s3_list_operator.S3ListOperator", "S3ListOperator"),
        ("airflow.contrib.operators.sns_publish_operator.SnsPublishOperator", "SnsPublishOperator"),
        ("airflow.contrib.sensors.aws_sqs_sensor.SQSSensor", "SqsSensor"),
        ("airflow.providers.amazon.aws.operators.glue.AwsGlueJobOperator", "GlueJobOperator"),
        (
            "airflow.providers.amazon.aws.operators.lambda_function.AwsLambdaInvokeFunctionOperator",
            "LambdaInvokeFunctionOperator",
        ),
        ("airflow.providers.amazon.aws.operators.s3_bucket.S3CreateBucketOperator", "S3CreateBucketOperator"),
        ("airflow.sensors.s3_key_sensor.S3KeySensor", "S3KeySensor"),
    ],
)
def test_old_paths_lead_to_the_row(path: str, name: str) -> None:
    found = CATALOGUE.find(path)
    assert found is not None
    assert found.name == name


def _errors(keys: str) -> str:
    found = compiled(f"d: {{tasks: {{t: {{{keys}}}}}}}")
    return " ".join(str(error) for error in found.report.errors)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("operator: S3KeySensor, bucket_key: k, check_fn: m.f", "check_fn"),
        ("operator: S3KeySensor, bucket_key: k, mode: other", "mode can't be 'other'"),
        ("operator: S3KeySensor, bucket_key: k, poke_interval: -1", "poke_interval"),
        ("operator: SqsSensor, sqs_queue: q, message_filtering: jsonpath", "message_filtering can't be 'jsonpath'"),
        ("operator: LambdaInvokeFunctionOperator, function_name: f, payload: {a: 1}", "payload wants string"),
        ("operator: S3CreateBucketOperator", "lacks bucket_name"),
    ],
)
def test_what_has_no_counterpart_is_refused_when_a_spec_is_compiled(keys: str, told: str) -> None:
    assert told in _errors(keys)


def test_arguments_that_airflow_converts_write_out_are_accepted() -> None:
    keys = "aws_conn_id: aws_default, verify: true, botocore_config: {}, region_name: null"
    wait = "mode: reschedule, deferrable: true, metadata_keys: [Size], timeout: {__type__: datetime.timedelta, days: 1}"
    assert _errors(f"operator: S3KeySensor, bucket_key: k, {keys}, {wait}") == ""


def _sense(*answers: Any, **arguments: Any) -> Driven:
    return drive("S3KeySensor", {"bucket_key": "s3://b/k", **arguments}, *answers)


def test_timeout_is_given_no_other_try_and_skips_with_soft_fail() -> None:
    failed = _sense(GONE, timeout=100)
    assert (failed.waits, failed.retryable) == ([60.0, 60.0], False)
    skipped = _sense(GONE, timeout=100, soft_fail=True)
    assert isinstance(skipped.outcome, Skipped)
    assert "Sensor has timed out; run duration of 120.0 seconds" in skipped.outcome.reason


def test_lengths_of_time_may_be_timedeltas_and_a_sensor_without_a_wait_times_out_too() -> None:
    minute = {"__type__": "datetime.timedelta", "minutes": 1}
    assert _sense(GONE, timeout=minute, poke_interval={**minute, "minutes": 2}).waits == [120.0]
    assert _sense(GONE, timeout=3, poke_interval=0).waits == [1.0] * 4


def test_length_of_time_of_another_kind_fails_the_task() -> None:
    months = {"__type__": "dateutil.relativedelta.relativedelta", "months": 1}
    assert "poke_interval must be a timedelta" in _sense(GONE, poke_interval=months).error


def test_error_in_a_poke_fails_at_once_also_with_soft_fail() -> None:
    denied = refusal("s3", "HeadObject", "403", 403)
    assert _sense(denied, soft_fail=True).retryable
    skipped = _sense(denied, never_fail=True)
    assert (skipped.state, skipped.waits) == ("skipped", [])
    both = _sense(denied, soft_fail=True, never_fail=True)
    assert ("mutually exclusive" in both.error, both.retryable) == (True, False)


def test_error_in_a_poke_counts_as_not_yet_with_silent_fail() -> None:
    driven = _sense(refusal("s3", "HeadObject", "403", 403), answer("s3", "HeadObject"), silent_fail=True)
    assert (driven.state, driven.waits) == ("success", [60.0])
    assert any("Sensor poke failed: An error occurred (403)" in line for line in driven.log)


def test_waits_grow_with_backoff_up_to_the_longest_and_to_what_is_left() -> None:
    grown = _sense(GONE, timeout=5000, exponential_backoff=True).waits
    assert all(
        least <= wait <= 2 * least for wait, least in zip(grown[:-2], (30, 60, 120, 240, 480, 960), strict=False)
    )
    assert sum(grown[:-1]) <= 5000 < sum(grown) + 1
    assert grown == _sense(GONE, timeout=5000, exponential_backoff=True).waits
    capped = _sense(GONE, timeout=700, exponential_backoff=True, max_wait=100).waits
    assert max(capped) == 100.0


def test_backoff_over_very_many_pokes_stays_a_number() -> None:
    answers = [GONE] * (MANY - 1) + [answer("s3", "HeadObject")]
    assert set(_sense(*answers, exponential_backoff=True, max_wait=60).waits[5:]) == {60.0}


def test_region_and_the_error_of_a_call_that_never_left_come_through() -> None:
    here = _sense(answer("s3", "HeadObject"), region_name="eu-west-1")
    assert here.aws.regions == ["eu-west-1"]
    unknown = _sense()
    assert (unknown.error, unknown.retryable) == (
        "AwsNotScripted: the file of answers has none for s3 HeadObject",
        False,
    )


def test_job_that_is_not_known_any_more_is_another_try() -> None:
    with pytest.raises(TaskError, match="LW409") as caught:
        CATALOGUE.operator("S3KeySensor").poll(None, None, None)  # type: ignore[misc,arg-type]
    assert caught.value.retryable


SENSOR: Final = """
operator: airflow.providers.amazon.aws.sensors.s3.S3KeySensor
bucket_key: "in/{{ ds }}.csv"
bucket_name: b
poke_interval: 600
retries: 1
retry_delay: 0
"""


def test_sensor_waits_through_the_engine_and_its_timeout_is_not_retried(tmp_path: Path) -> None:
    there = {**answer("s3", "HeadObject"), "match": {"Key": "in/2024-01-15.csv", "Bucket": "b"}}
    assert one(SENSOR, tmp_path, aws=Scripted([there]), clock=VirtualClock(1e9)).states == {"t": "success"}
    late = one(SENSOR + "timeout: 1000", tmp_path, aws=Scripted([GONE]), clock=VirtualClock(1e9))
    assert (late.states["t"], late.tries["t"]) == ("failed", 1)
    assert "AirflowSensorTimeout" in late.errors["t"]


def test_refused_call_is_retried_and_one_that_can_never_be_made_is_not(tmp_path: Path) -> None:
    denied = one(SENSOR, tmp_path, aws=Scripted([refusal("s3", "HeadObject", "403", 403)]))
    assert (denied.states["t"], denied.tries["t"]) == ("failed", 2)
    nowhere = one(SENSOR, tmp_path)
    assert nowhere.tries["t"] == 1
    assert "--aws real" in nowhere.errors["t"]


MOTO: Final = """
d:
  default_args: {region_name: eu-west-1}
  tasks:
    bucket: {operator: S3CreateBucketOperator, bucket_name: some-bucket}
    again: {operator: S3CreateBucketOperator, bucket_name: some-bucket, dependencies: [bucket]}
    file: {operator: S3CreateObjectOperator, s3_key: "s3://some-bucket/in/{{ ds }}.csv", data: "a,b", dependencies: [again]}
    wait: {operator: S3KeySensor, bucket_key: "s3://some-bucket/in/*.csv", wildcard_match: true, dependencies: [file]}
    keys: {operator: S3ListOperator, bucket: some-bucket, prefix: in/, dependencies: [wait]}
    clean: {operator: S3DeleteObjectsOperator, bucket: some-bucket, prefix: in/, dependencies: [keys]}
    left: {operator: S3ListOperator, bucket: some-bucket, dependencies: [clean]}
    gone: {operator: S3DeleteBucketOperator, bucket_name: some-bucket, force_delete: true, dependencies: [left]}
    queue:
      operator: leeward.operators.aws.AwsApiOperator
      service: sqs
      action: CreateQueue
      parameters: {QueueName: q}
      result_path: QueueUrl
      region: eu-west-1
    send:
      operator: SqsPublishOperator
      sqs_queue: "{{ ti.xcom_pull('queue') }}"
      message_content: hello
      dependencies: [queue]
    receive: {operator: SqsSensor, sqs_queue: "{{ ti.xcom_pull('queue') }}", dependencies: [send]}
"""


def test_rows_do_on_moto_what_they_say(tmp_path: Path) -> None:
    with aws_for("moto") as moto:
        ended = run(MOTO, tmp_path, aws=moto)
    assert ended.errors == {}
    assert ended.state == "success"
    assert (ended.xcoms["keys"], ended.xcoms["left"]) == (["in/2024-01-15.csv"], [])
    sent: Any = ended.xcoms["send"]
    assert sent["ResponseMetadata"] == {"HTTPStatusCode": 200}
    assert sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
