"""Glue jobs: what the recorded cases do not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leeward.local.aws_calls import Scripted
from leeward.local.clock import VirtualClock
from tests.operators.driving import Driven, answer, drive, refusal
from tests.running import one

JOB = answer("glue", "GetJob", Job={"Name": "etl", "MaxRetries": 0})
NO_JOB = refusal("glue", "GetJob", "EntityNotFoundException")
STARTED = answer("glue", "StartJobRun", JobRunId="jr")
ROLE = {"iam_role_arn": "arn:role"}


def _state(state: str) -> Any:
    return answer("glue", "GetJobRun", JobRun={"JobRunState": state})


def _run(*answers: Any, folder: Any = Path(), **arguments: Any) -> Driven:
    return drive("GlueJobOperator", {"job_name": "etl", **arguments}, *answers, STARTED, folder=folder)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("FAILED", "Exiting Job jr Run State: FAILED"),
        ("TIMEOUT", "Run State: TIMEOUT"),
        ("ERROR", "Run State: ERROR"),
        ("STOPPED", "GlueJobRunStoppedError"),
    ],
)
def test_run_that_does_not_succeed_fails_the_task_and_its_id_is_kept(state: str, told: str) -> None:
    driven = _run(JOB, _state("WAITING"), _state(state))
    assert told in driven.error
    assert (driven.retryable, driven.xcoms, driven.waits) == (True, {"glue_job_run_id": "jr"}, [6.0, 6.0])


def test_look_that_is_throttled_is_repeated_after_growing_waits_and_five_in_a_row_fail() -> None:
    throttled, broken = refusal("glue", "GetJobRun", "ThrottlingException"), refusal("glue", "GetJobRun", "Oops", 503)
    again = _run(JOB, throttled, broken, _state("RUNNING"), throttled, _state("SUCCEEDED"))
    assert (again.state, again.waits) == ("success", [6.0, 1.0, 2.0, 6.0, 1.0])
    failed = _run(JOB, throttled)
    assert (failed.waits, failed.xcoms) == ([6.0, 1.0, 2.0, 4.0, 8.0], {"glue_job_run_id": "jr"})
    assert "ThrottlingException" in failed.error
    assert _run(JOB, refusal("glue", "GetJobRun", "AccessDeniedException")).waits == [6.0]


def test_wait_after_the_end_is_no_look() -> None:
    driven = _run(JOB, _state("SUCCEEDED"), sleep_before_return=10)
    assert (driven.waits, driven.aws.operations().count("GetJobRun")) == ([6.0, 10.0], 1)
    assert driven.xcoms == {"return_value": "jr", "glue_job_run_id": "jr"}


def test_deferrable_job_waits_by_the_numbers_of_airflows_trigger() -> None:
    waiting = {"deferrable": True, "wait_for_completion": False, "sleep_before_return": 9}
    assert _run(JOB, _state("RUNNING"), _state("SUCCEEDED"), **waiting).waits == [60.0, 60.0]
    driven = _run(JOB, _state("RUNNING"), deferrable=True, waiter_delay=5, waiter_max_attempts=3)
    assert (driven.waits, driven.error) == ([5.0] * 3, "Waiter error: max attempts reached")


def test_job_is_changed_only_if_asked_and_different() -> None:
    changed = _run(JOB, answer("glue", "UpdateJob"), update_config=True, wait_for_completion=False, **ROLE)
    assert changed.aws.operations() == ["GetJob", "UpdateJob", "StartJobRun"]
    change = changed.aws.request("UpdateJob")["JobUpdate"]
    assert ("Name" in change, change["Role"], change["MaxCapacity"]) == (False, "arn:role", 10)
    same = answer("glue", "GetJob", Job={"Name": "etl", **change})
    assert _run(same, update_config=True, wait_for_completion=False, **ROLE).aws.operations() == [
        "GetJob",
        "StartJobRun",
    ]


def test_job_that_is_to_be_changed_and_is_not_there_is_created() -> None:
    driven = _run(
        NO_JOB, answer("glue", "CreateJob"), update_config=True, wait_for_completion=False, num_of_dpus=2, **ROLE
    )
    assert driven.aws.operations() == ["GetJob", "CreateJob", "StartJobRun"]
    assert driven.aws.request("CreateJob")["MaxCapacity"] == 2


def test_command_of_ones_own_takes_the_place_of_the_usual_one() -> None:
    own = {"Command": {"Name": "pythonshell"}, "MaxRetries": 3}
    created = _run(NO_JOB, answer("glue", "CreateJob"), create_job_kwargs=own, wait_for_completion=False, **ROLE)
    sent = created.aws.request("CreateJob")
    assert (sent["Command"], sent["MaxRetries"]) == ({"Name": "pythonshell"}, 3)


def test_script_beside_the_spec_is_uploaded_first(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "etl.py").write_text("print(1)")
    where = {"script_location": "scripts/etl.py", "s3_bucket": "b", "wait_for_completion": False, **ROLE}
    answers = (NO_JOB, answer("glue", "CreateJob"), answer("s3", "PutObject"))
    driven = _run(*answers, folder=tmp_path, replace_script_file=True, **where)
    assert driven.aws.operations() == ["PutObject", "GetJob", "CreateJob", "StartJobRun"]
    assert driven.aws.request("PutObject")["Body"] == b"print(1)"
    place = "s3://b/artifacts/glue-scripts/etl.py"
    assert driven.aws.request("CreateJob")["Command"]["ScriptLocation"] == place
    there = _run(answer("s3", "HeadObject"), folder=tmp_path, **where)
    assert there.error == "The key artifacts/glue-scripts/etl.py already exists."
    assert "no file scripts/gone.py" in _run(folder=tmp_path, **{**where, "script_location": "scripts/gone.py"}).error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"iam_role_name": "r", **ROLE}, "Cannot set iam_role_arn and iam_role_name simultaneously"),
        ({"create_job_kwargs": {"WorkerType": "G.1X"}}, "WorkerType and NumberOfWorkers together"),
        (
            {"create_job_kwargs": {"WorkerType": "G.1X", "NumberOfWorkers": 2}, "num_of_dpus": 2},
            "Cannot specify num_of_dpus with custom WorkerType",
        ),
        ({}, "needs iam_role_name or iam_role_arn"),
        ({"script_location": "etl.py"}, "etl.py is uploaded to s3_bucket, which is not given"),
    ],
)
def test_arguments_that_contradict_each_other_are_not_tried_again(arguments: Any, told: str) -> None:
    driven = _run(NO_JOB, **arguments)
    assert (told in driven.error, driven.retryable) == (True, False)


def test_job_that_cannot_be_looked_up_fails_the_try() -> None:
    driven = _run(refusal("glue", "GetJob", "AccessDeniedException"))
    assert "An error occurred (AccessDeniedException) when calling the GetJob operation" in driven.error
    assert driven.retryable
    odd = drive("GlueJobOperator", {}, JOB, answer("glue", "StartJobRun"))
    assert (odd.error, odd.aws.request("GetJob")) == ("KeyError: 'JobRunId'", {"JobName": "aws_glue_default_job"})


def test_job_runs_through_the_engine_and_pushes_its_id_once_more_without_a_return_value(tmp_path: Path) -> None:
    keys = "operator: GlueJobOperator\njob_name: etl\nscript_args: {--day: '{{ ds }}'}\n"
    answers = [JOB, STARTED, _state("RUNNING"), _state("SUCCEEDED")]
    ended = one(keys, tmp_path, aws=Scripted(answers), clock=VirtualClock(1e9))
    assert (ended.state, ended.xcoms) == ("success", {"t": "jr"})
    silent = one(keys + "do_xcom_push: false\n", tmp_path, aws=Scripted(answers), clock=VirtualClock(1e9))
    assert (silent.state, silent.xcoms) == ("success", {})
