"""Answer a hint that something may be due: retries, a run's time-out, anything that a crash left owed."""

from __future__ import annotations

from leeward.core.run import IntentKind
from leeward.core.states import RunState, TaskState
from leeward.core.view import View
from leeward.engine.admit import admit
from leeward.engine.alarms import arm_near, times_out
from leeward.engine.amend import read_header
from leeward.engine.apply_verb import apply_verb
from leeward.engine.end_run import move_on, roll_forward
from leeward.engine.gates import pass_on, repair
from leeward.engine.hints import Look
from leeward.engine.miss_deadlines import miss_deadlines
from leeward.engine.ports import Ports, header_item
from leeward.engine.scope import Scope, open_scope, send_at


def look(ports: Ports, hint: Look) -> None:
    """Do what is due; a hint that came early is re-armed."""
    scope = open_scope(ports, hint.info)
    if not hint.touched:
        look_at_run(scope)
        return
    shards, head = {scope.layout.shard(index) for index in hint.touched}, header_item(scope.layout)
    items = ports.runs.read(hint.info.ref, sorted({*shards, head}))
    header = items[head].header
    if header is not None and header.state is RunState.QUEUED:
        return
    view = scope.empty_view()
    for shard in sorted(shards):
        view = view.with_item(shard, items[shard])
    early = _early(view, hint, ports.clock.now())
    if early is not None:
        send_at(scope, hint, early)
    move_on(scope, view, hint.touched)


def look_at_run(scope: Scope) -> None:
    """Roll an intent forward, miss deadlines, stop a run that has timed out, and do whatever else is due."""
    item = read_header(scope)
    if item.header is not None and item.header.intent is not None:
        roll_forward(scope)
        item = read_header(scope)
    item = miss_deadlines(scope, item)
    header = item.header
    if header is None or header.intent is not None:
        return
    due = times_out(scope, header)
    if due is not None and due <= scope.ports.clock.now():
        apply_verb(scope, IntentKind.STOP, state=RunState.FAILED, reason="timed_out")
        return
    if header.state is RunState.QUEUED:
        if admit(scope, item):
            move_on(scope, scope.read_all(), None)
    elif header.state is RunState.RUNNING:
        left = repair(scope)
        move_on(scope, scope.read_all(), None)
        pass_on(scope, left)
    arm_near(scope, header)


def _early(view: View, hint: Look, now: float) -> float | None:
    """When the first of the hint's retries is due, if none is yet."""
    found = (view.entry(index) for index in hint.touched)
    due = [e.until for e in found if e and e.until and e.state is TaskState.UP_FOR_RETRY]
    return min(due) if due and min(due) > now else None
