"""`leeward tasks`: the task instances of a run."""

from __future__ import annotations

import json

import click

from leeward.aws.installation import Installation
from leeward.cli.remote import chosen_run, found, lasted, options, table
from leeward.core.rows import Row
from leeward.core.run import Entry
from leeward.core.states import FAILURES, TaskState
from leeward.engine.see_run import Seen


@click.command("tasks")
@click.argument("dag_id")
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@options
def command(
    dag_id: str, run_id: str | None, as_json: bool, stack: str, profile: str | None, region: str | None
) -> None:
    """Show the task instances of a run, by default the last one, and why tasks failed."""
    here = found(stack, profile, region)
    seen = chosen_run(here, dag_id, run_id)
    errors = _errors(here, seen)
    if as_json:
        tasks = [[r.task_id, r.map_index, r.entry.state.value, r.entry.try_number] for r in seen.rows]
        about = {"dag_id": dag_id, "run_id": seen.info.ref.run_id, "dag_run_state": seen.header.state.value}
        click.echo(json.dumps({**about, "tasks": sorted(tasks), "errors": errors}))
        return
    click.echo(f"{dag_id} {seen.info.ref.run_id}: {seen.header.state.value}")
    shown = [
        (_named(here, seen, row), row.entry.state.value, str(row.entry.try_number), _lasted(row.entry))
        for row in seen.rows
    ]
    click.echo(table(("task", "state", "try", "seconds"), shown))
    for task_id, error in errors.items():
        click.echo(f"{task_id}: {error}")


def _errors(here: Installation, seen: Seen) -> dict[str, str]:
    """Why tries failed, by task instance: the last one of each that has failed or waits for its next."""
    found_errors: dict[str, str] = {}
    for row in seen.rows:
        if row.entry.state in FAILURES or row.entry.state is TaskState.UP_FOR_RETRY:
            error = here.attempts.error(seen.info.ref, row.address, row.entry.try_number)
            if error is not None:
                found_errors[row.name] = error
    return found_errors


def _named(here: Installation, seen: Seen, row: Row) -> str:
    """A task instance by its name, and by that which `map_index_template` gave it."""
    template = seen.dag.task(row.task_id).map_index_template
    name = (
        here.attempts.instance_name(seen.info.ref, row.address, row.entry.try_number)
        if template and row.map_index >= 0
        else None
    )
    return row.name if name is None else f"{row.name} {name}"


def _lasted(entry: Entry) -> str:
    return lasted(entry.start, entry.end)
