"""Final states, tries and XComs of whole runs, against outcomes recorded from Apache Airflow 3.3.2.

A case whose outcome depends in Airflow on which task ends first is met by any of the recorded outcomes. The family `scopes`
holds random DAGs with setups, teardowns, groups and dates of tasks, some of them refused; XComs were not recorded for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leeward.core.dag import Dag
from leeward.core.rows import rows
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.drop_spec import drop_spec
from leeward.engine.scope import open_scope
from leeward.local.aws_calls import Refused
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import Local, local
from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.version import version

HERE = Path(__file__).parent
FAMILIES = ("branching", "mapping", "retries", "scopes", "setup_teardown", "task_groups", "trigger_rules", "xcom")
NOW = datetime(2024, 2, 1, tzinfo=UTC)


def _cases() -> Iterator[Any]:
    for family in FAMILIES:
        for case in json.loads((HERE / f"{family}.json").read_text()):
            yield pytest.param(case, id=case["id"])


@pytest.fixture(scope="module")
def installation() -> Iterator[Local]:
    here = local(
        HERE,
        Refused(),
        EnvironmentSecrets({"AIRFLOW_VAR_ORACLE_VAR": "var-value"}),
        parallelism=4,
        log=lambda attempt, line: None,
    )
    yield here
    here.close()


def _compiled(case: Any) -> Compiled:
    return compile_spec(json.dumps(case["spec"]), case["id"], CATALOGUE, now=NOW, env={})


def _run(here: Local, dag: Dag, case: Any) -> dict[str, Any]:
    date = case.get("logical_date", "2024-01-15T00:00:00+00:00")
    ref = RunRef(dag.dag_id, f"manual__{date}", version(dag))
    info = RunInfo(ref, RunType.MANUAL, date, date, date, date, conf=case.get("conf") or {})
    drop_spec(here.ports, [dag])
    header = here.runtime.run(info)
    scope = open_scope(here.ports, info)
    found = rows(dag, scope.read_instances(scope.read_all()), scope.absent)
    return {
        "dag_run_state": header.state.value,
        "tasks": sorted([r.task_id, r.map_index, r.entry.state.value, r.entry.try_number] for r in found),
        "xcom": [] if case["family"] == "scopes" else [list(row) for row in here.xcoms.returned(ref)],
    }


def _outcomes(case: Any) -> list[dict[str, Any]]:
    return [_comparable(one) for one in (case["expected"], *case.get("alternatives", ()))]


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    return {
        "dag_run_state": outcome["dag_run_state"],
        "tasks": sorted(outcome["tasks"]),
        "xcom": sorted(outcome.get("xcom", []), key=lambda row: row[:2]),
    }


@pytest.mark.parametrize("case", list(_cases()))
def test_outcome_is_airflows(case: Any, installation: Local) -> None:
    compiled = _compiled(case)
    if case["expected"].get("invalid"):
        assert compiled.report.errors
        return
    assert [str(problem) for problem in compiled.report.found] == []
    (dag,) = compiled.dags
    edges = sorted([up, task.task_id] for task in dag.tasks for up in task.upstream)
    assert edges == case["expected"]["edges"]
    assert _run(installation, dag, case) in _outcomes(case)
