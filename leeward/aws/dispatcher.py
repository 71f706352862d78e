"""Hints on their way: tries and polls to the executors, everything else to the scheduler.

A few go through SQS, whose messages come again when nobody answers them. A wide fan goes by asynchronous invocation: a
mapping of a queue starts at five concurrent calls and adds three hundred a minute, so that 125 tries would take half a
minute to be running. The wider it is, the more tries one invocation takes along, which it runs side by side: sending costs
the sender milliseconds of its share of a core apiece. What an invocation loses, the sweeper sends again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import repeat
from typing import Any

from botocore.exceptions import ClientError

from leeward.aws.messages import group_text, hint_text
from leeward.contract import FAN_BY_QUEUE, FAN_GROUP, FAN_THREADS, MAX_HINT_DELAY_SECONDS
from leeward.engine.hints import Execute, Hint, Look


class DispatchError(Exception):
    """SQS took some messages and not others; the caller's own message comes again."""


@dataclass(frozen=True, slots=True)
class AwsDispatcher:
    """Implements `leeward.engine.ports.Dispatcher`.

    The queues are URLs; `executor` names the executors' function, which one fan invokes at most `fan_limit` times: more
    would only wait for free concurrency. `metrics` is a client of CloudWatch, asked for the backlog.
    """

    sqs: Any
    functions: Any
    executor_queue: str
    scheduler_queue: str
    executor: str
    fan_limit: int
    metrics: Any

    def send(self, hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        """See `Dispatcher.send`. Ten messages a request, SQS's limit."""
        delay = math.ceil(delay_seconds)
        tries = [hint for hint in hints if isinstance(hint, Execute)]
        if len(tries) > FAN_BY_QUEUE and not delay:
            others = (hint for hint in hints if not isinstance(hint, Execute))
            hints = [*self._invoke(tries), *others]
        for queue, batch in self._batches(hints):
            entries = [_entry(number, hint, delay) for number, hint in enumerate(batch)]
            answer = self.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
            if answer.get("Failed"):
                raise DispatchError(str(answer["Failed"]))

    def backlog_seconds(self) -> float:
        """See `Dispatcher.backlog_seconds`: as CloudWatch last saw it, a minute or more ago."""
        now = datetime.now(UTC)
        answer = self.metrics.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": self.executor_queue.rsplit("/", 1)[-1]}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return float(points[-1]["Maximum"]) if points else 0.0

    def reach_seconds(self) -> float:
        """See `Dispatcher.reach_seconds`."""
        return MAX_HINT_DELAY_SECONDS

    def _invoke(self, tries: Sequence[Execute]) -> list[Hint]:
        """Invoke executors from several threads, which may share a client; the tries that none has taken.

        A hint of many instances is a group by itself.
        """
        most = max(len(hint.tries) for hint in tries)
        size = max(1, min(FAN_GROUP, math.ceil(len(tries) / FAN_THREADS)) // most)
        groups = [tries[start : start + size] for start in range(0, len(tries), size)]
        with ThreadPoolExecutor(FAN_THREADS) as pool:
            taken = [*pool.map(self._invoke_one, groups[: self.fan_limit]), *repeat(False, len(groups))]
        return [hint for group, ok in zip(groups, taken, strict=False) if not ok for hint in group]

    def _invoke_one(self, group: Sequence[Hint]) -> bool:
        payload = group_text(group).encode()
        try:
            self.functions.invoke(FunctionName=self.executor, InvocationType="Event", Payload=payload)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            return False
        return True

    def _batches(self, hints: Sequence[Hint]) -> Iterator[tuple[str, Sequence[Hint]]]:
        looks = [hint for hint in hints if isinstance(hint, Look)]
        others = [hint for hint in hints if not isinstance(hint, Look)]
        for queue, found in ((self.executor_queue, others), (self.scheduler_queue, looks)):
            for start in range(0, len(found), 10):
                yield queue, found[start : start + 10]


def _entry(number: int, hint: Hint, delay: int) -> dict[str, Any]:
    """A message, grouped by its DAG, so that the queue serves DAGs fairly."""
    group = sha256(hint.info.ref.dag_id.encode()).hexdigest()[:32]
    return {
        "Id": str(number),
        "MessageBody": hint_text(hint),
        "DelaySeconds": delay,
        "MessageGroupId": group,
    }
