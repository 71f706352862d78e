"""What the rows of Airflow's Amazon provider share: how one is written down, and how it runs, fails and waits.

A row is its import paths, its parameters and one or two functions of a `Work`, one look at one try; what a service's
operators ask of AWS stands in the file of that service. A function says that the body failed by raising `OperatorError`,
which `call` does by itself when AWS refuses. A sensor is one function, its poke. Nothing waits here: a wait is `Deferred`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha1
from typing import Any, Final, TypeAlias

from leeward.core.dag import Json
from leeward.core.errors import TaskError
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.operators.base import Attempt, AwsError, Operator, Services
from leeward.operators.raised import AIRFLOW_EXCEPTION, CLIENT_ERROR
from leeward.operators.rendering import rendered
from leeward.spec.catalogue import Parameter, Signature
from leeward.worker.values import build, plain

_PROVIDER: Final = "airflow.providers.amazon.aws."
_HOPELESS: Final = frozenset({"AwsNotEnabled", "AwsNotScripted", "ParamValidationError"})
"""What a repeated call can't change: the command line, a file of answers, a request that AWS's API does not have."""

_TRANSIENT: Final = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
_WEEK: Final = 7 * 24 * 3600.0
_LEAST_WAIT: Final = 1.0
"""Seconds; a sensor that does not wait between its pokes would never reach its timeout, which counts the waits."""

_DOUBLINGS: Final = 40
"""Of a sensor's wait; 2**40 s is more than any timeout, and more would not fit into a float."""


class OperatorError(Exception):
    """The body raised. The message is what Airflow's exception says; `retryable` as in `Failed`."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class CallError(OperatorError):
    """AWS refused a call. `code` is AWS's error code, `status` the HTTP status, 0 when no request was answered.

    `transient` says that the same call may soon be answered: the service throttles, has a fault, or was not reached.
    """

    def __init__(self, operation: str, error: AwsError) -> None:
        told = f"An error occurred ({error.code}) when calling the {operation} operation: {error.message}"
        super().__init__(told if error.status else str(error), retryable=error.code not in _HOPELESS)
        self.code, self.status = error.code, error.status
        unanswered = error.status == 0 and self.retryable
        self.transient = unanswered or error.code in _TRANSIENT or error.status >= 500


@dataclass(frozen=True, slots=True)
class Work:
    """One look at one try: its arguments, rendered and as Python values, and the way to AWS."""

    attempt: Attempt
    services: Services
    arguments: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument; the default where it is not given or null."""
        value = self.arguments.get(name)
        return default if value is None else value

    def text(self, name: str, default: str | None = None) -> str | None:
        """An argument as text; a native template makes a number of digits."""
        value = self.get(name, default)
        return None if value is None else str(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """An argument that is a mapping, empty by default. Raises OperatorError for what a template made else of it."""
        value = self.get(name, {})
        if not isinstance(value, Mapping):
            raise OperatorError(f"{name} must be a mapping, not {value!r}", retryable=False)
        return dict(value)

    def several(self, name: str) -> list[Any]:
        """An argument that may be one value or a list of them; null is no value."""
        value = self.get(name)
        if isinstance(value, (list, tuple, set)):
            return list(value)
        return [] if value is None else [value]

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> Any:
        """The answer to one request in the task's region. Raises `CallError`."""
        try:
            return self.services.aws.call(service, operation, request, self.get("region_name"))
        except AwsError as error:
            raise CallError(operation, error) from error

    def log(self, line: str) -> None:
        """Write a line of the task's log."""
        self.services.log(line)


Start: TypeAlias = Callable[[Work], Outcome]
Poll: TypeAlias = Callable[[Work, Mapping[str, Any]], Outcome]
Poke: TypeAlias = Callable[[Work], "Mapping[str, Json] | None"]


def argument(kind: str, note: str, *, required: bool = False, templated: bool = False) -> Parameter:
    """A parameter of one JSON type; null is as good as leaving out one that is not required."""
    return Parameter({"type": kind if required else [kind, "null"]}, required, templated, note)


def inert(kind: str, note: str, *, templated: bool = False) -> Parameter:
    """A parameter that is accepted and changes nothing, for a reason."""
    return argument(kind, f"Without effect: {note}.", templated=templated)


_SPAN: Final[Mapping[str, Json]] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "object", "required": ["__type__"]}, {"type": "null"}]
}

SHARED: Final[Mapping[str, Parameter]] = {
    "aws_conn_id": inert("string", "calls are made with the worker's role", templated=True),
    "region_name": argument("string", "The region; by default the worker's own.", templated=True),
    "verify": Parameter(
        {"type": ["boolean", "string", "null"]},
        templated=True,
        note="Without effect: certificates are always verified.",
    ),
    "botocore_config": inert("object", "the client is the worker's"),
}

SENSOR: Final[Mapping[str, Parameter]] = {
    "poke_interval": Parameter(_SPAN, note="Seconds, or a timedelta, between pokes; 60 by default, at least 1."),
    "timeout": Parameter(
        _SPAN,
        note="Seconds, or a timedelta, of waiting between pokes after which the task fails, without another try; "
        "7 days by default.",
    ),
    "soft_fail": argument("boolean", "Whether a timeout skips the task instead."),
    "never_fail": argument("boolean", "Whether an error in a poke skips the task."),
    "silent_fail": argument("boolean", "Whether an error in a poke counts as not yet."),
    "exponential_backoff": argument("boolean", "Whether each wait is about twice the one before."),
    "max_wait": Parameter(_SPAN, note="The longest such wait."),
    "mode": Parameter({"enum": ["poke", "reschedule", None]}, note="Without effect: no sensor holds a worker."),
    "deferrable": inert("boolean", "no sensor holds a worker"),
}


def row(
    paths: tuple[str, ...], parameters: Mapping[str, Parameter], start: Start, poll: Poll | None = None, note: str = ""
) -> Operator:
    """A row of the catalogue. Paths are the provider's unless they start with `airflow.`; the first names the class."""
    full = tuple(path if path.startswith("airflow.") else _PROVIDER + path for path in paths)
    signature = Signature(full[0].rpartition(".")[2], full, {**parameters, **SHARED}, note=note)
    templated = frozenset(name for name, parameter in signature.parameters.items() if parameter.templated)

    def work(attempt: Attempt, services: Services) -> Work:
        values = rendered(attempt, services, templated)
        return Work(attempt, services, {name: build(value) for name, value in values.items()})

    def started(attempt: Attempt, services: Services) -> Outcome:
        return _outcome(start, work(attempt, services))

    def polled(attempt: Attempt, job: Json, services: Services) -> Outcome:
        if poll is None or not isinstance(job, Mapping):
            raise TaskError("LW409", "the job of this try is not known any more", retryable=True)
        return _outcome(poll, work(attempt, services), job)

    return Operator(signature, started, None if poll is None else polled)


def _outcome(body: Callable[..., Outcome], *given: Any) -> Outcome:
    try:
        return body(*given)
    except OperatorError as error:
        raised = CLIENT_ERROR if isinstance(error, CallError) else AIRFLOW_EXCEPTION
        return Failed(str(error), error.retryable, raised=raised)


def sensor(paths: tuple[str, ...], parameters: Mapping[str, Parameter], poke: Poke, note: str = "") -> Operator:
    """A row that pokes until its criterion is met. `poke` gives the XComs then, None before."""

    def start(work: Work) -> Outcome:
        return _poked(work, poke, {"pokes": 1, "waited": 0.0})

    def poll(work: Work, job: Mapping[str, Any]) -> Outcome:
        return _poked(work, poke, job)

    return row(paths, {**parameters, **SENSOR}, start, poll, note)


def _poked(work: Work, poke: Poke, job: Mapping[str, Any]) -> Outcome:
    if work.get("soft_fail") and work.get("never_fail"):
        raise OperatorError("soft_fail and never_fail are mutually exclusive", retryable=False)
    try:
        found = poke(work)
    except OperatorError as error:
        if work.get("silent_fail"):
            work.log(f"Sensor poke failed: {error}")
            found = None
        elif work.get("never_fail"):
            return Skipped(f"Skipping due to never_fail is set to True: {error}")
        else:
            raise
    if found is not None:
        work.log("Success criteria met. Exiting.")
        return Succeeded(found)
    return _not_yet(work, int(job["pokes"]), float(job["waited"]))


def _not_yet(work: Work, pokes: int, waited: float) -> Outcome:
    """Airflow's loop measures time; this one adds up the waits, since it knows no clock."""
    timeout = _seconds(work, "timeout", _WEEK)
    if waited > timeout:
        told = f"Sensor has timed out; run duration of {waited} seconds exceeds the specified timeout of {timeout}."
        if work.get("soft_fail"):
            return Skipped(told)
        return Failed(f"AirflowSensorTimeout: {told}", retryable=False)
    wait = max(_LEAST_WAIT, _wait(work, pokes, timeout - int(waited)))
    return Deferred({"pokes": pokes + 1, "waited": waited + wait}, wait)


def _wait(work: Work, pokes: int, left: float) -> float:
    """Airflow's wait after so many pokes: with backoff a doubling one, with jitter by a hash, at most what is left."""
    interval = _seconds(work, "poke_interval", 60.0)
    if not work.get("exponential_backoff"):
        return interval
    least = max(int(interval * 2.0 ** min(pokes - 2, _DOUBLINGS)), 1)
    attempt = work.attempt
    seed = f"{attempt.dag.dag_id}#{attempt.task.task_id}#{attempt.start}#{pokes}"
    jitter = int(sha1(seed.encode(), usedforsecurity=False).hexdigest(), 16) % least
    return min(float(least + jitter), left, _seconds(work, "max_wait", left) or left)


def _seconds(work: Work, name: str, default: float) -> float:
    value = work.get(name, default)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)):
        return float(value)
    raise OperatorError(f"{name} must be a timedelta or a number of seconds, not {value!r}", retryable=False)


def given(**members: Any) -> dict[str, Any]:
    """A request without the members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def at(answer: Any, *path: str) -> Any:
    """What stands in an answer at the end of a path. Raises OperatorError, as Airflow a KeyError."""
    for name in path:
        if not isinstance(answer, Mapping) or name not in answer:
            raise OperatorError(f"KeyError: {name!r}")
        answer = answer[name]
    return answer


def whole(answer: Mapping[str, Any]) -> Succeeded:
    """The XCom of operators that push the whole answer: of its metadata, what is the same for every success."""
    return Succeeded({"return_value": plain({**answer, "ResponseMetadata": {"HTTPStatusCode": 200}})})
