"""Airflow's task context, made from plain JSON.

The same for templates and for callables. `ds` and its kin exist only when the run has a logical date.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leeward.worker.channel import (
    Channel,
    Connections,
    DagInfo,
    DagRun,
    Params,
    TaskInfo,
    TaskInstance,
    Variables,
    VariableSpaces,
    moments,
)


def context_of(facts: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """The context of one try.

    `facts` holds dag_id, task_id, run_id, run_type, try_number, max_tries, map_index, owner, retries, description, tags,
    params, conf, and the dates logical_date, data_interval_start, data_interval_end (ISO 8601 or null), run_after,
    start_date, run_start_date (ISO 8601). A mapped instance also has expanded_ti_count and map_index_template.
    """
    names = ("logical_date", "data_interval_start", "data_interval_end")
    dates = dict(moments({name: facts[name] for name in names}))
    start = datetime.fromisoformat(facts["start_date"])
    ti = TaskInstance(
        facts["task_id"],
        facts["dag_id"],
        facts["run_id"],
        facts["try_number"],
        facts["max_tries"],
        facts["map_index"],
        start,
        channel,
    )
    context = {
        "conn": Connections(channel),
        "dag": DagInfo(facts["dag_id"], facts["description"], tuple(facts["tags"])),
        "dag_run": _dag_run(facts, dates),
        "data_interval_start": dates["data_interval_start"],
        "data_interval_end": dates["data_interval_end"],
        "map_index_template": facts.get("map_index_template"),
        "params": Params(facts["params"]),
        "run_id": facts["run_id"],
        "task": TaskInfo(facts["task_id"], facts["owner"], facts["retries"]),
        "task_instance": ti,
        "task_instance_key_str": f"{facts['dag_id']}__{facts['task_id']}__{_nodash(dates['logical_date'])}",
        "test_mode": False,
        "ti": ti,
        "try_number": facts["try_number"],
        "var": VariableSpaces(Variables(channel), Variables(channel, parsed=True)),
    }
    if facts.get("expanded_ti_count") is not None:
        context["expanded_ti_count"] = facts["expanded_ti_count"]
    if dates["logical_date"] is not None:
        context.update(_logical(dates["logical_date"]))
    return context


def _nodash(date: datetime | None) -> str:
    return "" if date is None else f"{date:%Y%m%d}"


def _dag_run(facts: Mapping[str, Any], dates: Mapping[str, datetime | None]) -> DagRun:
    return DagRun(
        facts["dag_id"],
        facts["run_id"],
        facts["run_type"],
        dates["logical_date"],
        dates["data_interval_start"],
        dates["data_interval_end"],
        datetime.fromisoformat(facts["run_after"]),
        datetime.fromisoformat(facts["run_start_date"]),
        facts["conf"],
    )


def _logical(date: datetime) -> dict[str, Any]:
    text = date.isoformat()
    return {
        "logical_date": date,
        "ds": f"{date:%Y-%m-%d}",
        "ds_nodash": f"{date:%Y%m%d}",
        "ts": text,
        "ts_nodash": f"{date:%Y%m%dT%H%M%S}",
        "ts_nodash_with_tz": text.replace("-", "").replace(":", ""),
    }
