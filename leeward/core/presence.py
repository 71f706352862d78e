"""Which tasks a run is without, because of their dates.

Airflow creates no task instance for a task whose start date lies behind the run's logical date, or whose end date lies
before it (`DagRun.verify_integrity` of Airflow 3.3); backfills, and runs without a logical date, have all of them. What is
not there never ends: whatever must wait for it waits for ever, and a run in which nothing else is left to do has failed.
The DAG's own dates bound its schedule and nothing else (see docs/adr/0010).
"""

from __future__ import annotations

from datetime import datetime

from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunType


def absent(dag: Dag, info: RunInfo) -> frozenset[int]:
    """The indexes of the tasks that have no instance in the run."""
    if not dag.spans or info.logical_date is None or info.run_type is RunType.BACKFILL:
        return frozenset()
    date = datetime.fromisoformat(info.logical_date)
    outside = (
        tasks
        for (start, end), tasks in dag.spans.items()
        if (start is not None and date < start) or (end is not None and end < date)
    )
    return frozenset().union(*outside)
