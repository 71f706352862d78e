"""Arguments of a try, rendered: templates, references to XComs, and the context behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leeward.core.dag import Json
from leeward.core.errors import TaskError
from leeward.operators.base import Attempt, Services
from leeward.operators.facts import facts
from leeward.operators.templates import render
from leeward.worker.context import context_of


@dataclass(frozen=True, slots=True)
class ServiceChannel:
    """The channel of templates: what they may ask of the services."""

    services: Services

    def xcom(self, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """See `leeward.worker.channel.Channel`."""
        xcoms = self.services.xcoms
        return xcoms.has(task_id, key, map_index), xcoms.pull(task_id, key, map_index)

    def push(self, key: str, value: Json) -> None:
        """Templates push nothing."""
        del value
        raise TaskError("LW402", f"a template can't push the XCom {key!r}")

    def variable(self, key: str) -> str | None:
        """See `leeward.worker.channel.Channel`."""
        return self.services.secrets.variable(key)

    def connection(self, conn_id: str) -> Mapping[str, Json] | None:
        """See `leeward.worker.channel.Channel`."""
        return self.services.secrets.connection(conn_id)


def rendered(attempt: Attempt, services: Services, names: frozenset[str] | None = None) -> dict[str, Any]:
    """The attempt's arguments with the named ones (None = all) rendered and references to XComs replaced."""
    context = context_of(facts(attempt), ServiceChannel(services))
    native = attempt.dag.render_template_as_native_obj
    found: dict[str, Any] = {}
    for name, written in attempt.task.arguments.items():
        value = _referenced(written, services)
        found[name] = render(value, context, native=native) if names is None or name in names else value
    return found


def _referenced(value: Any, services: Services) -> Any:
    """The value with every `{"__xcom__": task, "key": key}` in it replaced by that XCom."""
    if isinstance(value, Mapping):
        if "__xcom__" in value:
            return _xcom(str(value["__xcom__"]), str(value["key"]), services)
        return {key: _referenced(item, services) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_referenced(item, services) for item in value]
    return value


def _xcom(task_id: str, key: str, services: Services) -> Any:
    if services.xcoms.has(task_id, key):
        return services.xcoms.pull(task_id, key)
    raise TaskError("LW403", f"the task {task_id} pushed no XCom {key!r}", retryable=True)
