"""The AWS calls of one step, numbered as they leave, and what goes wrong with some of them.

Requests are taken at botocore's `before-send`: the adapters, the clients and their parsers are the real ones. A call's
number in its step is its crash point; calls that are made while another one waits (a worker's inside an executor's
invocation of it) are numbered in the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.ports.wire import CONFIG, Answer, Request, Service, as_json, session


class Fault(StrEnum):
    """What goes wrong with a call."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    THROTTLE = "throttled"
    TIME_OUT = "timed out"
    TWICE = "sent twice"
    FREEZE = "frozen before"

    @property
    def unsent(self) -> bool:
        """Whether the call has not taken effect when it happens."""
        return self in (Fault.KILL_BEFORE, Fault.THROTTLE, Fault.FREEZE)


FIVE: Final = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.THROTTLE, Fault.TIME_OUT, Fault.TWICE)
SIX: Final = (*FIVE, Fault.FREEZE)

ONCE: Final = ("Invoke", "Claim", "StartJobRun")
"""What is never sent twice: the clients that start bodies don't repeat what may have started one. (An asynchronous
invocation may be delivered twice, by Lambda itself.)"""


STORES: Final = ("dynamodb", "s3")
READS: Final = ("Get", "BatchGet", "Query")


class Killed(BaseException):
    """The function was killed at a call."""


@dataclass(frozen=True)
class Call:
    """One call, by the names of the API. `frame` tells the functions apart that make a step's calls."""

    service: str
    operation: str
    frame: int = 0

    def fitting(self, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        """Those of the faults that can happen to it."""
        return tuple(fault for fault in faults if fault is not Fault.TWICE or self.operation not in ONCE)

    def distinct(self, faults: tuple[Fault, ...], before: Call | None) -> tuple[Fault, ...]:
        """Those that leave another account than others do: a call that only reads has no effect to be late or double.

        `before` is the step's call before it, if that went well: killed after it is killed before this one, in one function.
        """
        same = {Fault.TIME_OUT, Fault.TWICE} if self.service in STORES and self.operation.startswith(READS) else set()
        if before is not None and before.frame == self.frame:
            same.add(Fault.KILL_BEFORE)
        return tuple(fault for fault in self.fitting(faults) if fault not in same)


@dataclass
class Calls:
    """Numbers the calls of a step, and lets `faults` happen to those numbers.

    `hit` is told when a function loses the thread at a call, `freeze` is what the world does while a function is frozen,
    `frame` numbers the function that runs.
    """

    services: Mapping[str, Service]
    hit: Callable[[Call, Fault], None]
    freeze: Callable[[], None]
    frame: Callable[[], int]
    faults: Mapping[int, Fault] = field(default_factory=dict)
    made: list[Call] = field(default_factory=list)
    total: int = 0

    def begin(self, faults: Mapping[int, Fault]) -> None:
        """A new step."""
        self.faults, self.made = faults, []

    def client(self, service: str, **_: Any) -> Any:
        """A client of botocore whose calls are numbered."""
        client = session().client(service, config=CONFIG)
        client.meta.events.register("before-send", self._before_send)
        return client

    def _before_send(self, request: Request, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        asynchronous = request.headers.get("X-Amz-Invocation-Type") in ("Event", b"Event")
        call = Call(service, "InvokeEvent" if asynchronous else operation, self.frame())
        return self.answer(call, request).response(request.url)

    def answer(self, call: Call, request: Request) -> Answer:
        """Make a call."""
        fault = self.faults.get(len(self.made))
        self.made.append(call)
        self.total += 1
        if fault is not None and fault.unsent:
            return self._unsent(fault, call, request)
        answer = self._served(call, request)
        if fault is Fault.TWICE:
            return self._served(call, request)
        if fault is not None:
            self.hit(call, fault)
            raise Killed if fault is Fault.KILL_AFTER else ReadTimeoutError(endpoint_url=request.url)
        return answer

    def _unsent(self, fault: Fault, call: Call, request: Request) -> Answer:
        self.hit(call, fault)
        if fault is Fault.KILL_BEFORE:
            raise Killed
        if fault is Fault.THROTTLE:
            return THROTTLED[call.service]
        self.freeze()
        return self._served(call, request)

    def _served(self, call: Call, request: Request) -> Answer:
        return self.services[call.service](call.operation, request)


_JSON: Final = as_json({"__type": "ThrottlingException", "message": "slow down"}, 400)
THROTTLED: Final[Mapping[str, Answer]] = {
    "dynamodb": _JSON,
    "sqs": _JSON,
    "glue": _JSON,
    "s3": Answer(503, b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>"),
    "lambda": Answer(429, b'{"message": "slow down"}', {"x-amzn-errortype": "TooManyRequestsException"}),
    "cloudwatch": _JSON,
}
"""A throttle as each service's protocol tells it."""
