"""The executor: claims a queued try, runs it, records what it did and moves the run on; polls jobs; takes in results.

Woken by its queue, by the queue of results, or directly where a fan is wide.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from leeward.aws.batch import answer_batch, ends_at
from leeward.aws.messages import message_of
from leeward.aws.wiring import account, ports
from leeward.engine.handle import handle
from leeward.engine.ports import Ports


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages, or one hint that came directly."""
    try:
        return respond(ports(), account().sqs, event, context)
    finally:
        sys.stdout.flush()


def respond(ports: Ports, sqs: Any, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The same over given ports and a client of SQS."""
    deadline = ends_at(ports, context)
    if "Records" in event:
        return answer_batch(event, lambda text: handle(ports, message_of(text), deadline), sqs)
    handle(ports, message_of(json.dumps(event)), deadline)
    return {}
