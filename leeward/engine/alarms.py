"""Alarms: moments at which a run is to be looked at although nothing may happen in it, its time-out and its deadlines.

Each is one delayed hint, sent when the run starts if the queue reaches so far. What lies further ahead costs no message:
the sweep of every minute, which sees every active run anyway, sends the hint when it is near.
"""

from __future__ import annotations

from collections.abc import Iterator

from leeward.contract import ALARM_SECONDS, CLOCK_SKEW_SECONDS, SHORTEST_WAIT_SECONDS
from leeward.core.run import Header
from leeward.core.states import RunState
from leeward.engine.hints import Look
from leeward.engine.scope import Scope


def times_out(scope: Scope, header: Header) -> float | None:
    """When a run that is still running times out."""
    timeout = scope.dag.dagrun_timeout_seconds
    if timeout is None or header.state is not RunState.RUNNING or header.start is None:
        return None
    return header.start + timeout


def arm(scope: Scope, header: Header) -> None:
    """Send the alarms of a run whose deadlines and time-out have just come to be."""
    for due in _alarms(scope, header):
        _send(scope, due, scope.ports.dispatch.reach_seconds())


def arm_near(scope: Scope, header: Header) -> None:
    """Send the alarms that nobody has sent yet, as far as they are near, and those that came early."""
    for due in _alarms(scope, header):
        far = due - scope.info.created > scope.ports.dispatch.reach_seconds()
        if due > scope.ports.clock.now():
            _send(scope, due, ALARM_SECONDS if far else CLOCK_SKEW_SECONDS)


def _alarms(scope: Scope, header: Header) -> Iterator[float]:
    timeout = times_out(scope, header)
    if timeout is not None:
        yield timeout
    for _, due in header.deadlines:
        yield due + SHORTEST_WAIT_SECONDS


def _send(scope: Scope, due: float, reach: float) -> None:
    wait = max(SHORTEST_WAIT_SECONDS, due - scope.ports.clock.now())
    if wait <= reach:
        scope.ports.dispatch.send([Look(scope.info)], wait)
