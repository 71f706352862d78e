"""What a task is told about itself and its run, as plain JSON (see `leeward.worker.context.context_of`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from leeward.core.address import task_of
from leeward.core.dag import Dag, Json, Task
from leeward.operators.base import Attempt


def facts(attempt: Attempt) -> Mapping[str, Json]:
    """The facts of one try, as they travel to user code: nothing that grows with the DAG."""
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
        "dag": _dag(dag),
        "task": _task(task),
        "params": {**dag.params, **task.params, **run.conf},
        "conf": dict(run.conf),
        "logical_date": run.logical_date,
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "run_after": run.run_after,
        "start_date": _iso(attempt.start),
        "run_start_date": _iso(run.created),
    }


def all_facts(attempt: Attempt) -> Mapping[str, Json]:
    """The same, and what templates that are rendered here may know besides: the other tasks, and the task's arguments."""
    dag, task, known = attempt.dag, attempt.task, facts(attempt)
    around = {
        "upstream_task_ids": list(task.upstream),
        "downstream_task_ids": [dag.tasks[index].task_id for index in dag.graph.downstream[task_of(attempt.index)]],
    }
    return {
        **known,
        "dag": {**_dag(dag), "task_ids": [one.task_id for one in dag.tasks]},
        "task": {**task.arguments, **_task(task), **around},
    }


def _dag(dag: Dag) -> dict[str, Json]:
    owners = dict.fromkeys(task.owner for task in dag.tasks)
    return {
        "catchup": dag.catchup,
        "dag_display_name": dag.display_name or dag.dag_id,
        "description": dag.description or None,
        "doc_md": dag.doc_md,
        "end_date": dag.end_date,
        "max_active_runs": dag.max_active_runs,
        "owner": ", ".join(owners),
        "params": dict(dag.params),
        "render_template_as_native_obj": dag.render_template_as_native_obj,
        "schedule": dag.schedule_text,
        "start_date": dag.start_date,
        "tags": list(dag.tags),
        "timezone": dag.timezone,
    }


def _task(task: Task) -> dict[str, Json]:
    return {
        "do_xcom_push": task.do_xcom_push,
        "doc_md": task.doc,
        "execution_timeout": task.execution_timeout_seconds,
        "max_retry_delay": task.retry.max_delay_seconds,
        "owner": task.owner,
        "params": dict(task.params),
        "retries": task.retry.retries,
        "retry_delay": task.retry.delay_seconds,
        "retry_exponential_backoff": task.retry.multiplier,
        "task_display_name": task.task_id,
        "task_type": task.operator.rpartition(".")[2],
        "trigger_rule": task.trigger_rule.value,
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
