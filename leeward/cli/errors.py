"""`leeward errors`: the mistakes of dropped specs."""

from __future__ import annotations

import json

import click

from leeward.cli.remote import found, options


@click.command("errors")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@options
def command(as_json: bool, stack: str, profile: str | None, region: str | None) -> None:
    """Show the mistakes of every dropped spec that is not live as it lies in the bucket.

    Exit code 0 if there is none, 2 if there are some.
    """
    records = found(stack, profile, region).drops.all()
    errors = {path: list(record.errors) for path, record in records.items() if record.errors}
    if as_json:
        click.echo(json.dumps(errors))
    else:
        click.echo("\n".join(line for lines in errors.values() for line in lines) or "no errors")
    raise SystemExit(2 if errors else 0)
