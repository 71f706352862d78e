"""SNS of Airflow's Amazon provider: a message to a topic or an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from leeward.core.facts import Outcome
from leeward.operators.amazon import OperatorError, Work, argument, given, row, whole


def _publish(work: Work) -> Outcome:
    attributes = {name: _attribute(value) for name, value in work.mapping("message_attributes").items()}
    request = given(
        TargetArn=work.get("target_arn"),
        MessageStructure="json",
        Message=_json({"default": work.get("message")}),
        Subject=work.get("subject"),
        MessageDeduplicationId=work.get("message_deduplication_id"),
        MessageGroupId=work.get("message_group_id"),
        MessageAttributes=attributes or None,
    )
    return whole(work.call("sns", "Publish", request))


def _attribute(value: Any) -> dict[str, Any]:
    """An attribute; its type follows that of the value."""
    match value:
        case bytes():
            return {"DataType": "Binary", "BinaryValue": value}
        case str():
            return {"DataType": "String", "StringValue": value}
        case int() | float():
            return {"DataType": "Number", "StringValue": str(value)}
        case Iterable():
            return {"DataType": "String.Array", "StringValue": _json(value)}
    told = f"Values in MessageAttributes must be one of bytes, str, int, float, or iterable; got {type(value)}"
    raise OperatorError(told, retryable=False)


def _json(value: Any) -> str:
    try:
        return json.dumps(value)
    except TypeError as error:
        raise OperatorError(f"TypeError: {error}", retryable=False) from error


ROWS: Final = (
    row(
        ("operators.sns.SnsPublishOperator", "airflow.contrib.operators.sns_publish_operator.SnsPublishOperator"),
        {
            "target_arn": argument("string", "The ARN of the topic or endpoint.", required=True, templated=True),
            "message": argument("string", "The message.", required=True, templated=True),
            "subject": argument("string", "Its subject.", templated=True),
            "message_attributes": argument("object", "Attributes; texts, numbers or lists.", templated=True),
            "message_deduplication_id": argument("string", "For FIFO topics.", templated=True),
            "message_group_id": argument("string", "For FIFO topics.", templated=True),
        },
        _publish,
        note="Publishes a message. The XCom is SNS's answer.",
    ),
)
