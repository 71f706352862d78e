"""What a task is told about itself and its run, as plain JSON (see `leeward.worker.context.context_of`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from leeward.core.dag import Json
from leeward.operators.base import Attempt


def facts(attempt: Attempt) -> Mapping[str, Json]:
    """The facts of one try."""
    dag, task, run = attempt.dag, attempt.task, attempt.run
    return {
        "dag_id": dag.dag_id,
        "task_id": task.task_id,
        "run_id": run.ref.run_id,
        "run_type": run.run_type.value,
        "try_number": attempt.try_number,
        "max_tries": attempt.max_tries,
        "map_index": attempt.map_index,
        "map_index_template": task.map_index_template,
        "owner": task.owner,
        "retries": task.retry.retries,
        "description": dag.description,
        "tags": list(dag.tags),
        "params": {**dag.params, **task.params, **run.conf},
        "conf": dict(run.conf),
        "logical_date": run.logical_date,
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "run_after": run.run_after,
        "start_date": _iso(attempt.start),
        "run_start_date": _iso(run.created),
    }


def airflow_variables(attempt: Attempt) -> Mapping[str, str]:
    """The AIRFLOW_CTX_* variables that Airflow gives to every task's environment."""
    run = attempt.run
    found = {
        "AIRFLOW_CTX_DAG_OWNER": attempt.task.owner,
        "AIRFLOW_CTX_DAG_ID": attempt.dag.dag_id,
        "AIRFLOW_CTX_TASK_ID": attempt.task.task_id,
        "AIRFLOW_CTX_LOGICAL_DATE": run.logical_date or "",
        "AIRFLOW_CTX_TRY_NUMBER": str(attempt.try_number),
        "AIRFLOW_CTX_DAG_RUN_ID": run.ref.run_id,
    }
    return {name: value for name, value in found.items() if value}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
