"""Answer a hint that something may be due: retries, a run's time-out, anything that a crash left owed."""

from __future__ import annotations

from leeward.core.run import Header, IntentKind
from leeward.core.states import RunState, TaskState
from leeward.core.view import View
from leeward.engine.apply_verb import apply_verb, roll_forward
from leeward.engine.end_run import move_on
from leeward.engine.gates import repair
from leeward.engine.hints import Look
from leeward.engine.ports import Ports, header_item
from leeward.engine.scope import Scope, open_scope, send_at


def look(ports: Ports, hint: Look) -> None:
    """Do what is due; a hint that came early is re-armed."""
    scope = open_scope(ports, hint.info)
    if not hint.touched:
        look_at_run(scope)
        return
    shards = {scope.layout.shard(index) for index in hint.touched}
    view = scope.read(scope.empty_view(), shards)
    early = _early(view, hint, ports.clock.now())
    if early is not None:
        send_at(scope, hint, early)
    move_on(scope, view, hint.touched)


def look_at_run(scope: Scope) -> None:
    """Roll an intent forward, stop a run that has timed out, and do whatever else is due."""
    number = header_item(scope.layout)
    header = scope.ports.runs.read(scope.info.ref, (number,))[number].header
    if header is None:
        return
    if header.intent is not None:
        roll_forward(scope)
        return
    due = _times_out(scope, header)
    if due is not None and due <= scope.ports.clock.now():
        apply_verb(scope, IntentKind.STOP, state=RunState.FAILED)
        return
    repair(scope)
    move_on(scope, scope.read_all(), None)
    if due is not None:
        send_at(scope, Look(scope.info), due)


def _times_out(scope: Scope, header: Header) -> float | None:
    """When a run that is still running times out."""
    timeout = scope.dag.dagrun_timeout_seconds
    if timeout is None or header.state is not RunState.RUNNING or header.start is None:
        return None
    return header.start + timeout


def _early(view: View, hint: Look, now: float) -> float | None:
    """When the first of the hint's retries is due, if none is yet."""
    found = (view.entry(index) for index in hint.touched)
    due = [e.until for e in found if e and e.until and e.state is TaskState.UP_FOR_RETRY]
    return min(due) if due and min(due) > now else None
