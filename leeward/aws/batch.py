"""Answers a batch of messages of an SQS queue one by one, and says which of them are to come again.

A failed message comes again after a time that grows with its receives, not after the queue's visibility time-out, which is
hours long because a function may run for fifteen minutes. After its last receive SQS puts it among the dead letters.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from leeward.contract import MAX_BACKOFF_SECONDS
from leeward.engine.ports import Ports


def answer_batch(event: Mapping[str, Any], answer: Callable[[str], None], sqs: Any) -> dict[str, Any]:
    """Give each message's body to `answer`; the partial batch response that Lambda wants."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            answer(record["body"])
        except Exception as error:  # noqa: BLE001 - one message must not take the others with it; it comes again
            _tell(record, error)
            _come_again(record, sqs)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def ends_at(ports: Ports, context: Any) -> float:
    """When this invocation is killed, in seconds since the epoch."""
    left: float = context.get_remaining_time_in_millis() / 1000
    return ports.clock.now() + left


def _queue_url(record: Mapping[str, Any]) -> str:
    """The URL of the queue that a message came from. SQS takes any form of it that ends in account and name."""
    _, _, _, region, account, name = record["eventSourceARN"].split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _tell(record: Mapping[str, Any], error: Exception) -> None:
    story = "".join(traceback.format_exception(error))
    line = {"leeward": "error", "message": record["body"], "error": story, "receives": _receives(record)}
    sys.stdout.write(json.dumps(line) + "\n")


def _come_again(record: Mapping[str, Any], sqs: Any) -> None:
    seconds = min(2 ** _receives(record), MAX_BACKOFF_SECONDS)
    try:
        sqs.change_message_visibility(
            QueueUrl=_queue_url(record), ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )
    except Exception as error:  # noqa: BLE001 - then it comes again when the queue lets it
        sys.stdout.write(json.dumps({"leeward": "error", "error": f"visibility was not changed: {error}"}) + "\n")


def _receives(record: Mapping[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
