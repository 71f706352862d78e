"""What drives an account's functions: the mappings of its queues, direct invocations, and the sweep of every minute.

Messages are delivered as Lambda's event source mappings do: received, given to the function, deleted if it did not say that
they failed. Time moves on when nothing is due. Where a sweep has come and nothing since, those are left out that come before
the end of a lease or another time that an entry waits for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from leeward.aws.items import entries_of
from leeward.contract import ACTIVE_ATTRIBUTE, RECEIVES
from leeward.core.states import TaskState
from tests.crash.account import Account
from tests.crash.state import Invocation, Message

SWEEP: Final = '{"sweep": true}'
MINUTE: Final = 60.0
PATIENCE: Final = 1
"""After so many sweeps in a row with nothing else between, none is made that has no new time to look at."""

BATCH: Final = {"scheduler": 10}
FUNCTION: Final = {"results": "executor", "executor": "executor", "scheduler": "scheduler"}
RETRIES: Final = 2
"""How often Lambda repeats an asynchronous invocation of an executor that failed."""

DEPTH: Final = 4
"""How many executors run at a time at most, where bodies let others go on."""

TURNS: Final = 300
"""No run takes more turns; one that does is taken for endless."""


class EndlessError(BaseException):
    """The account does not come to rest."""


@dataclass
class Pump:
    """Drives one account."""

    account: Account

    def __post_init__(self) -> None:
        self.account.rest = self._rest

    @property
    def active(self) -> bool:
        """Whether a run is in the active index."""
        return any(ACTIVE_ATTRIBUTE in item for item in self.account.state.table.items.values())

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to do."""
        state = self.account.state
        return not (state.messages or state.invocations or self.active)

    def turn(self) -> None:
        """Move on to what is due next, and deliver it."""
        state = self.account.state
        moments = [found[0].due for found in (state.messages, state.invocations) if found]
        self.account.pass_time(min([*moments, state.sweep_at] if self.active else moments))
        if self.active and state.sweep_at <= state.now:
            state.send("scheduler", SWEEP)
            state.idle += 1
            state.sweep_at = self._next_sweep()
        self._deliver()

    def _next_sweep(self) -> float:
        state = self.account.state
        entries = [entry for item in state.table.items.values() for _, entry in entries_of(item)]
        times = [entry.until for entry in entries if entry.until is not None and entry.until > state.now]
        queued = any(entry.state is TaskState.QUEUED for entry in entries)
        return _minute_after(state.now if queued or state.idle < PATIENCE else min(times, default=state.now))

    def settle(self) -> None:
        """Go on until nothing is left to do. Raises EndlessError."""
        for _ in range(TURNS):
            if self.quiet:
                return
            self.turn()
        raise EndlessError

    def _rest(self, to_the_end: bool) -> None:
        if to_the_end:
            self.settle()
        while len(self.account.frames) < 2 * DEPTH and self._due():
            self._deliver()

    def _due(self) -> list[Message | Invocation]:
        state = self.account.state
        waiting: list[Message | Invocation] = [*state.messages, *state.invocations]
        return [found for found in waiting if found.due <= state.now]

    def _deliver(self) -> None:
        """Deliver what is due first."""
        found = min(self._due(), key=lambda one: (one.due, one.number))
        if isinstance(found, Message):
            self._receive(found)
        else:
            self._invoke(found)
        if not self.active:
            self.account.state.sweep_at = _minute_after(self.account.state.now)

    def _receive(self, first: Message) -> None:
        state = self.account.state
        waiting = [m for m in state.messages if m.queue == first.queue and m.due <= state.now]
        taken = [taken for m in waiting[: BATCH.get(first.queue, 1)] if (taken := self._taken(m))]
        if not taken:
            return
        if any(message.body != SWEEP for message in taken):
            state.idle = 0
            state.sweep_at = min(state.sweep_at, _minute_after(state.now))
        answer = self.account.invoke(FUNCTION[first.queue], json.dumps({"Records": [*map(_record, taken)]}))
        if answer is not None:
            failed = {row["itemIdentifier"] for row in answer["batchItemFailures"]}
            for message in taken:
                if str(message.number) not in failed:
                    state.delete(message.number)

    def _taken(self, message: Message) -> Message | None:
        """The message in flight, or None if it has been received too often."""
        state = self.account.state
        if message.receives >= RECEIVES:
            state.delete(message.number)
            state.dead = (*state.dead, message)
            return None
        taken = replace(message, due=state.now + self.account.scene.visibility, receives=message.receives + 1)
        state.put_back(taken)
        return taken

    def _invoke(self, invocation: Invocation) -> None:
        state = self.account.state
        state.idle = 0
        state.invocations = tuple(other for other in state.invocations if other != invocation)
        if self.account.invoke(invocation.function, invocation.payload) is None:
            self._failed(invocation)

    def _failed(self, invocation: Invocation) -> None:
        """Lambda repeats executors and tells of workers; a person tries again."""
        state = self.account.state
        if invocation.function == "worker":
            state.send("results", json.dumps(_failure(json.loads(invocation.payload))))
        elif invocation.function == "executor" and invocation.failures == RETRIES:
            state.dead = (*state.dead, invocation)
        else:
            failures = invocation.failures + 1
            state.later(replace(invocation, due=state.now + MINUTE * failures, failures=failures))


def _minute_after(moment: float) -> float:
    return (moment // MINUTE + 1) * MINUTE


def _record(message: Message) -> Mapping[str, Any]:
    return {
        "messageId": str(message.number),
        "receiptHandle": str(message.number),
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{message.queue}",
        "awsRegion": "us-east-1",
    }


def _failure(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an on-failure destination is told."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 1},
        "requestPayload": order,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "RequestId: 1 Error: Runtime exited with error: signal: killed"},
    }
