"""Public workflows of other projects: what dag-factory builds, we compile to the same tasks and edges.

Whatever a feature that is not supported yet keeps from compiling is named here, file by file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from leeward.core.dag import Dag
from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.schedule import describe
from tests.spec.reading import NOW

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
FACTORY = SAMPLES / "dag-factory"
SERVERLESS = SAMPLES / "mwaa-serverless"

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the public workflows are not beside this checkout")

ASSETS: Final = "asset"
BLOCKED: Final[Mapping[str, str]] = {
    "dev/dags/asset_triggered_dags.yml": ASSETS,
    "dev/dags/datasets/example_dag_datasets_outlet_inlet.yml": ASSETS,
    "dev/dags/example_object_storage.yml": "__type__ airflow.io.path.ObjectStoragePath",
    "dev/dags/external_task_sensor.yml": "ExternalTaskSensor",
}
"""Files that dag-factory builds and that a later feature blocks: a word of the message that says so."""

BEYOND: Final = {"tests/fixtures_without_default_yaml/dag_factory.yml": ("example_dag3",)}
"""DAGs that compile here and that dag-factory can't build: their documentation is made by code that is not there."""

ACCEPTED: Final = {
    "dev/dags/airflow3/example_dag_factory_default_config.yml": "tasks of the default block merge by name here",
    "dev/dags/example_dag_factory_tasks_taskgroups_as_dict_format.yml": "schedule_interval is read as schedule",
    "tests/fixtures/dag_factory_schedule_interval.yml": "schedule_interval is read as schedule",
    "dev/dags/comparison/example_hackernews_dagfactory.yml": "its callable needs pandas, which compiling does not import",
    "dev/dags/comparison/example_pypi_stats_dagfactory.yml": "its callable needs pandas, which compiling does not import",
    "dev/dags/example_callbacks.yml": "its notifiers need providers, which compiling does not import",
    "dev/dags/airflow2/example_custom_py_object_dag.yml": "executor_config is about Airflow's executors and not read",
}
"""Files that dag-factory can't build and that compile here, with the reason."""


def _defaults(path: Path, root: Path) -> list[tuple[str, str]]:
    folders = [folder for folder in [path.parent, *path.parents] if folder.is_relative_to(root)][::-1]
    files = [folder / "defaults.yml" for folder in folders]
    return [(str(file), file.read_text()) for file in files if file.exists()]


def _compiled(path: Path) -> Compiled:
    root = FACTORY / "dev" / "dags" if "dev/dags" in path.as_posix() else path.parent
    return compile_spec(
        path.read_text(),
        path.name,
        CATALOGUE,
        now=NOW,
        env={"CONFIG_ROOT_DIR": "/specs"},
        defaults=_defaults(path, root),
        variables={"var1": "echo 3"}.get,
    )


def _structure(dag: Dag) -> dict[str, Any]:
    downstream: dict[str, list[str]] = {task.task_id: [] for task in dag.tasks}
    for task in dag.tasks:
        for up in task.upstream:
            downstream[up].append(task.task_id)
    return {
        "catchup": dag.catchup,
        "timetable": describe(dag.schedule),
        "tasks": {
            task.task_id: {
                "downstream": sorted(downstream[task.task_id]),
                "mapped": dag.expansions[dag.index[task.task_id]] is not None,
                "retries": task.retry.retries,
                "trigger_rule": f"TriggerRule.{task.trigger_rule.name}",
                "type": task.operator.rpartition(".")[2],
            }
            for task in dag.tasks
        },
    }


def _wanted(structure: Mapping[str, Any]) -> dict[str, Any]:
    return {key: structure[key] for key in ("catchup", "timetable", "tasks")}


def _recorded() -> dict[str, Any]:
    if not FACTORY.exists():
        return {}
    found: dict[str, Any] = json.loads((FACTORY / "expected-structure.json").read_text())
    return found


BUILT = sorted(name for name, record in _recorded().items() if record["dags"])
NOT_BUILT = sorted(name for name, record in _recorded().items() if not record["dags"])


@pytest.mark.parametrize("name", BUILT)
def test_what_dag_factory_builds_compiles_to_the_same_tasks_and_edges(name: str) -> None:
    found = _compiled(FACTORY / name)
    if name in BLOCKED:
        assert any(BLOCKED[name] in str(error) for error in found.report.errors), found.report.errors
        return
    record = _recorded()[name]
    mine = {dag.dag_id: _structure(dag) for dag in found.dags if dag.dag_id not in BEYOND.get(name, ())}
    assert mine == {dag_id: _wanted(structure) for dag_id, structure in record["dags"].items()}, found.report.errors


@pytest.mark.parametrize("name", NOT_BUILT)
def test_what_dag_factory_cannot_build_is_an_error_or_accepted_for_a_reason(name: str) -> None:
    errors = _compiled(FACTORY / name).report.errors
    assert bool(errors) != (name in ACCEPTED), errors


def _serverless() -> list[Path]:
    return sorted(SERVERLESS.glob("*/*.yaml"))


def _uses_only_supported(path: Path) -> bool:
    lines = [line.strip() for line in path.read_text().splitlines()]
    named = [line.removeprefix("operator:").strip(" '\"") for line in lines if line.startswith("operator:")]
    return all(CATALOGUE.find(name) is not None for name in named)


@pytest.mark.parametrize("path", _serverless(), ids=lambda path: path.name)
def test_serverless_workflow_compiles_or_names_what_it_needs(path: Path) -> None:
    found = _compiled(path)
    later = {"LW137", "LW121", "LW106"}
    codes = {error.code for error in found.report.errors}
    if path.name == "invalid_test_dag.yaml":
        assert codes == {"LW127"}
    elif _uses_only_supported(path):
        of_mapping = {"LW140"} if "partial:" in path.read_text() else set()
        assert codes <= {"LW121"} | of_mapping, found.report.errors
    else:
        assert codes
        assert codes <= later, [str(e) for e in found.report.errors if e.code not in later]
