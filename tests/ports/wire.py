"""Answers AWS requests in this process, where botocore would send them: real clients, no socket, no moto.

A request is taken at botocore's `before-send`, after the client has checked and serialised it, and its answer is parsed by
the client as one of AWS's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from tests.ports.table import CancelledError, RefusedError, Table

CONFIG: Final = Config(
    retries={"total_max_attempts": 1},
    signature_version=UNSIGNED,
    user_agent="tests",
    parameter_validation=False,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
"""Nothing is repeated by the client, and nothing is computed that no answer depends on (moto's clients check requests)."""


@dataclass(frozen=True)
class Answer:
    """What comes back over the wire."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, url: str) -> AWSResponse:
        """The answer as botocore wants it."""
        length = {"content-length": str(len(self.body)), **self.headers}
        return AWSResponse(url, self.status, length, _Raw(self.body))


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


class Request(Protocol):
    """What botocore is about to send."""

    url: str
    body: bytes
    method: str
    headers: Mapping[str, Any]


Service = Callable[[str, Request], Answer]
"""Answers an operation, by its name in the API."""


def as_json(content: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(content).encode())


def dynamodb(table: Table) -> Service:
    """DynamoDB with one table, which takes one request at a time."""
    lock = Lock()

    def answer(operation: str, request: Request) -> Answer:
        try:
            with lock:
                return as_json(table.answer(operation, json.loads(request.body)))
        except RefusedError as refused:
            item = {} if refused.item is None else {"Item": refused.item}
            return as_json({"__type": "ConditionalCheckFailedException", "message": str(refused), **item}, 400)
        except CancelledError as cancelled:
            codes = ["ConditionalCheckFailed" if refused else "None" for refused in cancelled.refused]
            return cancelled_by(codes, str(cancelled))

    return answer


def cancelled_by(codes: Sequence[str], message: str = "Transaction cancelled") -> Answer:
    """How DynamoDB says that a transaction took no effect, and why, item by item."""
    reasons = [{"Code": code} for code in codes]
    kind = "TransactionCanceledException"
    return as_json({"__type": kind, "Message": message, "CancellationReasons": reasons}, 400)


def s3(objects: dict[str, bytes]) -> Service:
    """S3 with one bucket: objects are put and got."""

    def answer(operation: str, request: Request) -> Answer:
        name = object_name(request.url)
        if operation == "PutObject":
            objects[name] = _whole(request.body)
            return Answer(200, b"", {"ETag": '"0"'})
        if operation != "GetObject":
            raise NotImplementedError(operation)
        if name not in objects:
            return Answer(404, b"<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>")
        return Answer(200, objects[name])

    return answer


def _whole(body: Any) -> bytes:
    """A body is bytes, or a file of them."""
    content: bytes = body.read() if hasattr(body, "read") else body
    return bytes(content)


def object_name(url: str) -> str:
    """The key of an object in an address, signed or not."""
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    return path if parts.hostname and parts.hostname.split(".")[1] == "s3" else path.partition("/")[2]


def answered(service: str, answer: Service) -> Any:
    """A client whose requests are answered by this."""
    client = session().client(service, config=CONFIG)

    def before_send(request: Request, event_name: str, **_: Any) -> AWSResponse:
        return answer(event_name.rpartition(".")[2], request).response(request.url)

    client.meta.events.register("before-send", before_send)
    return client


@cache
def session() -> Any:
    """A session with credentials of nobody's, which has read botocore's models once."""
    return boto3.session.Session("testing", "testing", region_name="us-east-1")
