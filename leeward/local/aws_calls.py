"""AWS calls that reach no AWS: refused ones, and those that a script answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from leeward.operators.base import AwsError


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
