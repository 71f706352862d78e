"""The run's event log: one line a state change, the same everywhere, so that a run can be explained and replayed.

A line is a plain mapping: `at` (ISO 8601, UTC), `dag_id`, `run_id`, `epoch`, `from`, `to`, `cause`, and for a task
instance also `task_id`, `map_index`, `try_number`, where an execution owns it `owner`, and what else is stored of it (see
`leeward.core.lines`, which also reads them). A try that waits for slots has a line in which `from` equals `to`, with `gate`,
`used`, `limit` and `slots`, the number that it wants. The line of a run's creation says what the run is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leeward.core.address import map_index_of, task_of
from leeward.core.dag import Dag, Json
from leeward.core.decide import Change
from leeward.core.gates import Limit, Slot
from leeward.core.lines import DEADLINE_MISSED, WAITS_FOR_PAST, WAITS_FOR_SLOT, iso, written
from leeward.core.run import Header, RunInfo
from leeward.core.states import RunState


def changed(dag: Dag, info: RunInfo, change: Change, epoch: int, now: float) -> Mapping[str, Json]:
    """The line for a task instance's change."""
    line: dict[str, Json] = {
        "at": iso(now),
        "dag_id": info.ref.dag_id,
        "run_id": info.ref.run_id,
        "epoch": epoch,
        "task_id": dag.tasks[task_of(change.index)].task_id,
        "map_index": map_index_of(change.index),
        "try_number": change.after.try_number,
        "from": change.before.state.value,
        "to": change.after.state.value,
        "cause": change.cause,
    }
    owner = change.after.owner or change.before.owner
    if owner:
        line["owner"] = owner
    return {**line, **written(dag, change.after)}


def waits(dag: Dag, info: RunInfo, wanted: Change, slot: Slot, used: int, epoch: int, now: float) -> Mapping[str, Json]:
    """The line for a try that waits for slots which other runs hold, too: its state stays what it is."""
    pool = slot.gate.limit is Limit.POOL
    return {
        **changed(dag, info, replace(wanted, after=wanted.before, cause=WAITS_FOR_SLOT), epoch, now),
        "gate": f"pool {slot.gate.name}" if pool else slot.gate.limit.value,
        "used": used,
        "limit": slot.size,
        "slots": slot.count,
    }


def waits_for_past(
    dag: Dag, info: RunInfo, behind: Change, previous: str, epoch: int, now: float
) -> Mapping[str, Json]:
    """The line for a task that is due but for the run before: its state stays what it is."""
    line = changed(dag, info, replace(behind, after=behind.before, cause=WAITS_FOR_PAST), epoch, now)
    return {**line, "previous": previous}


def run_changed(
    info: RunInfo, before: RunState | None, after: RunState, cause: str, epoch: int, now: float
) -> Mapping[str, Json]:
    """The line for a run's own change; that of its creation, before which it had no state, says what it is about."""
    about: dict[str, Json] = {}
    if before is None:
        about = {"version": info.ref.version, "run_type": info.run_type.value, "logical_date": info.logical_date}
    return {
        "at": iso(now),
        "dag_id": info.ref.dag_id,
        "run_id": info.ref.run_id,
        "epoch": epoch,
        "from": None if before is None else before.value,
        "to": after.value,
        "cause": cause,
        **about,
    }


def deadline_missed(
    info: RunInfo, state: RunState, due: float, name: str | None, epoch: int, now: float
) -> Mapping[str, Json]:
    """The line for a deadline that was missed: the run's state is what it was."""
    line = {**run_changed(info, state, state, DEADLINE_MISSED, epoch, now), "deadline": iso(due)}
    return line if name is None else {**line, "name": name}


def deadline_context(dag: Dag, info: RunInfo, header: Header, place: int, due: float) -> Mapping[str, Json]:
    """What the callback of a missed deadline is told: Airflow's `dag_run` as its API has it, and `deadline`."""
    return {
        "dag_run": _dag_run(dag, info, header),
        "deadline": {"id": f"{info.ref.dag_id}/{info.ref.run_id}/{place}", "deadline_time": iso(due)},
    }


def _dag_run(dag: Dag, info: RunInfo, header: Header) -> Mapping[str, Json]:
    start, end = header.start, header.end
    return {
        "dag_run_id": info.ref.run_id,
        "dag_id": info.ref.dag_id,
        "logical_date": info.logical_date,
        "queued_at": iso(info.created),
        "start_date": None if start is None else iso(start),
        "end_date": None if end is None else iso(end),
        "duration": None if start is None or end is None else end - start,
        "data_interval_start": info.data_interval_start,
        "data_interval_end": info.data_interval_end,
        "run_after": info.run_after,
        "last_scheduling_decision": None,
        "run_type": info.run_type.value,
        "state": header.state.value,
        "triggered_by": None,
        "triggering_user_name": None,
        "conf": dict(info.conf),
        "note": None,
        "dag_versions": [],
        "bundle_version": info.ref.version,
        "dag_display_name": dag.display_name or dag.dag_id,
        "partition_key": None,
        "partition_date": None,
    }
