"""AWS calls of operators, as botocore sends them: what is sent again when its answer is lost, and what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError

from leeward.aws.calls import BotoAws
from leeward.operators.base import AwsError
from tests.ports.wire import Answer, Request, session


@dataclass
class Line:
    """A line to AWS on which the first request of each client fails. It stands for a session, too."""

    error: type[HTTPClientError]
    sent: list[str] = field(default_factory=list)
    service: str = ""

    def client(self, service: str, region_name: str | None) -> Any:
        self.service = service
        client = session().client(service, region_name=region_name, config=Config(retries={"mode": "legacy"}))
        client.meta.events.register("before-send", self._before_send)
        return client

    def _before_send(self, request: Request, event_name: str, **_: Any) -> AWSResponse:
        self.sent.append(event_name.rpartition(".")[2])
        if len(self.sent) == 1:
            raise self.error(endpoint_url=request.url)
        return Answer(200, b"" if self.service == "s3" else b"{}").response(request.url)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


def test_start_of_a_job_whose_answer_was_lost_is_not_sent_again() -> None:
    line = Line(ReadTimeoutError)
    with pytest.raises(AwsError, match="ReadTimeoutError"):
        BotoAws(lambda: line).call("glue", "StartJobRun", {"JobName": "nightly"}, "us-east-1")
    assert line.sent == ["StartJobRun"]


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("glue", "GetJobRun", {"JobName": "nightly", "RunId": "r"}),
        ("athena", "StartQueryExecution", {"QueryString": "SELECT 1"}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k"}),
    ],
)
def test_call_that_does_no_harm_twice_is_sent_again(service: str, operation: str, request_: dict[str, Any]) -> None:
    line = Line(ReadTimeoutError)
    BotoAws(lambda: line).call(service, operation, request_, "us-east-1")
    assert line.sent == [operation, operation]


def test_start_of_a_job_that_was_never_sent_is_sent_again() -> None:
    line = Line(ConnectTimeoutError)
    BotoAws(lambda: line).call("glue", "StartJobRun", {"JobName": "nightly"}, "us-east-1")
    assert line.sent == ["StartJobRun", "StartJobRun"]
