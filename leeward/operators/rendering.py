"""Arguments of a try, rendered: templates, references to XComs, and the context behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leeward.core.address import task_of
from leeward.core.dag import Json
from leeward.core.errors import TaskError
from leeward.core.facts import Deferred, Outcome
from leeward.operators.base import Attempt, Services
from leeward.operators.mapped import described, mapped_arguments, merged, pulled, with_group
from leeward.operators.templates import render
from leeward.worker.channel import XCOMS
from leeward.worker.context import context_of


@dataclass(frozen=True, slots=True)
class ServiceChannel:
    """The channel of templates: what they may ask of the services."""

    services: Services

    def xcom(self, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """See `leeward.worker.channel.Channel`."""
        xcoms = self.services.xcoms
        return xcoms.has(task_id, key, map_index), xcoms.pull(task_id, key, map_index)

    def map_indexes(self, task_id: str, key: str) -> Sequence[int]:
        """See `leeward.worker.channel.Channel`."""
        return self.services.xcoms.map_indexes(task_id, key)

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


def rendered(
    attempt: Attempt, services: Services, names: frozenset[str] | None = None, *, lazy: bool = False
) -> dict[str, Any]:
    """The attempt's arguments with the named ones (None = all) rendered and references to XComs replaced.

    With `lazy` the XComs of a mapped task stay a reference, which user code reads one by one. What a task is mapped over is
    not rendered if another one pushed it.
    """
    context = context_of(described(attempt, services), ServiceChannel(services))
    native = attempt.dag.render_template_as_native_obj
    found: dict[str, Any] = {}
    written, pushed = mapped_arguments(attempt, services)
    for name, argument in written.items():
        value = _referenced(argument, attempt, services, lazy=lazy)
        value = render(value, context, native=native) if names is None or name in names else value
        found[name] = with_group(value, attempt, services)
    return merged(attempt, found, pushed)


def _referenced(value: Any, attempt: Attempt, services: Services, *, lazy: bool) -> Any:
    """The value with every `{"__xcom__": task, "key": key}` in it replaced by that XCom."""
    if isinstance(value, Mapping):
        if "__xcom__" in value:
            return _xcom(str(value["__xcom__"]), str(value["key"]), attempt, services, lazy=lazy)
        return {key: _referenced(item, attempt, services, lazy=lazy) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_referenced(item, attempt, services, lazy=lazy) for item in value]
    return value


def _xcom(task_id: str, key: str, attempt: Attempt, services: Services, *, lazy: bool) -> Any:
    """The XCom of a task: inside a mapped group that of the same map index; of a mapped task else those of all instances."""
    dag, map_index = attempt.dag, -1
    if dag.expansions[dag.index[task_id]] is not None:
        if dag.index[task_id] not in dag.companions[task_of(attempt.index)]:
            return {XCOMS: task_id, "key": key} if lazy else pulled(services, task_id, key)
        map_index = attempt.map_index
    if services.xcoms.has(task_id, key, map_index):
        return services.xcoms.pull(task_id, key, map_index)
    raise TaskError("LW403", f"the task {task_id} pushed no XCom {key!r}", retryable=True)


def named(attempt: Attempt, services: Services, outcome: Outcome) -> Outcome:
    """The outcome with what `map_index_template` makes of a mapped instance, once its body has ended.

    A template that can't be rendered names nothing, and fails nothing: Airflow's rule.
    """
    template = attempt.task.map_index_template
    if template is None or attempt.map_index < 0 or isinstance(outcome, Deferred):
        return outcome
    try:
        context = {
            **context_of(described(attempt, services), ServiceChannel(services)),
            "task": _Arguments(attempt, services),
        }
        return replace(outcome, name=str(render(template, context, native=False)))
    except TaskError as error:
        services.log(f"map_index_template: {error}")
        return outcome


class _Arguments:
    """`task` in the template of a mapped instance's name: the task's arguments, rendered, and what else is known of it."""

    def __init__(self, attempt: Attempt, services: Services) -> None:
        task = attempt.task
        self.task_id, self.owner, self.retries = task.task_id, task.owner, task.retry.retries
        self.__dict__.update(rendered(attempt, services))
