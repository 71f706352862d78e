"""Arguments of a try, rendered: templates, references to XComs, and the context behind them.

Where a DAG has macros or filters that are user code, what its tasks hand to user code is rendered there, in its process,
because no user code runs in ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from leeward.core.address import task_of
from leeward.core.dag import XCOM, Json
from leeward.core.errors import TaskError
from leeward.core.facts import Deferred, Outcome
from leeward.operators.base import Attempt, Services
from leeward.operators.facts import all_facts, facts
from leeward.operators.mapped import described, mapped_arguments, merged, pulled, with_group
from leeward.templating.files import Read, no_files, searching
from leeward.templating.render import Settings, holds_template, render
from leeward.worker.channel import XCOMS
from leeward.worker.context import UNSET, context_of
from leeward.worker.macros import has_imports, values_of
from leeward.worker.values import plain


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

    def read(self, name: str) -> str | None:
        """See `leeward.worker.channel.Channel`."""
        return self.services.user_code.read(name)

    def previous(self) -> Mapping[str, str | None] | None:
        """See `leeward.worker.channel.Channel`."""
        return self.services.history()


@dataclass(frozen=True, slots=True)
class Fields:
    """What user code is given of a task's arguments: `values` rendered, or, with `templates`, still to be rendered there.

    `templates` holds `native`, `macros` and `filters` (see `leeward.worker.macros`), `undefined`, `options`, `searchpath`.
    """

    values: dict[str, Any]
    templates: dict[str, Json] | None = None


def rendered(
    attempt: Attempt, services: Services, names: frozenset[str] | None = None, *, lazy: bool = False
) -> dict[str, Any]:
    """The attempt's arguments with the named ones (None = all) rendered and references to XComs replaced.

    With `lazy` the XComs of a mapped task stay a reference, which user code reads one by one. What a task is mapped over is
    not rendered if another one pushed it.
    """
    values, pushed = _written(attempt, services, lazy=lazy)
    chosen = {name: value for name, value in values.items() if names is None or name in names}
    found = {**values, **_rendered(chosen, attempt, services)}
    return merged(attempt, {name: with_group(value, attempt, services) for name, value in found.items()}, pushed)


def _rendered(chosen: dict[str, Any], attempt: Attempt, services: Services) -> dict[str, Any]:
    context: Mapping[str, Any] = {}
    if holds_template(chosen):
        known = described(attempt, services, deepcopy(all_facts(attempt)))
        context = context_of(known, ServiceChannel(services))
    read = searching(services.user_code.read, attempt.dag.template_searchpath)
    made: dict[str, Any] = render(chosen, context, _settings(attempt, is_native(attempt), read))
    return made


def _settings(attempt: Attempt, native: bool, read: Read) -> Settings:
    """What templates that are rendered here stand on: no user code."""
    dag = attempt.dag
    own = {**UNSET, **values_of(dag.user_defined_macros)}
    return Settings(native, own, read, undefined=dag.template_undefined, options=dag.jinja_environment_kwargs)


def for_user_code(attempt: Attempt, services: Services, names: Collection[str] | None) -> Fields:
    """The same for user code, as plain JSON; the named fields are rendered there if they need user code."""
    dag = attempt.dag
    if has_imports(dag.user_defined_macros) or dag.user_defined_filters:
        templates: dict[str, Json] = {
            "native": is_native(attempt),
            "macros": dag.user_defined_macros,
            "filters": dag.user_defined_filters,
            "undefined": dag.template_undefined,
            "options": dag.jinja_environment_kwargs,
            "searchpath": dag.template_searchpath,
        }
        return Fields(referenced(attempt, services, lazy=True), templates)
    values = rendered(attempt, services, None if names is None else frozenset(names), lazy=True)
    return Fields({name: _json(name, value) for name, value in values.items()})


def _json(name: str, value: Any) -> Json:
    try:
        made: Json = plain(value)
    except TypeError as error:
        raise TaskError("LW412", f"the rendered {name} can't be handed to user code: {error}") from error
    return made


def is_native(attempt: Attempt) -> bool:
    """Whether the task's templates give Python values: its own word, or the DAG's."""
    own = attempt.task.render_template_as_native_obj
    return attempt.dag.render_template_as_native_obj if own is None else own


def render_job(attempt: Attempt, fields: Fields) -> dict[str, Json]:
    """The job that renders fields in a process of user code (see `leeward.worker.call.run_job`)."""
    return {
        "kind": "render",
        "fields": fields.values,
        "templates": fields.templates,
        "facts": facts(attempt),
        "environment": {},
    }


def referenced(attempt: Attempt, services: Services, *, lazy: bool = False) -> dict[str, Any]:
    """The attempt's arguments as written, with references to XComs replaced, and with what it is mapped over."""
    values, pushed = _written(attempt, services, lazy=lazy)
    return merged(attempt, {name: with_group(value, attempt, services) for name, value in values.items()}, pushed)


def _written(attempt: Attempt, services: Services, *, lazy: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments as written, with references to XComs replaced; and apart what others pushed to be mapped over."""
    written, pushed = mapped_arguments(attempt, services)
    return {name: _referenced(value, attempt, services, lazy=lazy) for name, value in written.items()}, pushed


def _referenced(value: Any, attempt: Attempt, services: Services, *, lazy: bool) -> Any:
    """The value with every `{"__xcom__": task, "key": key}` in it replaced by that XCom."""
    if isinstance(value, Mapping):
        if XCOM in value:
            return _xcom(str(value[XCOM]), str(value["key"]), attempt, services, lazy=lazy)
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
        known = described(attempt, services, deepcopy(all_facts(attempt)))
        known = {**known, "task": {**known["task"], **rendered(attempt, services)}}
        context = context_of(known, ServiceChannel(services))
        return replace(outcome, name=str(render(template, context, _settings(attempt, False, no_files))))
    except TaskError as error:
        services.log(f"map_index_template: {error}")
        return outcome
