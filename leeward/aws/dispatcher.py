"""Hints through SQS: tries and polls to the executors' queue, everything else to the scheduler's.

A message carries the DAG's id as its group, so that the queue serves DAGs fairly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from leeward.aws.messages import hint_text
from leeward.engine.hints import Hint, Look


class DispatchError(Exception):
    """SQS took some messages and not others; the caller's own message comes again."""


@dataclass(frozen=True, slots=True)
class SqsDispatcher:
    """Implements `leeward.engine.ports.Dispatcher`. The queues are URLs."""

    client: Any
    executor_queue: str
    scheduler_queue: str

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        """See `Dispatcher.send`. Ten messages a request, SQS's limit."""
        delay = math.ceil(delay_seconds)
        for queue, batch in self._batches(hints):
            entries = [_entry(number, hint, delay) for number, hint in enumerate(batch)]
            answer = self.client.send_message_batch(QueueUrl=queue, Entries=entries)
            if answer.get("Failed"):
                raise DispatchError(str(answer["Failed"]))

    def _batches(self, hints: Sequence[Hint]) -> Iterator[tuple[str, Sequence[Hint]]]:
        looks = [hint for hint in hints if isinstance(hint, Look)]
        others = [hint for hint in hints if not isinstance(hint, Look)]
        for queue, found in ((self.executor_queue, others), (self.scheduler_queue, looks)):
            for start in range(0, len(found), 10):
                yield queue, found[start : start + 10]


def _entry(number: int, hint: Hint, delay: int) -> dict[str, Any]:
    group = sha256(hint.info.ref.dag_id.encode()).hexdigest()[:32]
    return {
        "Id": str(number),
        "MessageBody": hint_text(hint),
        "DelaySeconds": delay,
        "MessageGroupId": group,
    }
