"""`leeward logs`: what the tasks of a run have written."""

from __future__ import annotations

import time

import click

from leeward.aws.installation import Installation, LogLine
from leeward.cli.remote import chosen_run, clock, found, options, over

SETTLING_SECONDS = 10.0
"""Lines reach CloudWatch some seconds after they were written: a follower stays as much longer than the run."""


@click.command("logs")
@click.argument("dag_id")
@click.argument("run_id", required=False)
@click.argument("task_id", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@options
def command(
    dag_id: str,
    run_id: str | None,
    task_id: str | None,
    follow: bool,
    stack: str,
    profile: str | None,
    region: str | None,
) -> None:
    """Show what the tasks of a run have written; by default of the last run, of all its tasks."""
    here = found(stack, profile, region)
    seen = chosen_run(here, dag_id, run_id)
    since = int(1000 * (seen.header.start or seen.info.created))
    printed: set[LogLine] = set()
    end: float | None = None
    while True:
        _print_new(here, dag_id, seen.info.ref.run_id, task_id, since, printed)
        if not follow or (end is not None and time.monotonic() > end):
            return
        if end is None and over(chosen_run(here, dag_id, seen.info.ref.run_id)):
            end = time.monotonic() + SETTLING_SECONDS
        time.sleep(1.0)


def _print_new(
    here: Installation, dag_id: str, run_id: str, task_id: str | None, since: int, printed: set[LogLine]
) -> None:
    lines = [line for line in here.log_lines(dag_id, run_id, since) if line not in printed]
    for line in sorted(lines, key=lambda each: each.at):
        printed.add(line)
        if task_id in (None, line.task_id, line.task_id.partition("[")[0]):
            click.echo(_shown(line))


def _shown(line: LogLine) -> str:
    again = f" (try {line.try_number})" if line.try_number > 1 else ""
    return f"{clock(line.at / 1000)} {line.task_id}{again} | {line.text}"
