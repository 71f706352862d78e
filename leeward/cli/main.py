"""The command `leeward`. Each sub-command is a module of its own, imported only when it is called.

Exit codes everywhere: 0 = fine, 1 = the DAG run failed, 2 = bad usage or a bad spec.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from leeward.core.errors import UsageError

COMMANDS: Final = {
    "run": "Run a DAG to its end in this process.",
    "validate": "Report every mistake in specs.",
    "compile": "Show the DAGs, tasks and edges that a spec compiles to.",
    "next": "Show when the next runs of a DAG are.",
    "render": "Show the templated fields of a task, rendered.",
    "schema": "Print the JSON Schema of specs, for editors.",
    "drop": "Drop specs into an installation.",
    "errors": "Show the mistakes of dropped specs.",
    "trigger": "Start a run in an installation.",
    "pause": "Pause a DAG in an installation.",
    "unpause": "Resume a paused DAG in an installation.",
    "runs": "Show the last runs in an installation.",
    "tasks": "Show the task instances of a run in an installation.",
    "explain": "Tell why tasks of a run are not running, now or at any moment.",
    "logs": "Show what the tasks of a run in an installation have written.",
}


class Commands(click.Group):
    """A group whose members are modules `leeward.cli.<name>` with a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"leeward.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a request that makes no sense is bad usage, not a crash."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"error: {error}", err=True)
            raise SystemExit(2) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leeward")
def main() -> None:
    """Airflow's DAGs without the servers: write them in YAML, run them here or in your AWS account."""
