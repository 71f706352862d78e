"""`leeward trigger`: start a run in an installation."""

from __future__ import annotations

import json
import time

import click

from leeward.cli.load import json_object
from leeward.cli.remote import chosen_run, found, options, over
from leeward.core.states import RunState


@click.command("trigger")
@click.argument("dag_id")
@click.option("--logical-date", metavar="T", help="ISO 8601; now by default. No offset means UTC.")
@click.option("--run-id", help="By default manual__LOGICAL_DATE.")
@click.option("--conf", metavar="JSON", default="{}", help="A JSON object: dag_run.conf.")
@click.option("--wait", is_flag=True, help="Wait for the run's end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@options
def command(
    dag_id: str,
    logical_date: str | None,
    run_id: str | None,
    conf: str,
    wait: bool,
    as_json: bool,
    stack: str,
    profile: str | None,
    region: str | None,
) -> None:
    """Start a run of a DAG that is live. Exit code 1 if it was waited for and failed."""
    here = found(stack, profile, region)
    request = {"dag_id": dag_id, "conf": json_object(conf), "logical_date": logical_date, "run_id": run_id}
    name = str(here.trigger(request)["run_id"])
    state = RunState.RUNNING
    if wait:
        while not over(seen := chosen_run(here, dag_id, name)):
            time.sleep(1.0)
        state = seen.header.state
    click.echo(json.dumps({"dag_id": dag_id, "run_id": name, "state": state}) if as_json else f"{name} {state}")
    raise SystemExit(1 if state is RunState.FAILED else 0)
