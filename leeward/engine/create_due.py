"""Create the scheduled runs of a DAG that are due, on a tick or in the sweep.

A tick says nothing but "look at this DAG". How far the schedule has come is stored with the live DAG and moved on by
condition, after the run exists; the run's id follows from its date. So a late, doubled or lost tick changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from leeward.contract import RUNS_PER_TICK
from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.ports import Live, Ports
from leeward.engine.start_run import start_run
from leeward.spec.timetable import Due, next_run


def create_due(ports: Ports, dag_id: str) -> int:
    """Create what is due of one DAG, up to a bound; how many runs were new. The rest waits for the next look."""
    created = 0
    live = ports.specs.live(dag_id)
    for _ in range(RUNS_PER_TICK):
        if live is None or live.paused:
            return created
        dag = ports.specs.get(live.version)
        now = ports.clock.now()
        due = next_run(dag, last_run(live), _moment(now))
        if due is None or due.run_after.timestamp() > now:
            _note(ports, live, replace(live, due=None if due is None else due.run_after.timestamp()))
            return created
        created += start_run(ports, _info(live, due, now))
        live = _note(ports, live, moved_on(dag, live, due, now))
    return created


def create_all_due(ports: Ports) -> None:
    """Create what is due of every DAG."""
    now = ports.clock.now()
    for live in ports.specs.all_live():
        if not live.paused and live.due is not None and live.due <= now:
            create_due(ports, live.dag_id)


def moved_on(dag: Dag, live: Live, created: Due | None, now: float) -> Live:
    """The live DAG with that run as its last, and the time of its next one."""
    last = live.last if created is None else _dates(created)
    moved = replace(live, last=last)
    following = next_run(dag, last_run(moved), _moment(now))
    return replace(moved, due=None if following is None else following.run_after.timestamp())


def last_run(live: Live) -> Due | None:
    """The scheduled run that was created last."""
    if live.last is None:
        return None
    logical, start, end = (datetime.fromisoformat(text) for text in live.last)
    return Due(logical, start, end, end)


def _note(ports: Ports, before: Live, after: Live) -> Live | None:
    """Store how far the schedule has come; whoever else was faster is believed."""
    if before == after or ports.specs.put_live(after, before):
        return after
    return ports.specs.live(before.dag_id)


def _dates(due: Due) -> tuple[str, str, str]:
    return due.logical_date.isoformat(), due.start.isoformat(), due.end.isoformat()


def _info(live: Live, due: Due, now: float) -> RunInfo:
    logical, start, end = _dates(due)
    return RunInfo(
        RunRef(live.dag_id, f"{RunType.SCHEDULED}__{due.run_after.isoformat()}", live.version),
        RunType.SCHEDULED,
        logical,
        start,
        end,
        run_after=due.run_after.isoformat(),
        created=now,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
