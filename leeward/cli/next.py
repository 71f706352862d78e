"""`leeward next`: when the next runs of a DAG are, as a scheduler that has none yet would create them from a time on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from leeward.cli.load import choose, compile_file
from leeward.cli.remote import table
from leeward.core.dag import Dag
from leeward.core.errors import UsageError
from leeward.spec.timetable import Due, Unsettled, next_run

COLUMNS = ("logical date", "data interval start", "data interval end", "run after")


@click.command("next")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dag-id", help="The DAG, if the spec holds several.")
@click.option("--now", help="From this time on (ISO 8601, UTC unless it says more); by default the present.")
@click.option("-n", "--number", type=click.IntRange(min=1), default=5, show_default=True, help="How many runs.")
@click.option(
    "--cron-data-intervals",
    is_flag=True,
    help="Read plain schedules as Airflow does with [scheduler] create_cron_data_intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list of rows instead of a table.")
def command(
    spec: Path, dag_id: str | None, now: str | None, number: int, cron_data_intervals: bool, as_json: bool
) -> None:
    """Show the next runs of a DAG: logical date, data interval, and the time after which each may start, in UTC.

    With catchup they begin at the start date, without it at the latest one that is due. Fewer are shown if no more come.
    """
    dag = choose(compile_file(spec, data_intervals=cron_data_intervals), dag_id)
    rows = [_row(due) for due in islice(_runs(dag, _moment(now)), number)]
    click.echo(json.dumps(rows) if as_json else table(COLUMNS, rows))


def _runs(dag: Dag, now: datetime) -> Iterator[Due]:
    """Run after run, the clock moving on to where each may start. Raises UsageError."""
    last: Due | None = None
    try:
        while (last := next_run(dag, last, now)) is not None:
            now = max(now, last.run_after)
            yield last
    except Unsettled as error:
        raise UsageError("LW340", f"a clock in {dag.timezone} has just been set: look a little later") from error


def _row(due: Due) -> list[str]:
    return [_text(moment) for moment in (due.logical_date, due.start, due.end, due.run_after)]


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("LW308", f"{text!r} is no date: write 2026-01-31T06:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
