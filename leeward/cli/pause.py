"""`leeward pause`: no more runs of a DAG, until further notice."""

from __future__ import annotations

import click

from leeward.cli.remote import found, options


@click.command("pause")
@click.argument("dag_id")
@options
def command(dag_id: str, stack: str, profile: str | None, region: str | None) -> None:
    """Pause a DAG of an installation: no scheduled run starts, others are queued. What is running goes on."""
    changed = found(stack, profile, region).set_paused(dag_id, paused=True)
    click.echo(f"{dag_id}: paused" if changed else f"{dag_id} was paused already")
