"""SQS of Airflow's Amazon provider: a message to a queue, and the sensor for messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leeward.core.dag import Json
from leeward.core.facts import Outcome
from leeward.operators.amazon import OperatorError, Work, argument, at, given, inert, row, sensor, whole
from leeward.spec.catalogue import Parameter
from leeward.worker.values import plain


def _publish(work: Work) -> Outcome:
    request = given(
        QueueUrl=work.get("sqs_queue"),
        MessageBody=work.get("message_content"),
        DelaySeconds=work.get("delay_seconds", 0),
        MessageAttributes=work.get("message_attributes", {}),
        MessageGroupId=work.get("message_group_id"),
        MessageDeduplicationId=work.get("message_deduplication_id"),
    )
    return whole(work.call("sqs", "SendMessage", request))


def _receive(work: Work) -> Mapping[str, Json] | None:
    """One poke: a few receipts, each with its messages deleted, and all messages as the XCom `messages`."""
    request = given(
        QueueUrl=work.get("sqs_queue"),
        MaxNumberOfMessages=work.get("max_messages", 5),
        WaitTimeSeconds=work.get("wait_time_seconds", 1),
        VisibilityTimeout=work.get("visibility_timeout"),
    )
    wanted = _wanted(work)
    found: list[Json] = []
    for _ in range(int(work.get("num_batches", 1))):
        received = work.call("sqs", "ReceiveMessage", request).get("Messages") or ()
        messages = [message for message in received if wanted is None or message.get("Body") in wanted]
        if messages and work.get("delete_message_on_reception", True):
            _delete(work, messages)
        found += [plain(message) for message in messages]
    return {"messages": found} if found else None


def _wanted(work: Work) -> Sequence[Any] | None:
    """The bodies that count; None = all."""
    if work.get("message_filtering") is None:
        return None
    values = work.get("message_filtering_match_values")
    if values is None:
        told = "message_filtering_match_values must be specified for literal matching"
        raise OperatorError(told, retryable=False)
    return tuple(values)


def _delete(work: Work, messages: Sequence[Mapping[str, Any]]) -> None:
    entries = [{"Id": at(one, "MessageId"), "ReceiptHandle": at(one, "ReceiptHandle")} for one in messages]
    answer = work.call("sqs", "DeleteMessageBatch", {"QueueUrl": work.get("sqs_queue"), "Entries": entries})
    if "Successful" not in answer:
        raise OperatorError(f"Delete SQS Messages failed {answer} for messages {messages}")
    if answer.get("Failed"):
        work.log(f"SQS batch deletion failed: {answer['Failed']}")


_QUEUE: Final = argument("string", "The queue's URL.", required=True, templated=True)

ROWS: Final = (
    row(
        (
            "operators.sqs.SqsPublishOperator",
            "operators.sqs.SQSPublishOperator",
            "airflow.contrib.operators.aws_sqs_publish_operator.SQSPublishOperator",
        ),
        {
            "sqs_queue": _QUEUE,
            "message_content": argument("string", "The message.", required=True, templated=True),
            "message_attributes": argument("object", "Its attributes, as SQS takes them.", templated=True),
            "delay_seconds": argument("integer", "Seconds before it can be received; 0 by default.", templated=True),
            "message_group_id": argument("string", "For FIFO queues.", templated=True),
            "message_deduplication_id": argument("string", "For FIFO queues.", templated=True),
        },
        _publish,
        note="Sends a message. The XCom is SQS's answer.",
    ),
    sensor(
        ("sensors.sqs.SqsSensor", "sensors.sqs.SQSSensor", "airflow.contrib.sensors.aws_sqs_sensor.SQSSensor"),
        {
            "sqs_queue": _QUEUE,
            "max_messages": argument("integer", "How many messages one receipt brings at most; 5.", templated=True),
            "num_batches": argument("integer", "How many receipts one poke makes; 1."),
            "wait_time_seconds": argument("integer", "How long a receipt waits for messages; 1 s."),
            "visibility_timeout": argument("integer", "Seconds for which received messages are hidden."),
            "message_filtering": Parameter(
                {"enum": ["literal", None]}, note="`literal`: only messages with one of the bodies count."
            ),
            "message_filtering_match_values": argument("array", "Those bodies."),
            "message_filtering_config": inert(
                "string", "only JSONPath uses it, which is not supported", templated=True
            ),
            "delete_message_on_reception": argument("boolean", "Whether messages are deleted at once; true."),
        },
        _receive,
        note="Waits for messages and deletes them. The XCom `messages` is their list.",
    ),
)
