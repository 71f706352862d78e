"""Record the result of a body that was handed over, and go on as the execution that started it would have.

The message comes from where user code runs, so that nothing in it is believed but what its token proves: the run is read
from the store, and the try must still be running under that very token.
"""

from __future__ import annotations

from leeward.core.address import task_of
from leeward.core.states import FINISHED, TaskState
from leeward.engine.attempts import attempt
from leeward.engine.end_run import move_on
from leeward.engine.execute_task import Execution, conclude, go_on
from leeward.engine.hints import Result
from leeward.engine.ports import Ports
from leeward.engine.scope import open_scope


def finish_task(ports: Ports, hint: Result, deadline: float) -> None:
    """Record a result that is still awaited; a repeated one only moves the run on, any other is dropped."""
    info = ports.runs.info(hint.dag_id, hint.run_id)
    if info is None:
        return
    scope = open_scope(ports, info)
    if hint.index < 0 or task_of(hint.index) >= len(scope.dag.tasks):
        return
    shard = scope.layout.shard(hint.index)
    view = scope.read(scope.empty_view(), (shard,))
    entry = view.items[shard].entry(hint.index)
    if entry.state in FINISHED and entry.try_number == hint.try_number:
        move_on(scope, view, (hint.index,))
    if (entry.state, entry.try_number, entry.owner) != (TaskState.RUNNING, hint.try_number, hint.owner):
        return
    execution = Execution(scope, deadline)
    outcome = ports.bodies.finish(attempt(scope, hint.index, entry, deadline), hint.result)
    go_on(execution, conclude(execution, view, hint.index, outcome))
