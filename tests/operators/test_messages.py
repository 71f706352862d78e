"""Rows of SNS, SQS and Lambda: what the recorded cases do not show."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.operators.driving import Driven, answer, drive

PUBLISHED = answer("sns", "Publish", MessageId="m")
DELETED = answer("sqs", "DeleteMessageBatch", Successful=[])


def _publish(**arguments: Any) -> Driven:
    return drive("SnsPublishOperator", {"target_arn": "arn", "message": "hello", **arguments}, PUBLISHED)


def test_types_of_attributes_follow_their_values() -> None:
    sent = _publish(message_attributes={"b": b"x", "f": 1.5, "t": True}, message_group_id="g").aws.request("Publish")
    assert sent["MessageAttributes"] == {
        "b": {"DataType": "Binary", "BinaryValue": b"x"},
        "f": {"DataType": "Number", "StringValue": "1.5"},
        "t": {"DataType": "Number", "StringValue": "True"},
    }
    assert (sent["MessageGroupId"], "Subject" in sent) == ("g", False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"message_attributes": {"n": None}}, "must be one of bytes, str, int, float, or iterable"),
        ({"message_attributes": {"n": [b"x"]}}, "TypeError"),
        ({"message_attributes": "{{ ds }}"}, "message_attributes must be a mapping, not '2024-01-15'"),
    ],
)
def test_attribute_of_another_type_fails_the_task(arguments: Any, told: str) -> None:
    driven = _publish(**arguments)
    assert (told in driven.error, driven.retryable) == (True, False)


def _received(*bodies: str) -> Any:
    messages = [{"MessageId": f"m{body}", "ReceiptHandle": f"r{body}", "Body": body} for body in bodies]
    return answer("sqs", "ReceiveMessage", Messages=messages)


def _receive(*answers: Any, **arguments: Any) -> Driven:
    return drive("SqsSensor", {"sqs_queue": "q", **arguments}, *answers)


def _bodies(driven: Driven) -> list[str]:
    return [message["Body"] for message in driven.xcoms["messages"]]


def test_only_messages_with_a_wanted_body_count_and_are_deleted() -> None:
    wanted = {"message_filtering": "literal", "message_filtering_match_values": ["b", "c"]}
    driven = _receive(_received("a"), _received("a", "b"), DELETED, visibility_timeout=9, max_messages=10, **wanted)
    assert (driven.waits, _bodies(driven)) == ([60.0], ["b"])
    assert driven.aws.request("ReceiveMessage")["VisibilityTimeout"] == 9
    assert driven.aws.request("DeleteMessageBatch")["Entries"] == [{"Id": "mb", "ReceiptHandle": "rb"}]
    assert "must be specified for literal matching" in _receive(_received("a"), message_filtering="literal").error


def test_poke_makes_as_many_receipts_as_asked_and_deletes_only_if_asked() -> None:
    driven = _receive(_received("a"), _received(), _received("b"), num_batches=3, delete_message_on_reception=False)
    assert (driven.aws.operations(), _bodies(driven)) == (["ReceiveMessage"] * 3, ["a", "b"])


def test_deletion_without_a_list_of_successes_fails_the_task_and_a_refused_one_is_told() -> None:
    assert "Delete SQS Messages failed" in _receive(_received("a"), answer("sqs", "DeleteMessageBatch")).error
    refused = _receive(_received("a"), answer("sqs", "DeleteMessageBatch", Successful=[], Failed=[{"Id": "ma"}]))
    assert "SQS batch deletion failed: [{'Id': 'ma'}]" in refused.log


def _invoke(arguments: Any | None = None, **response: Any) -> Driven:
    found = answer("lambda", "Invoke", **{"StatusCode": 200, "Payload": {"$stream": '{"k": [1]}'}, **response})
    return drive("LambdaInvokeFunctionOperator", {"function_name": "f", **(arguments or {})}, found)


def test_result_of_a_function_is_its_text_or_if_asked_its_value() -> None:
    assert _invoke().xcoms == {"return_value": '{"k": [1]}'}
    assert _invoke({"deserialize_payload": True}).xcoms == {"return_value": {"k": [1]}}
    assert _invoke({"invocation_type": "Event"}, StatusCode=202, Payload={"$stream": ""}).xcoms == {"return_value": ""}
    assert _invoke(Payload="text of a script").xcoms == {"return_value": "text of a script"}
    assert "JSONDecodeError" in _invoke({"deserialize_payload": True}, Payload="no json").error


def test_function_that_raised_or_did_not_run_fails_the_task() -> None:
    raised = _invoke(FunctionError="Unhandled", Payload={"$stream": '{"errorMessage": "boom"}'})
    assert raised.error == 'Lambda function execution resulted in error: {"errorMessage": "boom"}'
    assert "did not execute: status 500" in _invoke(StatusCode=500).error


def test_payload_of_bytes_goes_out_as_it_is_and_absent_members_stay_absent() -> None:
    assert _invoke({"payload": b"{}"}).aws.request("Invoke") == {"FunctionName": "f", "Payload": b"{}"}
    assert _invoke({"client_context": "e30="}).aws.request("Invoke") == {"FunctionName": "f", "ClientContext": "e30="}


def test_log_of_the_function_becomes_the_tasks() -> None:
    log = b64encode(b"START\n\nEND\n").decode()
    assert _invoke({"log_type": "Tail"}, LogResult=log).log == ["START", "", "END"]
    assert _invoke({"keep_empty_log_lines": False}, LogResult=log).log == ["START", "END"]
    for unreadable in ("x", b64encode(b"\xff").decode()):
        assert (_invoke(LogResult=unreadable).log, _invoke(LogResult=unreadable).state) == ([], "success")
