"""The arguments of one instance of a mapped task: what it is mapped over, taken apart by its map index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leeward.core.dag import Expansion
from leeward.core.errors import TaskError
from leeward.core.sources import MAPPED, Picked, length, picked
from leeward.operators.base import Attempt, Services
from leeward.operators.facts import facts


def described(attempt: Attempt, services: Services, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts of a try (or what else is known of it), and of a mapped instance how many there are."""
    expansion = _expansion(attempt)
    count = None if expansion is None else length(expansion, lambda name: len(_values(attempt, services, name)))
    return {**(facts(attempt) if known is None else known), "expanded_ti_count": count}


def mapped_arguments(attempt: Attempt, services: Services) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments as written, with literal values that the task is mapped over, and apart those that others pushed."""
    written, pushed = dict(attempt.task.arguments), dict[str, Any]()
    if attempt.task.expand is None or attempt.map_index < 0:
        return written, pushed
    for name, value in _picked(attempt.task.expand, attempt, services).items():
        if value.literal:
            written = merged(attempt, written, {name: value.value})
        else:
            pushed[name] = value.value
    return written, pushed


def merged(attempt: Attempt, arguments: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with others on top: of a decorated function they are its own, of an operator the operator's."""
    if "Decorated" not in attempt.task.operator:
        return {**arguments, **more}
    return {**arguments, "op_kwargs": {**(arguments.get("op_kwargs") or {}), **more}}


def with_group(value: Any, attempt: Attempt, services: Services) -> Any:
    """The value with every `{"__mapped__": argument}` in it replaced by what the group around the task is mapped over."""
    if isinstance(value, Mapping):
        if MAPPED in value:
            return _of_group(str(value[MAPPED]), attempt, services)
        return {key: with_group(item, attempt, services) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_group(item, attempt, services) for item in value]
    return value


def pulled(services: Services, task_id: str, key: str) -> list[Any]:
    """What the instances of a mapped task pushed, in their order, without holes."""
    indexes = services.xcoms.map_indexes(task_id, key)
    return [services.xcoms.pull(task_id, key, index) for index in indexes if index >= 0]


def _expansion(attempt: Attempt) -> Expansion | None:
    return attempt.dag.expansions[attempt.dag.index[attempt.task.task_id]] if attempt.map_index >= 0 else None


def _of_group(name: str, attempt: Attempt, services: Services) -> Any:
    expansion = _expansion(attempt)
    found = {} if expansion is None else _picked(expansion, attempt, services)
    if name not in found:
        raise TaskError("LW423", f"the group is mapped over mappings without {name!r}", retryable=True)
    return found[name].value


def _picked(expansion: Expansion, attempt: Attempt, services: Services) -> dict[str, Picked]:
    try:
        found = picked(expansion, attempt.map_index, lambda name: _values(attempt, services, name))
    except LookupError as error:
        message = f"there is nothing to map over at the map index {attempt.map_index} any more"
        raise TaskError("LW422", message, retryable=True) from error
    if not expansion.kwargs:
        return dict(found)
    if not isinstance(found.value, Mapping):
        raise TaskError("LW423", "expand_kwargs wants mappings of arguments", retryable=True)
    return {name: Picked(value, found.literal) for name, value in found.value.items()}


def _values(attempt: Attempt, services: Services, task_id: str) -> Any:
    """What a task pushed to be mapped over: its value, or those of its instances."""
    if attempt.dag.expansions[attempt.dag.index[task_id]] is not None:
        return pulled(services, task_id, "return_value")
    value = services.xcoms.pull(task_id, "return_value")
    return value if isinstance(value, (list, tuple, Mapping)) else []
