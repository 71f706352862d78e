"""The runs before: what `prev_data_interval_start_success` and its kin tell a template, and how long runs took.

Looked up only when a template, or a deadline, asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from leeward.core.dag import Dag
from leeward.core.run import Header, RunInfo, RunRef
from leeward.core.states import RunState
from leeward.core.view import Layout
from leeward.engine.ports import RunStore, SpecStore, header_item

LOOKED_AT: Final = 100
"""How many of a DAG's last runs are looked at: a successful one that lies further back is not found."""


def previous_success(runs: RunStore, specs: SpecStore, info: RunInfo) -> Mapping[str, str | None] | None:
    """The dates (ISO 8601) of the successful run with the latest logical date before this run's, or None.

    A run without a logical date has no run before it, as in Airflow.
    """
    if info.logical_date is None:
        return None
    now = datetime.fromisoformat(info.logical_date)
    last = runs.recent(info.ref.dag_id, LOOKED_AT)
    dated = [(datetime.fromisoformat(one.logical_date), one) for one in last if one.logical_date]
    earlier = {date: one for date, one in dated if date < now}
    headers = _headers(runs, specs, [one.ref for one in earlier.values()])
    for date in sorted(earlier, reverse=True):
        header = headers.get(earlier[date].ref)
        if header is not None and header.state is RunState.SUCCESS:
            return _dates(earlier[date], header)
    return None


def completed_seconds(runs: RunStore, specs: SpecStore, dag: Dag, most: int) -> list[float]:
    """How long the last completed runs took, by logical dates, the last one first. Runs that still go on are few."""
    found = runs.recent(dag.dag_id, most + dag.max_active_runs + 1)
    headers = _headers(runs, specs, [one.ref for one in found])
    ordered = sorted(found, key=lambda one: one.logical_date or "", reverse=True)
    ended = [header for one in ordered if (header := headers.get(one.ref)) is not None]
    return [header.end - header.start for header in ended if header.end is not None and header.start is not None][:most]


def last_headers(runs: RunStore, specs: SpecStore, info: RunInfo, most: int) -> list[Header]:
    """The headers of the last runs of a DAG by logical date, that run among them although the index may lag behind it."""
    found = {one.ref: one for one in (*runs.recent(info.ref.dag_id, LOOKED_AT), info)}
    last = sorted(found.values(), key=lambda one: (one.logical_date or "", one.created), reverse=True)[:most]
    headers = _headers(runs, specs, [one.ref for one in last])
    return [header for one in last if (header := headers.get(one.ref)) is not None]


def _headers(runs: RunStore, specs: SpecStore, refs: list[RunRef]) -> dict[RunRef, Header | None]:
    numbers = {ref: header_item(Layout(len(specs.get(ref.version).tasks))) for ref in refs}
    found = runs.read_runs({ref: (number,) for ref, number in numbers.items()})
    return {ref: items[numbers[ref]].header for ref, items in found.items()}


def _dates(info: RunInfo, header: Header) -> Mapping[str, str | None]:
    return {
        "data_interval_start": info.data_interval_start,
        "data_interval_end": info.data_interval_end,
        "start_date": _iso(header.start),
        "end_date": _iso(header.end),
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
