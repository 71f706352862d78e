"""The deadlines of a run: set when it is created, and told of when they are missed or not."""

from __future__ import annotations

from leeward.contract import METRIC_DEADLINE_CREATED, METRIC_DEADLINE_MISSED, METRIC_DEADLINE_NOT_MISSED
from leeward.core.dag import Dag, DeadlineReference
from leeward.core.deadlines import created, deadline_of
from leeward.core.run import Header, RunInfo
from leeward.engine.events import deadline_missed
from leeward.engine.history import completed_seconds
from leeward.engine.ports import Ports
from leeward.engine.scope import Scope


def deadlines_of(ports: Ports, dag: Dag, info: RunInfo, now: float) -> tuple[tuple[int, float], ...]:
    """The deadlines of a run that is created now. Earlier runs are read only for alerts about their runtime."""
    counted = [alert.max_runs for alert in dag.deadlines if alert.reference is DeadlineReference.AVERAGE_RUNTIME]
    durations = completed_seconds(ports.runs, ports.specs, dag, max(counted)) if counted else ()
    return created(dag, info, now, durations)


def tell_created(scope: Scope, header: Header) -> None:
    """Count the deadlines of a run that was created."""
    for _ in header.deadlines:
        scope.ports.metrics.count(METRIC_DEADLINE_CREATED, dag_id=scope.dag.dag_id)


def tell_deadlines(scope: Scope, before: Header, after: Header, epoch: int) -> None:
    """Log and count the deadlines that a change of the header, which this execution made, has missed or done away with."""
    late = {found[0] for debt in after.owed - before.owed if (found := deadline_of(debt)) is not None}
    left = {place for place, _ in after.deadlines}
    for place, due in before.deadlines:
        if place in late:
            name = scope.dag.deadlines[place].name
            line = deadline_missed(scope.info, after.state, due, name, epoch, scope.ports.clock.now())
            scope.ports.log.append([line])
            scope.ports.metrics.count(METRIC_DEADLINE_MISSED, dag_id=scope.dag.dag_id)
        elif place not in left:
            scope.ports.metrics.count(METRIC_DEADLINE_NOT_MISSED, dag_id=scope.dag.dag_id)
