"""`leeward runs`: the last runs of a DAG, or of every DAG."""

from __future__ import annotations

import json

import click

from leeward.cli.remote import clock, found, lasted, options, table
from leeward.core.errors import UsageError
from leeward.engine.see_run import see_recent


@click.command("runs")
@click.argument("dag_id", required=False)
@click.option("-n", "limit", type=click.IntRange(1, 100), default=10, show_default=True, help="Runs a DAG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@options
def command(dag_id: str | None, limit: int, as_json: bool, stack: str, profile: str | None, region: str | None) -> None:
    """Show the last runs of a DAG, or of every DAG that is live, the newest first."""
    here = found(stack, profile, region)
    names = [dag_id] if dag_id else [live.dag_id for live in here.specs.all_live()]
    seen = [run for name in names for run in see_recent(here.runs, here.specs, name, limit)]
    if dag_id and not seen and here.specs.live(dag_id) is None:
        raise UsageError("LW306", f"there is no DAG {dag_id!r}")
    rows = [
        (run.info.ref.dag_id, run.info.ref.run_id, run.header.state.value, run.header.start, run.header.end)
        for run in seen
    ]
    if as_json:
        names_of = ("dag_id", "run_id", "state", "start", "end")
        click.echo(json.dumps([dict(zip(names_of, row, strict=True)) for row in rows]))
        return
    shown = [(dag, run, state, clock(start), lasted(start, end)) for dag, run, state, start, end in rows]
    click.echo(table(("dag", "run", "state", "start", "seconds"), shown))
