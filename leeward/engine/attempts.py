"""What a body, or a callback, is told of a try."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from leeward.core.address import map_index_of
from leeward.core.dag import Json
from leeward.core.run import Entry
from leeward.engine.scope import Scope
from leeward.operators.base import Attempt

NOTHING: Final[Mapping[str, Mapping[str, Json]]] = MappingProxyType({})


def attempt(
    scope: Scope, index: int, entry: Entry, deadline: float, left: Mapping[str, Mapping[str, Json]] = NOTHING
) -> Attempt:
    """What a body is told of its try. Its time is its execution_timeout or what the invocation has left."""
    task = scope.task(index)
    outlives = scope.ports.bodies.plan(task).outlives_seconds
    seconds = max(0.0, deadline - scope.ports.clock.now()) if outlives is None else outlives
    timeout = task.execution_timeout_seconds
    return Attempt(
        dag=scope.dag,
        task=task,
        run=scope.info,
        try_number=entry.try_number,
        max_tries=entry.base + task.retry.retries,
        owner=entry.owner,
        start=entry.start or 0.0,
        index=index,
        until=entry.until or 0.0,
        map_index=map_index_of(index),
        timeout_seconds=seconds if timeout is None else min(seconds, timeout),
        left=left,
    )
