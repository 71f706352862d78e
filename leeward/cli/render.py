"""`leeward render`: the templated fields of one task as a run would give them to its operator."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from leeward.cli.load import choose, compile_file, fail, json_object
from leeward.cli.run import manual_run, times_of
from leeward.core.dag import Dag, Json, Task
from leeward.core.errors import TaskError
from leeward.core.facts import Succeeded
from leeward.engine.bodies import RunXComs
from leeward.local.aws_calls import Refused
from leeward.local.processes import ProcessPool
from leeward.local.run_store import MemoryXComStore
from leeward.local.secrets import EnvironmentSecrets
from leeward.operators import CATALOGUE
from leeward.operators.base import Attempt, Services
from leeward.operators.rendering import Fields, for_user_code, render_job, rendered
from leeward.spec.diagnostics import closest
from leeward.spec.params import param_problems


@click.command("render")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("task_id")
@click.option("--dag-id", help="The DAG of the task, where the spec holds several.")
@click.option("--logical-date", metavar="T", help="ISO 8601; now by default. No offset means UTC.")
@click.option("--map-index", type=click.IntRange(min=-1), default=-1, help="Of a mapped task: which instance.")
@click.option("--conf", metavar="JSON", default="{}", help="A JSON object: dag_run.conf.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def command(
    spec: Path, task_id: str, dag_id: str | None, logical_date: str | None, map_index: int, conf: str, as_json: bool
) -> None:
    """Print the templated fields of a task, rendered. Nothing is run, so that XComs of other tasks are None.

    Variables and connections come from AIRFLOW_VAR_* and AIRFLOW_CONN_*. Exit code 0, 1 if a template can't be rendered,
    2 for bad usage or a bad spec.
    """
    dag = choose(compile_file(spec), dag_id)
    task = _task(dag, task_id)
    given = json_object(conf)
    for problem in param_problems(dag, given):
        fail(problem)
    info = manual_run(dag, times_of(logical_date, None), None, given)
    start = datetime.now(UTC).timestamp()
    attempt = Attempt(dag, task, info, 1, task.retry.retries, "", start, index=dag.index[task_id], map_index=map_index)
    try:
        fields = _rendered(attempt, spec.resolve().parent)
    except TaskError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(1) from error
    click.echo(json.dumps(fields, default=str) if as_json else "\n".join(_shown(*field) for field in fields.items()))


def _task(dag: Dag, task_id: str) -> Task:
    if task_id not in dag.index:
        hint = closest(task_id, dag.index)
        fail(f"there is no task {task_id!r} in {dag.dag_id}" + (f", {hint}" if hint else ""))
    return dag.task(task_id)


def _templated(task: Task) -> list[str]:
    """The fields of a task that are templates, by the catalogue; of a class of the user's, all."""
    signature = CATALOGUE.find(task.operator)
    if signature is None:
        return list(task.arguments)
    return [name for name, parameter in signature.parameters.items() if parameter.templated and name in task.arguments]


def _rendered(attempt: Attempt, folder: Path) -> dict[str, Any]:
    secrets = EnvironmentSecrets(os.environ)
    user_code = ProcessPool(folder, secrets, limit=1)
    xcoms = RunXComs(MemoryXComStore(), attempt.run.ref)
    services = Services(Refused(), user_code, xcoms, secrets, _log)
    names = frozenset(_templated(attempt.task))
    try:
        if not CATALOGUE.runs_user_code(attempt.task.operator):
            return {name: value for name, value in rendered(attempt, services, names).items() if name in names}
        return _of_user_code(attempt, services, names)
    finally:
        user_code.close()


def _of_user_code(attempt: Attempt, services: Services, names: frozenset[str]) -> dict[str, Any]:
    """The same of a task that runs user code, where the DAG's macros may be user code too."""
    fields = for_user_code(attempt, services, names)
    chosen: dict[str, Json] = {name: value for name, value in fields.values.items() if name in names}
    if fields.templates is None:
        return chosen
    job = render_job(attempt, Fields(chosen, fields.templates))
    outcome = services.user_code.run(job, attempt, services.xcoms, services.log)
    if not isinstance(outcome, Succeeded):
        code, _, message = str(getattr(outcome, "error", outcome)).partition(" ")
        raise TaskError(code, message)
    found = outcome.xcoms["return_value"]
    assert isinstance(found, dict)
    return found


def _log(line: str) -> None:
    click.echo(line, err=True)


def _shown(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, default=str)
    return f"# {'-' * 58}\n# property: {name}\n# {'-' * 58}\n{text}\n"
