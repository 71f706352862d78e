"""The executor: claims a queued try, runs it, records what it did and moves the run on; polls jobs; takes in results.

Woken by its queue, by the queue of results, or directly where a fan is wide.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from leeward.aws.batch import answer_batch, queue_url
from leeward.aws.messages import message_of
from leeward.aws.wiring import account, ports
from leeward.engine.handle import handle


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages, or one hint that came directly."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000

    def answer(text: str) -> None:
        handle(ports(), message_of(text), deadline)

    if "Records" in event:
        return answer_batch(event, answer, account().sqs, queue_url(event))
    answer(json.dumps(event))
    sys.stdout.flush()
    return {}
