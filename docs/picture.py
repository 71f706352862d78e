"""Draws the picture of the dashboard's widget: real runs of the DAGs in `docs/picture`, by the engine, over its twins.

Two weeks of virtual time pass, in which bodies take their time, fail and wait as a seed says. What the widget then shows is
framed as CloudWatch frames it and photographed by a headless browser.

    python docs/picture.py [--theme dark] [OUTPUT.png | OUTPUT.html]
"""

from __future__ import annotations

import argparse
import heapq
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from leeward.aws.widgets import DEFAULT_RUNS
from leeward.core.dag import Json, Task
from leeward.core.facts import Deferred, Failed, Outcome, Succeeded
from leeward.engine.handle import handle
from leeward.engine.hints import Message, Result, Sweep
from leeward.engine.ports import Call, Plan, Ports
from leeward.engine.reconcile import Dropping, reconcile
from leeward.engine.see_dags import Watched, see_dags
from leeward.local.clock import SeededIds, VirtualClock
from leeward.local.gates import MemoryGates
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.queue import MemoryQueue
from leeward.local.run_store import MemoryAttemptStore, MemoryRunStore, MemoryXComStore
from leeward.local.spec_store import MemoryBucket, MemoryBundleStore, MemoryDropStore, MemoryRules, MemorySpecStore
from leeward.operators.base import Attempt, HandedOver
from leeward.views.grid import grid

DOCS: Final = Path(__file__).resolve().parent
BEGIN: Final = datetime(2026, 10, 20, tzinfo=UTC).timestamp()
END: Final = datetime(2026, 11, 4, 4, 33, 40, tzinfo=UTC).timestamp()
WIDTH: Final = 1060
SECONDS: Final = {
    "train": 1500.0,
    "features": 420.0,
    "load_warehouse": 300.0,
    "compact": 150.0,
    "wait_for_file": 60.0,
    "fetch": 170.0,
}
"""What bodies take on average, by the beginning of the task's id; others take fifteen seconds."""

AWS: Final = ("Glue", "Lambda", "S3", "Sns")
"""How operators begin whose jobs run in a service."""

RISKS: Final = {"check_totals": 0.2, "compact": 0.25, "extract_refunds": 0.15, "train.south": 0.45, "fetch.globex": 0.5}
"""How probable it is that a try fails."""


@dataclass
class RehearsedBodies:
    """Bodies that take time and sometimes fail, the same ones in every rehearsal. Jobs of AWS are waited for by polls."""

    clock: VirtualClock
    results: list[tuple[float, int, Result]] = field(default_factory=list)

    def plan(self, task: Task) -> Plan:
        """See `Bodies.plan`."""
        del task
        return Plan(60.0, outlives_seconds=None)

    def start(self, attempt: Attempt) -> Outcome:
        """See `Bodies.start`."""
        seconds = self._seconds(attempt)
        if attempt.task.operator.startswith(AWS):
            return Deferred("job", seconds)
        ref = attempt.run.ref
        result = Result(ref.dag_id, ref.run_id, attempt.index, attempt.try_number, attempt.owner, None)
        heapq.heappush(self.results, (self.clock.now() + seconds, len(self.results), result))
        raise HandedOver

    def start_all(self, attempts: Sequence[Attempt]) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
        """See `Bodies.start_all`."""
        for attempt in attempts:
            with suppress(HandedOver):
                yield [(attempt, self.start(attempt))]

    def finish(self, attempt: Attempt, result: Json) -> Outcome:
        """See `Bodies.finish`."""
        del result
        return self._outcome(attempt)

    def poll(self, attempt: Attempt, job: Json) -> Outcome:
        """See `Bodies.poll`."""
        del job
        return self._outcome(attempt)

    def call(self, attempt: Attempt, call: Call) -> None:
        """See `Bodies.call`: the rehearsed DAGs have no callbacks."""
        raise NotImplementedError(call)

    def _outcome(self, attempt: Attempt) -> Outcome:
        chance = _chance(attempt, "outcome").random()
        if chance < RISKS.get(attempt.task.task_id, 0.0):
            return Failed("it had to happen")
        if attempt.task.task_id == "is_clean":
            return Succeeded(skip=("publish",) if chance < 0.15 else ("quarantine",))
        return Succeeded()

    def _seconds(self, attempt: Attempt) -> float:
        average = next((s for name, s in SECONDS.items() if attempt.task.task_id.startswith(name)), 15.0)
        return average * _chance(attempt, "seconds").uniform(0.6, 1.5)


@dataclass
class Rehearsal:
    """An installation in memory, and what has to happen in it."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(BEGIN))

    def __post_init__(self) -> None:
        self.specs, self.drops = MemorySpecStore(), MemoryDropStore()
        self.runs, self.queue = MemoryRunStore(self.specs), MemoryQueue(self.clock)
        self.bodies = RehearsedBodies(self.clock)
        self.ports = Ports(
            runs=self.runs,
            attempts=MemoryAttemptStore(),
            xcoms=MemoryXComStore(),
            specs=self.specs,
            rules=MemoryRules(),
            dispatch=self.queue,
            bodies=self.bodies,
            clock=self.clock,
            ids=SeededIds(),
            metrics=MemoryMetrics(),
            log=MemoryEventLog(),
            gates=MemoryGates(),
        )

    def drop(self, folder: Path) -> None:
        """Drop every spec of a folder, as if it were the bucket."""
        bucket = MemoryBucket({path.name: path.read_bytes() for path in sorted(folder.glob("*.yml"))})
        reconcile(Dropping(self.ports, bucket, self.drops, MemoryBundleStore(), lambda _: None))

    def play(self, end: float) -> None:
        """Let time pass: hints, results and schedules, each when it is due."""
        while (due := self._next()) <= end:
            self.clock.advance_to(due)
            for message in self._due():
                handle(self.ports, message, self.clock.now() + 900.0)
        self.clock.advance_to(end)

    def _next(self) -> float:
        found = [live.due for live in self.specs.all_live()] + [self.queue.next_due()]
        found += [self.bodies.results[0][0]] if self.bodies.results else []
        return min(due for due in found if due is not None)

    def _due(self) -> list[Message]:
        found: list[Message] = [*self.queue.take()]
        now = self.clock.now()
        while self.bodies.results and self.bodies.results[0][0] <= now:
            found.append(heapq.heappop(self.bodies.results)[2])
        if any(live.due is not None and live.due <= now for live in self.specs.all_live()):
            found.append(Sweep())
        return found


def widget(theme: str) -> str:
    """The widget's HTML after the rehearsal."""
    here = Rehearsal()
    here.drop(DOCS / "picture")
    here.play(END)
    seen = see_dags(Watched(here.runs, here.specs, here.drops), DEFAULT_RUNS, 1)
    return grid(seen.dags, seen.errors, theme=theme, width=WIDTH)


FRAME: Final = """<!doctype html><meta charset="utf-8"><title>DAG runs</title><style>
body{{margin:0;padding:20px;background:{back};font:14px/20px "Open Sans","Amazon Ember",Arial,sans-serif}}
main{{width:{width}px;padding:12px 18px 16px;border:1px solid {line};border-radius:12px;background:{page}}}
h2{{margin:0 0 12px;font-size:16px;color:{ink}}}</style><main><h2>DAG runs</h2>{widget}</main>"""
"""A card as on CloudWatch's dashboards."""

COLOURS: Final = {
    "light": {"back": "#ebebf0", "line": "#c6c6cd", "page": "#ffffff", "ink": "#0f141a"},
    "dark": {"back": "#0f141a", "line": "#424650", "page": "#161d26", "ink": "#ebebf0"},
}


def photograph(page: str, output: Path, height: int) -> None:
    """Have a headless Chromium draw a page. Raises RuntimeError if there is none."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise RuntimeError("no Chromium on the path")
    with TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        size = f"--window-size={WIDTH + 78},{height}"
        command = [browser, *flags, *quiet, f"--user-data-dir={folder}/profile", size, f"--screenshot={output}"]
        subprocess.run([*command, source.as_uri()], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own flags


def _chance(attempt: Attempt, what: str) -> Random:
    ref = attempt.run.ref
    return Random(f"{what} {ref.run_id} {attempt.task.task_id} {attempt.try_number}")  # noqa: S311 - repeats on purpose


def main() -> int:
    """Draw; the exit code."""
    parser = argparse.ArgumentParser(description="Draw the dashboard's widget.")
    parser.add_argument("output", nargs="?", type=Path, default=DOCS / "dashboard.png")
    parser.add_argument("--theme", choices=COLOURS, default="light")
    parser.add_argument("--height", type=int, default=720)
    options = parser.parse_args()
    page = FRAME.format(widget=widget(options.theme), width=WIDTH, **COLOURS[options.theme])
    if options.output.suffix == ".html":
        options.output.write_text(page, encoding="utf-8")
    else:
        photograph(page, options.output, options.height)
    return 0


if __name__ == "__main__":
    sys.exit(main())
