"""Look at the job of a deferred try.

The entry holds the number of polls claimed. A poll claims its number by condition and only the winner calls and re-arms,
so a doubled hint can't start a second chain of polls. A poll that dies is found by the sweeper: its `until` passes.
"""

from __future__ import annotations

from dataclasses import replace

from leeward.contract import LEASE_MARGIN_SECONDS
from leeward.core.facts import Deferred, Failed, Outcome
from leeward.core.outcomes import mappable, recorded
from leeward.core.run import Entry
from leeward.core.states import TaskState
from leeward.core.view import View
from leeward.engine.attempts import attempt
from leeward.engine.execute_task import Execution, keep
from leeward.engine.hints import Poll
from leeward.engine.ports import Ports, Write
from leeward.engine.record import record
from leeward.engine.scope import Scope, open_scope, send_at
from leeward.operators.raised import TASK_TIMEOUT


def poll_task(ports: Ports, hint: Poll, deadline: float) -> None:
    """Poll once if this poll is still to be made; record the end, or wait for the next."""
    scope = open_scope(ports, hint.info)
    now = ports.clock.now()
    if hint.due > now:
        send_at(scope, hint, hint.due)
        return
    shard = scope.layout.shard(hint.index)
    before = scope.read(scope.empty_view(), (shard,)).items[shard].entry(hint.index)
    expected = (TaskState.DEFERRED, hint.try_number, hint.poll)
    if (before.state, before.try_number, before.polls) != expected:
        return
    until = deadline + LEASE_MARGIN_SECONDS + hint.seconds
    claimed = replace(before, polls=before.polls + 1, until=until)
    written = scope.write(Write(shard, expect={hint.index: before}, put={hint.index: claimed}))
    if written.won:
        view = scope.empty_view().with_item(shard, written.item)
        _poll(Execution(scope, deadline), view, hint.index, claimed)


def _poll(execution: Execution, view: View, index: int, entry: Entry) -> None:
    scope = execution.scope
    outcome = mappable(scope.dag, index, _look(execution, index, entry))
    keep(scope, index, entry, outcome)
    if isinstance(outcome, Deferred):
        due, number = scope.ports.clock.now() + outcome.poll_seconds, entry.try_number
        send_at(
            scope,
            Poll(scope.info, index, number, entry.polls, due, outcome.poll_seconds),
            due,
        )
        return
    change = recorded(scope.dag, scope.moment(), index, entry, outcome)
    job_ended = replace(change, cause=change.cause.replace("body", "job"))
    record(scope, view, job_ended, lambda _: None)


def _look(execution: Execution, index: int, entry: Entry) -> Outcome:
    scope = execution.scope
    if _timed_out(scope, index, entry):
        return Failed("AirflowTaskTimeout: the job outlasted execution_timeout", raised=TASK_TIMEOUT)
    job = scope.ports.attempts.job(scope.info.ref, index, entry.try_number)
    return scope.ports.bodies.poll(attempt(scope, index, entry, execution.deadline), job)


def _timed_out(scope: Scope, index: int, entry: Entry) -> bool:
    timeout = scope.task(index).execution_timeout_seconds
    if timeout is None or entry.start is None:
        return False
    return scope.ports.clock.now() >= entry.start + timeout
