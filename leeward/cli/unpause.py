"""`leeward unpause`: runs of a DAG that was paused."""

from __future__ import annotations

import click

from leeward.cli.remote import found, options


@click.command("unpause")
@click.argument("dag_id")
@options
def command(dag_id: str, stack: str, profile: str | None, region: str | None) -> None:
    """Resume a paused DAG of an installation; its queued runs start."""
    changed = found(stack, profile, region).set_paused(dag_id, paused=False)
    click.echo(f"{dag_id}: resumed" if changed else f"{dag_id} was not paused")
