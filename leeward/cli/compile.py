"""`leeward compile`: what a spec compiles to."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leeward.cli.load import compile_file, report_problems
from leeward.core.dag import Dag
from leeward.spec.schedule import describe


@click.command("compile")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dag-id", help="Only this DAG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a list.")
def command(spec: Path, dag_id: str | None, as_json: bool) -> None:
    """Compile a spec and show its DAGs with their tasks and edges.

    Exit code 0, or 2 if the spec has an error (the DAGs without errors are shown all the same).
    """
    compiled = compile_file(spec)
    report_problems(compiled)
    dags = [dag for dag in compiled.dags if dag_id in (None, dag.dag_id)]
    if as_json:
        click.echo(json.dumps({"dags": [_dag(dag) for dag in dags]}))
    else:
        for dag in dags:
            _print(dag)
    missing = dag_id is not None and not dags
    if missing:
        click.echo(f"error: there is no DAG {dag_id!r} in {spec}", err=True)
    raise SystemExit(2 if compiled.report.errors or missing else 0)


def _print(dag: Dag) -> None:
    click.echo(f"{dag.dag_id}  schedule: {describe(dag.schedule)}  tasks: {len(dag.tasks)}")
    for task in dag.tasks:
        after = f"  after {', '.join(task.upstream)}" if task.upstream else ""
        rule = "" if task.trigger_rule == "all_success" else f"  [{task.trigger_rule}]"
        click.echo(f"  {task.task_id}  {task.operator}{rule}{after}")


def _dag(dag: Dag) -> dict[str, object]:
    return {
        "dag_id": dag.dag_id,
        "schedule": dag.schedule,
        "timetable": describe(dag.schedule),
        "start_date": dag.start_date,
        "end_date": dag.end_date,
        "catchup": dag.catchup,
        "tags": list(dag.tags),
        "tasks": [
            {
                "task_id": task.task_id,
                "operator": task.operator,
                "trigger_rule": task.trigger_rule.value,
                "retries": task.retry.retries,
                "group": task.group,
            }
            for task in dag.tasks
        ],
        "edges": sorted([up, task.task_id] for task in dag.tasks for up in task.upstream),
    }
