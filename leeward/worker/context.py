"""Airflow's task context, made from plain JSON.

The same for templates and for callables. `ds` and its kin exist only when the run has a logical date. What Airflow would
look up in its database and nobody can know here raises an error that says so when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

from leeward.templating.macros import macros
from leeward.templating.moments import ds, ds_nodash, moment, ts, ts_nodash, ts_nodash_with_tz
from leeward.worker.channel import Channel, Connections, Params, TaskInstance, Variables, VariableSpaces
from leeward.worker.known import Context, Known, Make, Member, absent

_ASSETS: Final = "asset events, which are not supported yet"
_STORE: Final = "Airflow's state store"
_ABSENT: Final[Mapping[str, str]] = {
    "inlet_events": _ASSETS,
    "outlet_events": _ASSETS,
    "task_state_store": _STORE,
    "asset_state_store": _STORE,
}
UNSET: Final[Mapping[str, Any]] = dict.fromkeys(
    ("exception", "expanded_ti_count", "partition_date", "partition_key", "reason", "templates_dict")
)
"""Names that Airflow sets only in some places (callbacks, mapped tasks, partitions): templates find None elsewhere."""
_DATES: Final = ("logical_date", "data_interval_start", "data_interval_end")
_SPANS: Final = ("retry_delay", "max_retry_delay", "execution_timeout")


def context_of(facts: Mapping[str, Any], channel: Channel) -> Context:
    """The context of one try.

    `facts` holds dag_id, task_id, run_id, run_type, try_number, max_tries, map_index, params, conf, the dates logical_date,
    data_interval_start, data_interval_end (ISO 8601 or null), run_after, start_date, run_start_date (ISO 8601), and what is
    known of the DAG and of the task, as `dag` and `task`: see `leeward.operators.facts`. A mapped instance also has
    expanded_ti_count and map_index_template.
    """
    dag = _dag(facts["dag"], facts["dag_id"])
    task = _task(facts["task"], facts["task_id"], dag)
    ti = TaskInstance(
        facts["task_id"],
        facts["dag_id"],
        facts["run_id"],
        facts["try_number"],
        facts["max_tries"],
        facts["map_index"],
        datetime.fromisoformat(facts["start_date"]),
        task,
        Member("TaskInstanceState", "running"),
        channel,
    )
    makers = {name: absent(name, needs) for name, needs in _ABSENT.items()}
    count = facts.get("expanded_ti_count")
    more = {} if count is None else {"expanded_ti_count": count}
    return Context(
        {**_values(facts, channel, dag, task), "ti": ti, "task_instance": ti, **_logical(facts), **more},
        {**makers, **_moments(facts), **_previous(facts, channel)},
    )


def _values(facts: Mapping[str, Any], channel: Channel, dag: Known, task: Known) -> dict[str, Any]:
    return {
        "conn": Connections(channel),
        "dag": dag,
        "dag_run": _dag_run(facts),
        "inlets": [],
        "macros": macros(),
        "map_index_template": facts.get("map_index_template"),
        "outlets": [],
        "params": Params(facts["params"]),
        "run_id": facts["run_id"],
        "task": task,
        "task_instance_key_str": f"{facts['dag_id']}__{facts['task_id']}__{facts['run_id']}",
        "task_reschedule_count": 0,
        "test_mode": False,
        "triggering_asset_events": {},
        "try_number": facts["try_number"],
        "var": VariableSpaces(Variables(channel), Variables(channel, True)),
    }


def _logical(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The names that are there only when the run has a logical date."""
    if facts["logical_date"] is None:
        return {}
    date = datetime.fromisoformat(facts["logical_date"])
    names = {f.__name__: f(date) for f in (ds, ds_nodash, ts, ts_nodash, ts_nodash_with_tz)}
    return {**names, "task_instance_key_str": f"{facts['dag_id']}__{facts['task_id']}__{names['ds_nodash']}"}


def _moments(facts: Mapping[str, Any]) -> dict[str, Make]:
    if facts["logical_date"] is None:
        return {}
    return {name: _made(facts[name]) for name in _DATES}


def _previous(facts: Mapping[str, Any], channel: Channel) -> dict[str, Make]:
    """The dates of the successful run before this one; asked for once."""
    found = cache(channel.previous)
    names = {"start_date": "prev_start_date_success", "end_date": "prev_end_date_success"}
    if facts["logical_date"] is not None:
        names |= {name: f"prev_{name}_success" for name in ("data_interval_start", "data_interval_end")}

    def date(name: str) -> Any:
        dates = found()
        return None if dates is None else _made(dates[name])()

    return {shown: partial(date, name) for name, shown in names.items()}


def _made(text: str | None) -> Make:
    return lambda: None if text is None else moment(text)


def _dag_run(facts: Mapping[str, Any]) -> Known:
    """`dag_run`; its dates are plain ones, as in Airflow."""
    names = (*_DATES, "run_after")
    dates = {name: None if facts[name] is None else datetime.fromisoformat(facts[name]) for name in names}
    values = {
        "dag_id": facts["dag_id"],
        "run_id": facts["run_id"],
        "run_type": Member("DagRunType", facts["run_type"]),
        "state": Member("DagRunState", "running"),
        "conf": facts["conf"],
        "start_date": datetime.fromisoformat(facts["run_start_date"]),
        "end_date": None,
        "clear_number": 0,
        "consumed_asset_events": [],
        "partition_key": None,
        "triggering_user_name": None,
    }
    return Known(f"<DagRun {facts['dag_id']} @ {facts['run_id']}>", {**values, **dates})


def _dag(known: Mapping[str, Any], dag_id: str) -> Known:
    dates = {name: _made(known[name]) for name in ("start_date", "end_date")}
    rest = {name: value for name, value in known.items() if name not in dates}
    return Known(f"<DAG: {dag_id}>", {**rest, "dag_id": dag_id, "tags": set(known["tags"])}, dates)


def _task(known: Mapping[str, Any], task_id: str, dag: Known) -> Known:
    spans = {name: None if known[name] is None else timedelta(seconds=known[name]) for name in _SPANS}
    sets = {name: set(known[name]) for name in ("upstream_task_ids", "downstream_task_ids") if name in known}
    values = {"task_id": task_id, "dag": dag, "dag_id": dag.dag_id, "inlets": [], "outlets": [], "email": None}
    more = {"trigger_rule": Member("TriggerRule", known["trigger_rule"])}
    return Known(f"<Task({known['task_type']}): {task_id}>", {**known, **values, **spans, **sets, **more})
