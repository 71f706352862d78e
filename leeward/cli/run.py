"""`leeward run`: one DAG run, to its end, in this process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from leeward.cli.aws_mode import aws_for
from leeward.cli.load import choose, compile_file, fail, json_object
from leeward.cli.progress import Row, progress_on
from leeward.core.dag import DEFAULT_POOL, Dag, Json
from leeward.core.presence import absent
from leeward.core.rows import Row as Instance
from leeward.core.run import Header, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.engine.drop_spec import drop_spec
from leeward.engine.see_run import see_run
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import Local, local
from leeward.spec.params import param_problems
from leeward.spec.version import version

PARALLELISM = min(32, (os.cpu_count() or 1) + 4)


@dataclass(frozen=True, slots=True)
class Times:
    """The dates of a run, ISO 8601 with offset."""

    logical_date: str
    start: str
    end: str


@click.command("run")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dag-id", help="The DAG to run, where the spec holds several.")
@click.option("--logical-date", metavar="T", help="ISO 8601; now by default. No offset means UTC.")
@click.option("--data-interval", metavar="START/END", help="By default both are the logical date.")
@click.option("--run-id", help="By default manual__LOGICAL_DATE.")
@click.option("--conf", metavar="JSON", default="{}", help="A JSON object: dag_run.conf.")
@click.option(
    "--aws",
    "aws_mode",
    metavar="real|moto|FILE",
    help="Where AWS calls go: your credentials, moto in this process, or a file of answers.",
)
@click.option("--parallelism", type=click.IntRange(1, 256), default=PARALLELISM, show_default=True)
@click.option(
    "--pool",
    "pools",
    metavar="NAME=SLOTS",
    multiple=True,
    help="Give a pool so many slots; may be repeated. A pool without limits nothing.",
)
@click.option("--events", type=click.Path(dir_okay=False, path_type=Path), help="Log of changes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(
    spec: Path,
    dag_id: str | None,
    logical_date: str | None,
    data_interval: str | None,
    run_id: str | None,
    conf: str,
    aws_mode: str | None,
    parallelism: int,
    pools: tuple[str, ...],
    events: Path | None,
    as_json: bool,
) -> None:
    """Run a DAG to its end in this process: real Bash and Python, no account, no server.

    Exit code 0 if the run succeeded, 1 if it failed, 2 for bad usage or a bad spec.
    """
    dag = choose(compile_file(spec), dag_id)
    times = times_of(logical_date, data_interval)
    given = json_object(conf)
    for problem in param_problems(dag, given):
        fail(problem)
    info = manual_run(dag, times, run_id, given)
    slots = _slots(pools, dag)
    progress = progress_on(sys.stderr, quiet=as_json)
    with ExitStack() as stack:
        stack.enter_context(_unwound_when_terminated())
        aws = stack.enter_context(aws_for(aws_mode))
        event_file = stack.enter_context(_opened(events))
        here = local(
            spec.resolve().parent,
            aws,
            EnvironmentSecrets(os.environ),
            parallelism=parallelism,
            log=progress.line,
            listener=progress.event,
            event_file=event_file,
            pools=slots,
        )
        stack.callback(here.close)
        drop_spec(here.ports, [dag])
        header = here.runtime.run(info)
    click.echo(
        json.dumps(_result(dag, info, header, here))
        if as_json
        else progress.table(_rows(here, info)) + _summary(dag, info, header, here)
    )
    raise SystemExit(0 if header.state is RunState.SUCCESS else 1)


def _slots(options: tuple[str, ...], dag: Dag) -> dict[str, int]:
    """The slots of pools as the options say, and a warning for each pool that is without."""
    found = {}
    for option in options:
        name, _, slots = option.rpartition("=")
        if not name or not slots.isdecimal() or not int(slots):
            fail(f"--pool wants NAME=SLOTS, such as etl=4, not {option}")
        found[name] = int(slots)
    for task in dag.tasks:
        size = found.get(task.pool or DEFAULT_POOL, task.pool_slots)
        if task.pool_slots > size:
            fail(f"{task.task_id} takes {task.pool_slots} slots of a pool that has {size}")
    for name in sorted({task.pool for task in dag.tasks if task.pool} - found.keys() - {DEFAULT_POOL}):
        click.echo(f"warning: the pool {name} limits nothing here; --pool {name}=SLOTS makes it", err=True)
    return found


@contextmanager
def _unwound_when_terminated() -> Iterator[None]:
    """SIGTERM ends the command as an interruption does, bodies included, with exit code 128 + 15."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def times_of(logical_date: str | None, data_interval: str | None) -> Times:
    """The dates of a run from the options of the command line. Ends the command for what is no date."""
    moment = _moment(logical_date) if logical_date else datetime.now(UTC)
    logical = moment.isoformat()
    if data_interval is None:
        return Times(logical, logical, logical)
    start, slash, end = data_interval.partition("/")
    if not slash:
        fail("--data-interval wants START/END, two ISO 8601 dates")
    return Times(logical, _moment(start).isoformat(), _moment(end).isoformat())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not an ISO 8601 date, such as 2026-01-31T06:00:00+00:00")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def manual_run(dag: Dag, times: Times, run_id: str | None, conf: dict[str, Json]) -> RunInfo:
    """What a run by hand is about."""
    name = run_id or f"{RunType.MANUAL}__{times.logical_date}"
    now = datetime.now(UTC)
    return RunInfo(
        RunRef(dag.dag_id, name, version(dag)),
        RunType.MANUAL,
        times.logical_date,
        times.start,
        times.end,
        run_after=now.isoformat(),
        created=now.timestamp(),
        conf=conf,
    )


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with path.open("a", encoding="utf-8") as file:
        yield file


def _instances(here: Local, info: RunInfo) -> tuple[Instance, ...]:
    seen = see_run(here.runs, here.ports.specs, info)
    return () if seen is None else seen.rows


def _result(dag: Dag, info: RunInfo, header: Header, here: Local) -> dict[str, object]:
    return {
        "dag_id": dag.dag_id,
        "run_id": info.ref.run_id,
        "dag_run_state": header.state.value,
        "tasks": sorted(
            [row.task_id, row.map_index, row.entry.state.value, row.entry.try_number] for row in _instances(here, info)
        ),
        "xcom": [list(row) for row in here.xcoms.returned(info.ref)],
    }


def _rows(here: Local, info: RunInfo) -> list[Row]:
    named = {
        row: here.attempts.instance_name(info.ref, row.address, row.entry.try_number) for row in _instances(here, info)
    }
    found = ((f"{row.name} {name or ''}".rstrip(), row.entry) for row, name in named.items())
    return [Row(name, e.state, e.try_number, e.start, e.end) for name, e in found]


def _summary(dag: Dag, info: RunInfo, header: Header, here: Local) -> str:
    """The run's state in one line, and why tasks failed: the error of each one's last try."""
    seconds = (header.end or 0.0) - (header.start or 0.0)
    lines = [f"{dag.dag_id} {info.ref.run_id}: {header.state.value} in {seconds:.2f} s"]
    for row in _instances(here, info):
        error = here.attempts.error(info.ref, row.address, row.entry.try_number)
        if error is not None and row.entry.state is TaskState.FAILED:
            lines.append(f"  {row.name}: {error}")
    missing = (dag.tasks[index].task_id for index in sorted(absent(dag, info)))
    lines += [f"  {name} is not in this run: its dates do not hold {info.logical_date}" for name in missing]
    return "\n".join(lines)
