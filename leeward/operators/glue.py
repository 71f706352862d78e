"""Glue of Airflow's Amazon provider: a run of a job, which is created where it does not exist.

The job of a waiting try names the run, so a worker that dies meanwhile loses nothing. A try that starts again starts
another run: Glue takes no token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.operators.amazon import CallError, OperatorError, Work, argument, at, inert, row
from leeward.operators.raised import AIRFLOW_EXCEPTION
from leeward.operators.s3_requests import put_object
from leeward.spec.catalogue import Parameter

_JOB_NAME: Final = "aws_glue_default_job"
_FAILED: Final = frozenset({"FAILED", "TIMEOUT", "ERROR", "EXPIRED"})
_LOOKS: Final = 5
"""How often in a row a look may be refused for a passing reason, 1, 2, 4 ... s apart, as in Airflow."""

_SCRIPTS: Final = "artifacts/glue-scripts/"


def _start(work: Work) -> Outcome:
    name = work.get("job_name", _JOB_NAME)
    _check(work)
    script = _script(work)
    work.log(f"Initializing AWS Glue Job: {name}. Wait for completion: {work.get('wait_for_completion', True)}")
    _make_sure(work, name, script)
    request = {"JobName": name, "Arguments": work.mapping("script_args"), **work.mapping("run_job_kwargs")}
    run_id = at(work.call("glue", "StartJobRun", request), "JobRunId")
    work.log(f"AWS Glue Job: {name}. Run Id: {run_id}")
    if work.get("wait_for_completion", True) or work.get("deferrable"):
        return _wait(work, {"run_id": run_id, "polls": 0, "refused": 0})
    return _done(run_id)


def _check(work: Work) -> None:
    """What Airflow refuses when it makes the hook."""
    create = work.mapping("create_job_kwargs")
    told = ""
    if work.get("iam_role_arn") and work.get("iam_role_name"):
        told = "Cannot set iam_role_arn and iam_role_name simultaneously"
    elif ("WorkerType" in create) != ("NumberOfWorkers" in create):
        told = "Need to specify WorkerType and NumberOfWorkers together"
    elif "WorkerType" in create and work.get("num_of_dpus") is not None:
        told = "Cannot specify num_of_dpus with custom WorkerType"
    if told:
        raise OperatorError(told, retryable=False)


def _script(work: Work) -> str | None:
    """The script's place in S3; a file beside the spec is uploaded first."""
    written, bucket = work.text("script_location"), work.text("s3_bucket")
    if not written or written.startswith("s3://"):
        return written
    if bucket is None:
        raise OperatorError(f"{written} is uploaded to s3_bucket, which is not given", retryable=False)
    text = work.services.user_code.read(written)
    if text is None:
        raise OperatorError(f"there is no file {written} beside the spec", retryable=False)
    key = _SCRIPTS + written.rpartition("/")[2]
    put_object(work, bucket, key, text.encode(), replace=bool(work.get("replace_script_file")))
    return f"s3://{bucket}/{key}"


def _make_sure(work: Work, name: str, script: str | None) -> None:
    """Create the job if there is none; with `update_config`, change one that differs."""
    update = work.get("update_config")
    wanted = _configuration(work, name, script) if update else None
    found = _found(work, name)
    if found is None:
        work.log(f"Creating job: {name}")
        work.call("glue", "CreateJob", wanted or _configuration(work, name, script))
    elif wanted is not None:
        change = {key: value for key, value in wanted.items() if key != "Name"}
        if any(found.get(key) != value for key, value in change.items()):
            work.log(f"Updating job: {name}")
            work.call("glue", "UpdateJob", {"JobName": name, "JobUpdate": change})


def _found(work: Work, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = work.call("glue", "GetJob", {"JobName": name}).get("Job", {})
    except CallError as error:
        if error.code == "EntityNotFoundException":
            return None
        raise
    return found


def _configuration(work: Work, name: str, script: str | None) -> dict[str, Any]:
    own = work.mapping("create_job_kwargs")
    found = {
        "Name": name,
        "Description": work.get("job_desc", "AWS Glue Job with Airflow"),
        "Role": work.get("iam_role_arn") or _role(work),
        "ExecutionProperty": {"MaxConcurrentRuns": work.get("concurrent_run_limit") or 1},
        "Command": own.pop("Command", {"Name": "glueetl", "ScriptLocation": script}),
        "MaxRetries": work.get("retry_limit", 0),
        **own,
    }
    if "WorkerType" not in own:
        found["MaxCapacity"] = work.get("num_of_dpus", 10)
    if work.get("s3_bucket") is not None:
        found["LogUri"] = f"s3://{work.get('s3_bucket')}/logs/glue-logs/{name}"
    return found


def _role(work: Work) -> str:
    name = work.get("iam_role_name")
    if name is None:
        raise OperatorError("a job that is to be created needs iam_role_name or iam_role_arn", retryable=False)
    return str(at(work.call("iam", "GetRole", {"RoleName": name}), "Role", "Arn"))


def _wait(work: Work, job: Mapping[str, Any]) -> Deferred:
    """Until the next look; deferrable jobs have an interval of their own."""
    seconds = work.get("waiter_delay", 60) if work.get("deferrable") else work.get("job_poll_interval", 6)
    return Deferred(dict(job), float(seconds))


def _poll(work: Work, job: Mapping[str, Any]) -> Outcome:
    run_id = str(job["run_id"])
    if job.get("slept"):
        return _done(run_id)
    try:
        state = _state(work, run_id)
    except CallError as error:
        refused = int(job["refused"]) + 1
        if error.transient and refused < _LOOKS:
            return Deferred({**job, "refused": refused}, 2.0 ** (refused - 1))
        return _failure(run_id, str(error), retryable=error.retryable)
    return _judged(work, {**job, "polls": int(job["polls"]) + 1, "refused": 0}, state)


def _state(work: Work, run_id: str) -> str:
    name = work.get("job_name", _JOB_NAME)
    request = {"JobName": name, "RunId": run_id, "PredecessorsIncluded": True}
    return str(at(work.call("glue", "GetJobRun", request), "JobRun", "JobRunState"))


def _judged(work: Work, job: Mapping[str, Any], state: str) -> Outcome:
    run_id = str(job["run_id"])
    work.log(f"AWS Glue Job: {work.get('job_name', _JOB_NAME)} status: {state}. Run Id: {run_id}")
    if state in _FAILED:
        return _failure(run_id, f"Exiting Job {run_id} Run State: {state}")
    if state == "STOPPED":
        return _failure(run_id, f"GlueJobRunStoppedError: the job run {run_id} was stopped")
    deferrable = work.get("deferrable")
    if state == "SUCCEEDED":
        sleep = 0 if deferrable else work.get("sleep_before_return", 0)
        return Deferred({**job, "slept": True}, float(sleep)) if sleep else _done(run_id)
    if deferrable and job["polls"] >= work.get("waiter_max_attempts", 75):
        return _failure(run_id, "Waiter error: max attempts reached")
    return _wait(work, job)


def _done(run_id: str) -> Succeeded:
    return Succeeded({"return_value": run_id, "glue_job_run_id": run_id})


def _failure(run_id: str, told: str, *, retryable: bool = True) -> Failed:
    return Failed(told, retryable, {"glue_job_run_id": run_id}, raised=AIRFLOW_EXCEPTION)


_NO_KILL: Final = "a task that is stopped leaves its job running"
_NO_RESUME: Final = "every try starts a run of its own"
_NO_LINEAGE: Final = "nothing is reported to OpenLineage"

ROWS: Final = (
    row(
        ("operators.glue.GlueJobOperator", "operators.glue.AwsGlueJobOperator"),
        {
            "job_name": argument("string", "The job; `aws_glue_default_job` by default.", templated=True),
            "job_desc": argument("string", "The description of a job that is created."),
            "script_location": argument("string", "Its script in S3, or a file beside the spec.", templated=True),
            "concurrent_run_limit": argument("integer", "How many of its runs there may be at a time; 1."),
            "script_args": argument("object", "Arguments of the run.", templated=True),
            "retry_limit": argument("integer", "How often Glue itself repeats a run; 0."),
            "num_of_dpus": argument("number", "Its capacity; 10 without workers in `create_job_kwargs`."),
            "s3_bucket": argument(
                "string", "The bucket of its logs, and of a script that is uploaded.", templated=True
            ),
            "iam_role_name": argument("string", "Its role by name.", templated=True),
            "iam_role_arn": argument("string", "Or by ARN.", templated=True),
            "create_job_kwargs": argument("object", "More members of CreateJob.", templated=True),
            "run_job_kwargs": argument("object", "More members of StartJobRun.", templated=True),
            "wait_for_completion": argument("boolean", "Whether the task ends with the run; true."),
            "job_poll_interval": Parameter(
                {"type": ["number", "null"], "minimum": 0}, note="Seconds between looks; 6."
            ),
            "deferrable": argument("boolean", "Waits as Airflow's trigger does: by the next two arguments."),
            "waiter_delay": argument("integer", "Seconds between looks if `deferrable`; 60."),
            "waiter_max_attempts": argument("integer", "How many looks there are then; 75."),
            "sleep_before_return": argument("integer", "Seconds to wait after the run's end; 0."),
            "update_config": argument("boolean", "Whether a job that differs is changed first."),
            "replace_script_file": argument("boolean", "Whether an uploaded script replaces one in the bucket."),
            "verbose": inert("boolean", "the job's logs stay in CloudWatch"),
            "stop_job_run_on_kill": inert("boolean", _NO_KILL),
            "durable": inert("boolean", _NO_RESUME),
            "resume_glue_job_on_retry": inert("boolean", _NO_RESUME),
            "openlineage_inject_parent_job_info": inert("boolean", _NO_LINEAGE),
            "openlineage_inject_transport_info": inert("boolean", _NO_LINEAGE),
        },
        _start,
        _poll,
        note="Runs a job and waits for it. The XComs `return_value` and `glue_job_run_id` are the run's id.",
    ),
)
