"""The generic operator: any action of any AWS API as a task, with an optional wait for the state that it leads to.

The job of a waiting task is the answer to its first call; every poll is one more call and one look at its answer, so
nothing runs while AWS works. Names of services and actions are botocore's.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from leeward.core.dag import Json
from leeward.core.errors import TaskError
from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.operators.base import Attempt, AwsError, Operator, Services
from leeward.operators.raised import AIRFLOW_EXCEPTION, CLIENT_ERROR
from leeward.operators.rendering import rendered
from leeward.spec.catalogue import Parameter, Signature
from leeward.templating.render import Settings, render
from leeward.worker.values import plain

_THROTTLED: Final = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
_WAIT: Final = {
    "type": ["object", "null"],
    "required": ["action", "path", "success"],
}
_TEMPLATED: Final = frozenset({"parameters", "region", "service", "action", "result_path", "wait_for"})

SIGNATURE: Final = Signature(
    "AwsApiOperator",
    ("leeward.operators.aws.AwsApiOperator",),
    {
        "service": Parameter(
            {"type": "string"}, required=True, templated=True, note="The service by botocore's name, such as `sqs`."
        ),
        "action": Parameter(
            {"type": "string"},
            required=True,
            templated=True,
            note="The action as the API names it, `SendMessage`.",
        ),
        "parameters": Parameter(
            {"type": ["object", "null"]}, templated=True, note="The request, as botocore takes it."
        ),
        "region": Parameter(
            {"type": ["string", "null"]}, templated=True, note="The region; by default the worker's own."
        ),
        "result_path": Parameter(
            {"type": ["string", "null"]},
            templated=True,
            note="JMESPath of the XCom in the last answer; all of it by default.",
        ),
        "idempotency_token": Parameter(
            {"type": ["string", "null"]},
            note="A parameter that gets a token made of run, task and try: a repeated call then does nothing.",
        ),
        "wait_for": Parameter(
            _WAIT,
            templated=True,
            note="`action` (with `parameters`, which may use `answer`, the first call's), `path` (JMESPath of the state), "
            "`success` and "
            "`failure` (lists of states), `poll_seconds` (30), `timeout_seconds` (none).",
        ),
    },
    note="Calls one action of any AWS API; with `wait_for`, polls another one until a state is reached.",
)


def start(attempt: Attempt, services: Services) -> Outcome:
    """Make the call; wait if that is asked for."""
    arguments = rendered(attempt, services, _TEMPLATED - {"wait_for"})
    request = dict(arguments.get("parameters") or {})
    token = arguments.get("idempotency_token")
    if token:
        request.setdefault(token, idempotency_token(attempt))
    answer = _call(str(arguments["service"]), str(arguments["action"]), request, arguments, services)
    if isinstance(answer, Failed):
        return answer
    wait = arguments.get("wait_for")
    if not wait:
        return _result(answer, arguments)
    return Deferred({"answer": plain(answer), "since": attempt.start}, float(wait.get("poll_seconds", 30)))


def poll(attempt: Attempt, job: Json, services: Services) -> Outcome:
    """Look once whether the state is reached."""
    arguments = rendered(attempt, services, _TEMPLATED - {"wait_for"})
    if not isinstance(job, Mapping):
        raise TaskError("LW409", "the job of this try is not known any more", retryable=True)
    wait = render(arguments["wait_for"], {"answer": job["answer"]}, Settings())
    answer = _call(str(arguments["service"]), str(wait["action"]), wait.get("parameters") or {}, arguments, services)
    if isinstance(answer, Failed):
        return answer
    state = _search(str(wait["path"]), answer)
    services.log(f"{wait['action']}: {state}")
    if state in wait["success"]:
        return _result(answer, arguments)
    if state in wait.get("failure", ()):
        told = f"{arguments['service']} {wait['action']} ended in the state {state}"
        return Failed(told, raised=AIRFLOW_EXCEPTION)
    return Deferred(job, float(wait.get("poll_seconds", 30)))


def idempotency_token(attempt: Attempt) -> str:
    """A UUID made of the run, the task and the try: the same for every repetition of one call, new for every try."""
    ref = attempt.run.ref
    parts = (ref.dag_id, ref.run_id, attempt.task.task_id, str(attempt.map_index), str(attempt.try_number))
    return str(UUID(bytes=sha256("\0".join(parts).encode()).digest()[:16], version=4))


def _call(
    service: str, action: str, request: Mapping[str, Any], arguments: Mapping[str, Any], services: Services
) -> Any:
    try:
        return services.aws.call(service, action, request, arguments.get("region"))
    except AwsError as error:
        retryable = error.status > 0 or error.code in _THROTTLED
        return Failed(f"{service} {action}: {error}", retryable, raised=CLIENT_ERROR)


def _result(answer: Any, arguments: Mapping[str, Any]) -> Outcome:
    path = arguments.get("result_path")
    value = plain(_search(str(path), answer) if path else answer)
    return Succeeded({} if value is None else {"return_value": value})


def _search(path: str, answer: Any) -> Any:
    import jmespath

    try:
        return jmespath.search(path, answer)
    except jmespath.exceptions.JMESPathError as error:
        raise TaskError("LW410", f"{path!r} is no JMESPath: {error}") from error


OPERATOR: Final = Operator(SIGNATURE, start, poll)
