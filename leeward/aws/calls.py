"""AWS calls of operators, by the names of botocore: with somebody's credentials, or to moto in this process.

botocore repeats what was throttled or never sent. A call whose answer was lost may have taken effect, and is repeated only
where that does no harm: a try starts its job once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from leeward.core.errors import UsageError
from leeward.operators.base import AwsError

READS: Final = ("BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan", "Search")
"""What the names of actions begin with that change nothing."""

REPEATABLE: Final = ("DELETE", "GET", "HEAD", "PUT")
"""Methods whose repetition changes nothing (RFC 9110, 9.2.2)."""


def _session() -> Any:
    import boto3

    return boto3.session.Session()


@dataclass
class BotoAws:
    """AWS itself. Clients are made once a service and region, from the session that `session` makes when first needed."""

    session: Callable[[], Any] = _session
    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `leeward.operators.base.Aws.call`."""
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
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                client = self.session().client(service, region_name=region)
                client.meta.events.register_first("needs-retry", _once)
                self._clients[key] = client
            return self._clients[key]


def _once(caught_exception: Exception | None, operation: Any, **_: Any) -> None:
    """Refuse to send a call again that may have taken effect; tokens of its API make a second one harmless."""
    from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

    method = operation.http.get("method")
    harmless = operation.idempotent_members or operation.name.startswith(READS) or method in REPEATABLE
    if isinstance(caught_exception, (ConnectionClosedError, ReadTimeoutError)) and not harmless:
        raise caught_exception


@dataclass
class MotoAws(BotoAws):
    """moto, which is not thread-safe: one call at a time."""

    _one: Lock = field(default_factory=Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """See `leeward.operators.base.Aws.call`."""
        with self._one:
            return super().call(service, operation, parameters, region or "us-east-1")


@contextmanager
def moto() -> Iterator[MotoAws]:
    """An account of moto's in this process. Raises UsageError LW303 if moto is not installed."""
    try:
        from moto import mock_aws
    except ImportError as error:
        raise UsageError("LW303", "moto is not installed: pip install 'leeward[moto]'") from error
    with mock_aws():
        yield MotoAws()
