"""Create the scheduled runs of a DAG that are due, on a tick or in the sweep.

A tick says nothing but "look at this DAG". How far the schedule has come is stored with the live DAG: the run that was
created last, and the next one as it is planned. Both are moved on by condition, and a run's id follows from its plan. So a
late, doubled or lost tick changes nothing, and two looks at once create one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from leeward.contract import RUNS_PER_TICK
from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.ports import Live, Ports
from leeward.engine.start_run import start_run
from leeward.spec.timetable import Due, Unsettled, next_run, overtaken


def create_due(ports: Ports, dag_id: str) -> int:
    """Create what is due of one DAG, up to a bound; how many runs were new. The rest waits for the next look."""
    created = 0
    live = ports.specs.live(dag_id)
    for _ in range(RUNS_PER_TICK):
        now = ports.clock.now()
        if live is None or live.paused or live.due is None or live.due > now:
            break
        dag = ports.specs.get(live.version)
        if _continuous(dag) and any(info.ref.dag_id == dag_id for info in ports.runs.active()):
            break
        planned = _due(live.plan)
        if planned is None or _stale(dag, live, planned, now):
            live = _note(ports, live, moved_on(dag, live, None, now))
            continue
        created += start_run(ports, _info(live, planned, now))
        live = _note(ports, live, moved_on(dag, live, planned, now))
    return created


def create_all_due(ports: Ports) -> None:
    """Create what is due of every DAG."""
    now = ports.clock.now()
    for live in ports.specs.all_live():
        if not live.paused and live.due is not None and live.due <= now:
            create_due(ports, live.dag_id)


def moved_on(dag: Dag, live: Live, created: Due | None, now: float) -> Live:
    """The live DAG with that run as its last, and the next one planned. One that can't be told yet is due for a look."""
    moved = live if created is None else replace(live, last=_dates(created))
    moment = created.end if created is not None and _continuous(dag) else _moment(now)
    try:
        following = next_run(dag, _due(moved.last), moment)
    except Unsettled:
        return replace(moved, plan=None, due=now)
    if following is None:
        return replace(moved, plan=None, due=None)
    return replace(moved, plan=_dates(following), due=following.run_after.timestamp())


def _stale(dag: Dag, live: Live, planned: Due, now: float) -> bool:
    """Whether the plan of a run that is due has to be made anew: it is another run's turn by now.

    A continuous DAG's next run is about the time up to its start. That is known when the run before has ended; until then
    its plan is a moment.
    """
    if _continuous(dag):
        return live.last is not None and planned.start == planned.end and planned.end < _moment(now)
    return overtaken(dag, planned, _moment(now))


def _continuous(dag: Dag) -> bool:
    return isinstance(dag.schedule, Mapping) and dag.schedule["kind"] == "continuous"


def _due(dates: tuple[str, str, str] | None) -> Due | None:
    """A run as it is stored."""
    if dates is None:
        return None
    logical, start, end = (datetime.fromisoformat(text) for text in dates)
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
