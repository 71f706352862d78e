"""Lambda of Airflow's Amazon provider: a call of a function."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

from leeward.core.facts import Outcome, Succeeded
from leeward.operators.amazon import OperatorError, Work, argument, given, row

_DONE: Final = (200, 202, 204)
"""The function returned, was queued, or could be called (a dry run)."""


def _invoke(work: Work) -> Outcome:
    request = given(
        FunctionName=work.get("function_name"),
        InvocationType=work.get("invocation_type"),
        LogType=work.get("log_type"),
        ClientContext=work.get("client_context"),
        Payload=_payload(work),
        Qualifier=work.get("qualifier"),
    )
    answer = work.call("lambda", "Invoke", request)
    _log(work, answer.get("LogResult"))
    if answer.get("StatusCode") not in _DONE:
        raise OperatorError(f"Lambda function did not execute: status {answer.get('StatusCode')}")
    payload = _read(answer.get("Payload"))
    if "FunctionError" in answer:
        raise OperatorError(f"Lambda function execution resulted in error: {payload}")
    return Succeeded({"return_value": _decoded(payload) if work.get("deserialize_payload") else payload})


def _payload(work: Work) -> bytes | None:
    payload = work.get("payload")
    if payload is None or isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return payload.encode()
    told = (
        "Parameter validation failed:\n"
        f"Invalid type for parameter Payload, value: {payload}, type: {type(payload)}, "
        "valid types: <class 'bytes'>, <class 'bytearray'>, file-like object"
    )
    raise OperatorError(told, retryable=False)


def _read(payload: Any) -> str:
    """The payload as text; a client's answer holds it as a stream, a script's as text."""
    found = payload.read() if hasattr(payload, "read") else payload or ""
    return found.decode() if isinstance(found, bytes) else str(found)


def _decoded(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError as error:
        raise OperatorError(f"JSONDecodeError: {error}") from error


def _log(work: Work, encoded: str | None) -> None:
    """Write the function's own log, if it was asked for; one that can't be read is left out, as in Airflow."""
    try:
        lines = b64decode(encoded or "").decode().splitlines()
    except (Base64Error, UnicodeDecodeError):
        return
    for line in lines:
        if line or work.get("keep_empty_log_lines", True):
            work.log(line)


ROWS: Final = (
    row(
        (
            "operators.lambda_function.LambdaInvokeFunctionOperator",
            "operators.lambda_function.AwsLambdaInvokeFunctionOperator",
            "operators.aws_lambda.AwsLambdaInvokeFunctionOperator",
        ),
        {
            "function_name": argument("string", "The function's name or ARN.", required=True, templated=True),
            "payload": argument("string", "What it is called with, as JSON text.", templated=True),
            "qualifier": argument("string", "A version or alias.", templated=True),
            "invocation_type": argument(
                "string", "`RequestResponse` (waits for the result), `Event` or `DryRun`.", templated=True
            ),
            "log_type": argument("string", "`Tail` writes the end of the function's log into the task's."),
            "keep_empty_log_lines": argument("boolean", "Whether empty lines of it are kept; true."),
            "client_context": argument("string", "Data about the caller, in base64."),
            "deserialize_payload": argument("boolean", "Whether the XCom is the result read as JSON, not its text."),
        },
        _invoke,
        note="Calls a function. The XCom is the text that it answers, empty for `Event`.",
    ),
)
