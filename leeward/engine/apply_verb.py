"""Clear, stop and mark: what people, or a run's time-out, do to a run that has begun.

A verb is stored as an intent (see `intents`) and rolled over the run. One at a time: a second is refused as busy.
"""

from __future__ import annotations

from collections.abc import Collection

from leeward.core.errors import UsageError
from leeward.core.run import Intent, IntentKind
from leeward.core.states import RUN_FINISHED, RunState, TaskState
from leeward.engine.amend import read_header
from leeward.engine.end_run import roll_forward
from leeward.engine.intents import store
from leeward.engine.scope import Scope


def apply_verb(
    scope: Scope,
    kind: IntentKind,
    tasks: Collection[int] = (),
    state: RunState | TaskState | None = None,
    reason: str = "",
) -> None:
    """Store a verb and roll it over the run. `tasks` are indexes; `state` is for MARK and STOP, `reason` says why STOP.

    As in Airflow, clearing a task clears the setups in whose scope it is and their teardowns too.
    Raises UsageError LW301 if there is no such run, LW302 if another verb is on its way.
    """
    chosen = scope.dag.scopes.cleared(tasks) if kind is IntentKind.CLEAR else frozenset(tasks)
    intent = Intent(scope.ports.ids.token(), kind, chosen, scope.ports.clock.now(), state, reason)
    while True:
        item = read_header(scope)
        if item.header is None:
            raise UsageError("LW301", f"there is no run {scope.info.ref.run_id}")
        if kind is IntentKind.STOP and item.header.state in RUN_FINISHED:
            return
        if item.header.intent is not None:
            raise UsageError("LW302", "another verb is on its way in this run: try again")
        if store(scope, item, intent):
            break
    roll_forward(scope)
