"""Twin of what lies between functions: queues, their mappings, asynchronous invocations and destinations, on given time.

It decides nothing about order: `due` says what may be delivered, the caller picks. Every message knows how often the chain
of requests that led to it has passed each function; like Lambda, the twin stops a chain at a function's 16th pass unless the
function says that it loops on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from leeward.contract import MAX_EVENT_AGE_SECONDS
from leeward.engine.ports import Clock

MAX_PASSES: Final = 16
"""Lambda stops a chain of requests when a function is invoked about 16 times in it (recursive loop detection)."""

RETRY_SECONDS: Final = (60.0, 120.0)
"""What Lambda waits before it repeats a failed asynchronous invocation, the first time and the second."""

Handler = Callable[[Mapping[str, Any], Any], Any]
Passes = Mapping[str, int]
NOBODY: Final[Passes] = MappingProxyType({})
"""The chain of a request that comes from outside."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `loops` is RecursiveLoop: Allow; `retries` and `on_failure`, a queue, are for asynchronous events."""

    name: str
    seconds: float = 900.0
    loops: bool = False
    retries: int = 2
    on_failure: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue and the function that it wakes, one message at a time; none = messages stay."""

    name: str
    function: str = ""
    dead_letters: str = ""
    receives: int = 10
    visibility_seconds: float = 5400.0


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a queue, or an asynchronous invocation (no queue), on its way to a function."""

    number: int
    queue: str
    function: str
    body: str
    due: float
    passes: Passes
    receives: int = 0
    born: float = 0.0


@dataclass
class Cloud:
    """Queues and functions of one account. `dead` are messages that a loop's end or too many receives left behind."""

    clock: Clock
    functions: Mapping[str, Function]
    queues: Mapping[str, Queue]
    waiting: dict[int, Message] = field(default_factory=dict)
    flying: dict[int, Message] = field(default_factory=dict)
    dead: list[Message] = field(default_factory=list)
    _number: int = 0
    _visible: dict[int, float] = field(default_factory=dict)

    def send(self, queue: str, body: str, delay_seconds: float = 0.0, passes: Passes = NOBODY) -> None:
        """Put a message into a queue, as part of that chain of requests."""
        self._add(queue, self.queues[queue].function, body, delay_seconds, passes)

    def invoke(self, function: str, payload: Mapping[str, Any], passes: Passes = NOBODY) -> None:
        """Invoke a function asynchronously."""
        self._add("", function, json.dumps(payload), 0.0, passes)

    def due(self) -> list[Message]:
        """What may be delivered now, in the order of sending."""
        now = self.clock.now()
        return [message for message in self.waiting.values() if message.function and message.due <= now]

    def next_due(self) -> float | None:
        """When the first message may be delivered."""
        return min((message.due for message in self.waiting.values() if message.function), default=None)

    def begin(self, message: Message) -> tuple[Passes, Mapping[str, Any]] | None:
        """Deliver a message: the chain that its invocation is part of, and its event. None if the chain is stopped."""
        del self.waiting[message.number]
        passes = {**message.passes, message.function: message.passes.get(message.function, 0) + 1}
        if passes[message.function] > MAX_PASSES and not self.functions[message.function].loops:
            self.dead.append(message)
            return None
        received = replace(message, receives=message.receives + 1)
        self.flying[message.number] = received
        return passes, json.loads(message.body) if not message.queue else {"Records": [_record(received)]}

    def again(self, message: Message) -> None:
        """Deliver a message that is on its way once more, as queues and asynchronous invocations may."""
        self._add(message.queue, message.function, message.body, 0.0, message.passes)

    def lose(self, message: Message) -> None:
        """Lose a message, as nothing of AWS's does, and a sender that died before sending."""
        del self.waiting[message.number]

    def change_message_visibility(self, **request: Any) -> None:
        """As SQS's: when the message that is being answered is to come again if it fails."""
        self._visible[int(request["ReceiptHandle"])] = self.clock.now() + request["VisibilityTimeout"]

    def end(self, message: Message, response: Any) -> None:
        """An invocation has returned: what it did not take comes again."""
        received = self.flying.pop(message.number)
        failed = (response or {}).get("batchItemFailures") if received.queue else None
        if failed:
            self._come_again(received)
        self._visible.pop(message.number, None)

    def die(self, message: Message, story: str) -> None:
        """An invocation has failed or was killed."""
        received = self.flying.pop(message.number)
        if received.queue:
            self._come_again(received)
            return
        function = self.functions[received.function]
        if received.receives <= function.retries and self.clock.now() - received.born < MAX_EVENT_AGE_SECONDS:
            self._wait(received, self.clock.now() + RETRY_SECONDS[min(received.receives, len(RETRY_SECONDS)) - 1])
        elif function.on_failure:
            self.send(function.on_failure, json.dumps(_failure(received, story)), passes=received.passes)

    def _come_again(self, message: Message) -> None:
        queue = self.queues[message.queue]
        if message.receives >= queue.receives:
            self.dead.append(message)
            return
        self._wait(message, self._visible.pop(message.number, self.clock.now() + queue.visibility_seconds))

    def _wait(self, message: Message, due: float) -> None:
        self.waiting[message.number] = replace(message, due=due)

    def _add(self, queue: str, function: str, body: str, delay: float, passes: Passes) -> None:
        self._number += 1
        now = self.clock.now()
        self.waiting[self._number] = Message(self._number, queue, function, body, now + delay, passes, born=now)


def _record(message: Message) -> Mapping[str, Any]:
    """A message as the mapping of a queue hands it to a function."""
    return {
        "messageId": str(message.number),
        "receiptHandle": str(message.number),
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{message.queue}",
    }


def _failure(message: Message, story: str) -> Mapping[str, Any]:
    """What Lambda tells the destination of an asynchronous invocation that failed."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": message.receives},
        "requestPayload": json.loads(message.body),
        "responsePayload": {"errorMessage": story},
    }
