"""Templates against what Apache Airflow 3.3.2 made of them, to the character.

Each template is the first of a PythonOperator's `op_args`, downstream of `up` and `upj`, as it was when it was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leeward.core.dag import Dag
from leeward.core.errors import TaskError
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.bodies import RunXComs
from leeward.local.aws_calls import Refused
from leeward.local.processes import ProcessPool
from leeward.local.run_store import MemoryXComStore
from leeward.local.secrets import EnvironmentSecrets
from leeward.operators import CATALOGUE
from leeward.operators.base import Attempt, Services
from leeward.operators.rendering import rendered
from leeward.spec.compile import compile_spec

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "templates.json").read_text())
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"
PUSHED: dict[str, Any] = {"up": "hello world", "upj": {"k": "v", "n": [1, 2]}}


def _cases() -> Iterator[Any]:
    for case in RECORDED["cases"]:
        yield pytest.param(case, id=case["id"])


def _dag(context: Any, task_id: str, template: str) -> Dag:
    task = {
        "task_id": task_id,
        "operator": PYTHON,
        "python_callable": "callables.identity",
        "op_args": [template],
        "dependencies": ["up", "upj"],
    }
    spec = {**context["dag"], "tasks": [*context["upstream_tasks"], task]}
    compiled = compile_spec(json.dumps(spec), "spec.yml", CATALOGUE, now=datetime(2024, 4, 1, tzinfo=UTC), env={})
    assert [str(problem) for problem in compiled.report.found] == []
    return compiled.dags[0]


def _info(context: Any, dag: Dag) -> RunInfo:
    start, end = context["data_interval"]
    date = context["logical_date"]
    ref = RunRef(dag.dag_id, context["run_id"], "v")
    return RunInfo(ref, RunType.MANUAL, date, start, end, date, conf=context["conf"] or {})


def _services(context: Any, info: RunInfo) -> Services:
    variables: dict[str, str] = {
        f"AIRFLOW_VAR_{name.upper()}": value if isinstance(value, str) else json.dumps(value, indent=2)
        for name, value in context["variables"].items()
    }
    xcoms = MemoryXComStore()
    for task_id, value in PUSHED.items():
        xcoms.push(info.ref, task_id, -1, 1, {"return_value": value})
    secrets = EnvironmentSecrets(variables)
    user_code = ProcessPool(HERE, secrets, limit=1)
    return Services(Refused(), user_code, RunXComs(xcoms, info.ref), secrets, lambda line: None)


def _rendered(case: Any) -> Any:
    context = RECORDED["contexts"][case["context"]]
    dag = _dag(context, case["task_id"], case["template"])
    info = _info(context, dag)
    task = dag.task(case["task_id"])
    attempt = Attempt(dag, task, info, 1, 0, "owner", 0.0, index=dag.index[task.task_id])
    return rendered(attempt, _services(context, info))["op_args"][0]


@pytest.mark.parametrize("case", list(_cases()))
def test_template_renders_as_airflow_rendered_it(case: Any) -> None:
    if case.get("error"):
        with pytest.raises(TaskError, match="LW401"):
            _rendered(case)
    else:
        assert _rendered(case) == case["rendered"]
