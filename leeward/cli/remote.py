"""What every command against an installation shares: how it is found, and how a table is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from leeward.aws.installation import Installation, installation
from leeward.core.errors import UsageError
from leeward.core.run import RunInfo
from leeward.core.states import RUN_FINISHED
from leeward.engine.see_run import Seen, see_run

Command = Callable[..., Any]


def options(function: Command) -> Command:
    """`--stack`, `--profile`, `--region`: the caller's own credentials, as any AWS tool finds them."""
    for option in (
        click.option("--region", help="AWS region; by default the profile's."),
        click.option("--profile", help="AWS profile; by default the environment's."),
        click.option(
            "--stack", default="Leeward", show_default=True, envvar="LEEWARD_STACK", help="Name of the stack."
        ),
    ):
        function = option(function)
    return function


def found(stack: str, profile: str | None, region: str | None) -> Installation:
    """The installation that the options name."""
    return installation(stack, profile, region)


def chosen_run(here: Installation, dag_id: str, run_id: str | None) -> Seen:
    """A run by its id, or the DAG's last one. Raises UsageError."""
    info: RunInfo | None
    if run_id is None:
        recent = here.runs.recent(dag_id, 1)
        info = recent[0] if recent else None
    else:
        info = here.runs.info(dag_id, run_id)
    seen = None if info is None else see_run(here.runs, here.specs, info)
    if seen is None:
        raise UsageError("LW301", f"{dag_id} has no run {run_id or 'yet'}")
    return seen


def over(seen: Seen) -> bool:
    """Whether a run has ended."""
    return seen.header.state in RUN_FINISHED


def lasted(start: float | None, end: float | None) -> str:
    """A duration in seconds, empty where it has no end."""
    return "" if start is None or end is None else f"{end - start:.1f}"


def clock(moment: float | None) -> str:
    """A moment in UTC, to the second."""
    return "" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as rich prints it: aligned, without lines."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=True)
    for row in rows:
        made.add_row(*map(escape, row))
    console = Console(highlight=False, width=1000)
    with console.capture() as captured:
        console.print(made)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
