"""Where the AWS calls of a local run go: nowhere unless told to, to AWS, to moto in this process, or to a script.

moto is not thread-safe, so its calls are made one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from leeward.core.errors import UsageError
from leeward.operators.base import Aws, AwsError


@contextmanager
def aws_for(mode: str | None) -> Iterator[Aws]:
    """What `--aws MODE` names: nothing, `real`, `moto`, or a file of answers. Raises UsageError."""
    if mode is None:
        yield Refused()
    elif mode == "real":
        yield Real()
    elif mode == "moto":
        with _moto() as found:
            yield found
    else:
        yield Scripted(_answers(Path(mode)))


@dataclass(frozen=True, slots=True)
class Refused:
    """No call leaves this process."""

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `Aws.call`."""
        del parameters, region
        message = (
            f"{service} {operation} was not called: say where AWS calls go with --aws real (your credentials), "
            "--aws moto, or --aws FILE (scripted answers)"
        )
        raise AwsError("AwsNotEnabled", message, 0)


@dataclass
class Real:
    """AWS itself, with the caller's credentials; clients are made once a service and region."""

    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `Aws.call`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client(service, region)._make_api_call(operation, dict(parameters))
        except ClientError as error:
            details = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            raise AwsError(details.get("Code", "Unknown"), details.get("Message", str(error)), status) from error
        except BotoCoreError as error:
            raise AwsError(type(error).__name__, str(error), 0) from error
        response.pop("ResponseMetadata", None)
        return response

    def _client(self, service: str, region: str | None) -> Any:
        import boto3

        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = boto3.session.Session().client(service, region_name=region)
            return self._clients[key]


@dataclass
class Moto(Real):
    """moto, one call at a time."""

    _one: Lock = field(default_factory=Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `Aws.call`."""
        with self._one:
            return super().call(service, operation, parameters, region or "us-east-1")


@contextmanager
def _moto() -> Iterator[Aws]:
    try:
        from moto import mock_aws
    except ImportError as error:
        raise UsageError("LW303", "moto is not installed: pip install 'leeward[moto]'") from error
    with mock_aws():
        yield Moto()


@dataclass
class Scripted:
    """Answers from a list of `service`, `operation`, `response` or `error` (`code`, `message`, `status`) and `match`.

    An answer with `match` is given whenever the request has those parameters; the others of an operation in order, the
    last one again and again.
    """

    answers: list[Mapping[str, Any]]
    _used: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `Aws.call`."""
        del region
        answer = self._answer(service, operation, parameters)
        if "error" in answer:
            error = answer["error"]
            raise AwsError(error["code"], error.get("message", ""), error.get("status", 400))
        return {key: value for key, value in answer.get("response", {}).items() if key != "ResponseMetadata"}

    def _answer(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        fitting = [a for a in self.answers if (a["service"], a["operation"]) == (service, operation)]
        for answer in fitting:
            if "match" in answer and answer["match"].items() <= parameters.items():
                return answer
        ordered = [answer for answer in fitting if "match" not in answer]
        if not ordered:
            raise AwsError("AwsNotScripted", f"the file of answers has none for {service} {operation}", 0)
        with self._lock:
            place = self._used.get((service, operation), 0)
            self._used[service, operation] = place + 1
        return ordered[min(place, len(ordered) - 1)]


def _answers(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError("LW304", f"--aws {path}: {error.strerror}; write real, moto, or a file of answers") from error
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError("LW304", f"--aws {path}: {error}") from error
    rows = found if isinstance(found, list) else []
    if not rows or not all(isinstance(row, dict) and {"service", "operation"} <= row.keys() for row in rows):
        raise UsageError("LW304", f"--aws {path}: wants a list of answers, each with service and operation")
    return rows
