"""`leeward schema`: the JSON Schema of specs."""

from __future__ import annotations

import json

import click

from leeward.operators import CATALOGUE
from leeward.spec.schema import json_schema


@click.command("schema")
@click.option("--json", "as_json", is_flag=True, help="Print it on one line.")
def command(as_json: bool) -> None:
    """Print the draft-07 JSON Schema of specs.

    In an editor with the YAML language server, put `# yaml-language-server: $schema=leeward.schema.json` on the
    first line of a spec.
    """
    click.echo(json.dumps(json_schema(CATALOGUE), indent=None if as_json else 2))
