"""The executor: claims a queued try, runs it, records what it did and moves the run on; polls jobs; takes in results.

Woken by its queue, by the queue of results, or directly where a fan is wide.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from leeward.aws.batch import answer_batch, ends_at
from leeward.aws.messages import message_of
from leeward.aws.wiring import account, ports
from leeward.engine.handle import handle
from leeward.engine.hints import Message
from leeward.engine.ports import Ports


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages, or hints that came directly."""
    try:
        return respond(ports(), account().sqs, event, context)
    finally:
        sys.stdout.flush()


def respond(ports: Ports, sqs: Any, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The same over given ports and a client of SQS."""
    deadline = ends_at(ports, context)
    if "Records" in event:
        return answer_batch(event, lambda text: handle(ports, message_of(text), deadline), sqs)
    answer_together([message_of(json.dumps(hint)) for hint in event["hints"]], lambda one: handle(ports, one, deadline))
    return {}


def answer_together(messages: Sequence[Message], answer: Callable[[Message], None]) -> None:
    """Answer each in a thread of its own. If one fails, so does the invocation, once all have ended: Lambda repeats it."""
    if len(messages) == 1:
        answer(messages[0])
        return
    with ThreadPoolExecutor(len(messages)) as pool:
        list(pool.map(answer, messages))
