"""What a person sees while a run moves, and the table at its end.

Progress is one line a change, to standard error, so that standard output holds the result alone. Colour only on a
terminal; rich is imported only when something is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Final, TextIO

from leeward.core.dag import Json
from leeward.core.states import TaskState
from leeward.operators.base import Attempt

if TYPE_CHECKING:
    from rich.console import Console

COLOURS: Final = {
    TaskState.SUCCESS: "green",
    TaskState.FAILED: "bold red",
    TaskState.UPSTREAM_FAILED: "dark_orange",
    TaskState.SKIPPED: "magenta",
    TaskState.UP_FOR_RETRY: "yellow",
    TaskState.DEFERRED: "medium_purple",
    TaskState.RUNNING: "cyan",
}
"""Airflow's colours of states, as near as a terminal has them."""

MARKS: Final = {
    TaskState.SUCCESS: "✔",
    TaskState.FAILED: "✘",
    TaskState.UPSTREAM_FAILED: "✘",
    TaskState.SKIPPED: "»",
    TaskState.UP_FOR_RETRY: "↻",
    TaskState.DEFERRED: "…",
    TaskState.RUNNING: "▶",
}
"""A mark a state, so that colour is never the only difference."""


def progress_on(stream: TextIO, *, quiet: bool) -> Progress:
    """Progress on a stream, or none at all."""
    if quiet:
        return Progress()
    from rich.console import Console

    return Progress(Console(file=stream, highlight=False, soft_wrap=True))


@dataclass(frozen=True, slots=True)
class Row:
    """One task instance of the final table; times are seconds since the epoch."""

    task_id: str
    state: TaskState
    try_number: int
    start: float | None
    end: float | None

    @property
    def seconds(self) -> str:
        """How long its last try took."""
        return "" if self.start is None or self.end is None else f"{self.end - self.start:.2f}"


@dataclass
class Progress:
    """Prints changes and log lines as they come. `console` is None when nothing is to be shown."""

    console: Console | None = None
    _lock: Lock = field(default_factory=Lock)

    def event(self, event: Mapping[str, Json]) -> None:
        """Print one line of the event log, if it is one that a person waits for."""
        task_id, state = event.get("task_id"), str(event["to"])
        if task_id is None:
            what = event["cause"] if "deadline" in event else state
            self._print(f"{_clock(event)}  run {event['run_id']} {what}", None)
            return
        if state not in {each.value for each in MARKS} or event["from"] == state:
            return
        known = TaskState(state)
        if event.get("map_index", -1) != -1:
            task_id = f"{task_id}[{event['map_index']}]"
        cause = event["cause"] if known not in (TaskState.SUCCESS, TaskState.RUNNING) else ""
        text = f"{_clock(event)}  {MARKS[known]} {task_id}  {state}"
        if known is TaskState.UP_FOR_RETRY or event["try_number"] not in (0, 1):
            text += f"  (try {event['try_number']})"
        self._print(f"{text}  {cause}".rstrip(), COLOURS[known])

    def line(self, attempt: Attempt, text: str) -> None:
        """Print one line of a task's log."""
        self._print(f"              {attempt.name} | {text}", "dim")

    def table(self, rows: Sequence[Row]) -> str:
        """The final table, rows in the DAG's order."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("task", "state", "try", "seconds"):
            table.add_column(column, justify="right" if column in ("try", "seconds") else "left")
        for row in rows:
            colour = COLOURS.get(row.state, "default")
            state = f"[{colour}]{MARKS.get(row.state, ' ')} {row.state}[/]"
            table.add_row(escape(row.task_id), state, str(row.try_number), row.seconds)
        console = Console(highlight=False)
        with console.capture() as captured:
            console.print(table)
        return captured.get()

    def _print(self, text: str, style: str | None) -> None:
        if self.console is not None:
            with self._lock:
                self.console.print(text, style=style, markup=False)


def _clock(event: Mapping[str, Json]) -> str:
    at = datetime.fromisoformat(str(event["at"])).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
