"""The generic AWS operator: against scripted answers, against moto, and against nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from leeward.cli.aws_mode import aws_for
from leeward.core.errors import UsageError
from leeward.local.aws_calls import Scripted
from leeward.local.clock import VirtualClock
from leeward.operators.base import AwsError
from tests.running import Ended, one

API = "operator: leeward.operators.aws.AwsApiOperator\n"
START = """
service: glue
action: StartJobRun
parameters: {JobName: "load-{{ ds }}"}
result_path: JobRun.JobRunState
wait_for:
  action: GetJobRun
  parameters: {JobName: load, RunId: "{{ answer.JobRunId }}"}
  path: JobRun.JobRunState
  success: [SUCCEEDED]
  failure: [FAILED]
  poll_seconds: 60
"""


def _answer(operation: str, response: object, service: str = "glue", **more: object) -> Mapping[str, object]:
    return {"service": service, "operation": operation, "response": response, **more}


def _state(state: str) -> Mapping[str, object]:
    return _answer("GetJobRun", {"JobRun": {"JobRunState": state}})


def _run(folder: Path, *answers: Mapping[str, object], keys: str = START) -> Ended:
    return one(API + keys, folder, aws=Scripted(list(answers)), clock=VirtualClock(1e9))


def test_job_is_started_polled_and_its_result_picked(tmp_path: Path) -> None:
    ended = _run(
        tmp_path, _answer("StartJobRun", {"JobRunId": "j1"}), _state("RUNNING"), _state("RUNNING"), _state("SUCCEEDED")
    )
    assert (ended.state, ended.xcoms) == ("success", {"t": "SUCCEEDED"})
    assert ended.log == ["t: GetJobRun: RUNNING", "t: GetJobRun: RUNNING", "t: GetJobRun: SUCCEEDED"]


def test_job_that_fails_fails_the_task(tmp_path: Path) -> None:
    ended = _run(tmp_path, _answer("StartJobRun", {"JobRunId": "j1"}), _state("FAILED"))
    assert "ended in the state FAILED" in ended.errors["t"]


def test_refused_call_fails_the_try_and_is_retried(tmp_path: Path) -> None:
    refused = {
        "service": "glue",
        "operation": "StartJobRun",
        "error": {"code": "ConcurrentRunsExceededException", "message": "busy"},
    }
    ended = _run(tmp_path, refused, keys=START + "retries: 1\nretry_delay: 0\n")
    assert (ended.states["t"], ended.tries["t"]) == ("failed", 2)
    assert "ConcurrentRunsExceededException: busy" in ended.errors["t"]


def test_refused_poll_fails_the_try(tmp_path: Path) -> None:
    gone = {"service": "glue", "operation": "GetJobRun", "error": {"code": "EntityNotFoundException"}}
    assert "EntityNotFoundException" in _run(tmp_path, _answer("StartJobRun", {"JobRunId": "j1"}), gone).errors["t"]


def test_answer_that_matches_the_request_comes_before_the_ordered_ones(tmp_path: Path) -> None:
    keys = "service: s3\naction: ListObjectsV2\nparameters: {Bucket: b, Prefix: p}\nresult_path: Name"
    ended = _run(
        tmp_path,
        _answer("ListObjectsV2", {"Name": "ordered"}, "s3"),
        _answer("ListObjectsV2", {"Name": "matched"}, "s3", match={"Prefix": "p"}),
        _answer("ListObjectsV2", {"Name": "other"}, "s3", match={"Prefix": "q"}),
        keys=keys,
    )
    assert ended.xcoms == {"t": "matched"}


def test_whole_answer_is_the_xcom_without_a_path_and_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    keys = "service: sns\naction: ListTopics\n"
    whole = _run(tmp_path, _answer("ListTopics", {"Topics": [1], "ResponseMetadata": {}}, "sns"), keys=keys)
    assert whole.xcoms == {"t": {"Topics": [1]}}
    assert _run(tmp_path, _answer("ListTopics", {}, "sns"), keys=keys + "result_path: Nope").xcoms == {}


def test_path_that_is_no_jmespath_is_told(tmp_path: Path) -> None:
    ended = _run(tmp_path, _answer("ListTopics", {}, "sns"), keys="service: sns\naction: ListTopics\nresult_path: '['")
    assert "LW410" in ended.errors["t"]


def test_call_that_the_script_does_not_know_is_told(tmp_path: Path) -> None:
    assert "none for glue StartJobRun" in _run(tmp_path).errors["t"]


def test_without_being_told_where_no_call_is_made_and_no_try_repeated(tmp_path: Path) -> None:
    ended = one(API + START + "retries: 3\n", tmp_path)
    assert (ended.states["t"], ended.tries["t"]) == ("failed", 1)
    assert "--aws real" in ended.errors["t"]


def test_idempotency_token_is_new_for_every_try_and_the_same_for_every_repetition(tmp_path: Path) -> None:
    class Recorder(Scripted):
        tokens: ClassVar[list[str]] = []

        def call(self, service: str, operation: str, parameters: object, region: str | None = None) -> object:
            self.tokens.append(parameters["Token"])  # type: ignore[index]
            return super().call(service, operation, parameters, region)  # type: ignore[arg-type]

    keys = API + "service: x\naction: Y\nidempotency_token: Token\nretries: 1\nretry_delay: 0\n"
    refused = {"service": "x", "operation": "Y", "error": {"code": "Throttling", "status": 400}}
    for _ in range(2):
        one(keys, tmp_path, aws=Recorder([refused]))
    first, second, again, last = Recorder.tokens
    assert (first, second) == (again, last)
    assert first != second


def test_moto_answers_in_this_process(tmp_path: Path) -> None:
    keys = API + "service: sqs\naction: CreateQueue\nparameters: {QueueName: q}\nresult_path: QueueUrl"
    with aws_for("moto") as moto:
        assert str(one(keys, tmp_path, aws=moto).xcoms["t"]).endswith("/q")
        missing = keys.replace("CreateQueue", "GetQueueUrl").replace(": q}", ": nope}")
        assert "NonExistentQueue" in one(missing, tmp_path, aws=moto).errors["t"]
        wrong = keys.replace("QueueName: q", "QueueNam: q")
        assert "ParamValidationError" in one(wrong, tmp_path, aws=moto).errors["t"]


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "[]"), ("a.json", "{"), ("a.yml", "- {service: x}"), ("a.yml", "[")]
)
def test_bad_file_of_answers_is_bad_usage(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match="LW304"), aws_for(str(tmp_path / name)):
        pass


def test_file_of_answers_may_be_yaml_or_json(tmp_path: Path) -> None:
    rows = [_answer("ListTopics", {"a": 1}, "sns")]
    for name in ("a.json", "a.yml"):
        (tmp_path / name).write_text(json.dumps(rows))
        with aws_for(str(tmp_path / name)) as aws:
            assert aws.call("sns", "ListTopics", {}) == {"a": 1}
    with pytest.raises(UsageError, match="LW304"), aws_for("/nowhere.json"):
        pass
    with aws_for("real") as real, aws_for(None) as nothing:
        assert type(real).__name__ == "BotoAws"
        with pytest.raises(AwsError, match="AwsNotEnabled"):
            nothing.call("sns", "ListTopics", {})
