"""`leeward explain`: why tasks of a run are not running, now or at any moment, in an installation or in a local log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from leeward.cli.load import choose, compile_file, fail
from leeward.cli.remote import chosen_run, found, options
from leeward.core.address import instance
from leeward.core.dag import Dag
from leeward.core.errors import UsageError
from leeward.core.explain import Explanation, explain, explain_all
from leeward.core.lines import iso, read_line
from leeward.core.replay import Stored, beside, info_of, rebuilt
from leeward.core.run import RunInfo
from leeward.engine.see_run import stored_now
from leeward.spec.version import version


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it was stored at a moment, and its DAG as it was then."""

    dag: Dag
    stored: Stored
    now: float


@click.command("explain")
@click.argument("dag_id")
@click.argument("run_id", required=False)
@click.argument("task_id", required=False)
@click.option("--map-index", type=click.IntRange(0), help="One instance of a mapped task.")
@click.option("--at", metavar="T", help="A moment, ISO 8601; now by default. No offset means UTC.")
@click.option(
    "--events",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A local event log (leeward run --events) instead of an installation; needs --spec.",
)
@click.option("--spec", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The spec of that run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@options
def command(
    dag_id: str,
    run_id: str | None,
    task_id: str | None,
    map_index: int | None,
    at: str | None,
    events: Path | None,
    spec: Path | None,
    as_json: bool,
    stack: str,
    profile: str | None,
    region: str | None,
) -> None:
    """Tell why tasks of a run are not running; by default of the last run.

    Without TASK_ID there is a line for every task that has not finished, or, once the run is over, for every one that
    did not succeed. With it, every cause stands under Airflow's name of the dependency that is not met.

    For the present moment the state is read from the table; what tasks wait for beside their rules, and everything that
    was before (--at), from the event log. CloudWatch shows its lines some seconds after they were written, and keeps
    them for 30 days.
    """
    moment = None if at is None else _moment(at)
    if (events is None) is not (spec is None):
        fail("--events and --spec belong together")
    if events is not None and spec is not None:
        seen = _of_file(events, choose(compile_file(spec), dag_id), run_id, moment)
    else:
        seen = _of_installation((stack, profile, region), dag_id, run_id, moment)
    told = _told(seen, task_id, map_index)
    click.echo(json.dumps(_data(seen, told)) if as_json else "\n".join(_text(seen, told, single=task_id is not None)))


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("LW308", f"{text!r} is not an ISO 8601 date, such as 2026-01-31T06:00:00+00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _of_installation(
    where: tuple[str, str | None, str | None], dag_id: str, run_id: str | None, moment: float | None
) -> Seen:
    """A run of an installation: from the table for now, else from its event log alone."""
    here = found(*where)
    info = chosen_run(here, dag_id, run_id).info
    dag = here.specs.get(info.ref.version)
    raw = here.event_lines(dag_id, info.ref.run_id, int(1000 * info.created))
    if moment is not None:
        return _rebuilt(dag, info, raw, moment)
    stored, now = stored_now(here.runs, here.specs, info), time.time()
    if stored is None:
        raise UsageError("LW301", f"{dag_id} has no run {info.ref.run_id}")
    return Seen(dag, beside(stored, [read_line(dag, line) for line in raw], now), now)


def _of_file(path: Path, dag: Dag, run_id: str | None, moment: float | None) -> Seen:
    """A run of a local event log, by default the last one of the DAG in it."""
    lines = [line for line in _file_lines(path) if line.get("dag_id") == dag.dag_id]
    runs = [str(line.get("run_id")) for line in lines]
    if not runs or (run_id is not None and run_id not in runs):
        raise UsageError("LW332", f"{path} has no run {run_id or f'of {dag.dag_id}'}")
    chosen = run_id or runs[-1]
    own = [line for line in lines if line.get("run_id") == chosen]
    info = info_of(dag.dag_id, own)
    if info.ref.version != version(dag):
        click.echo("the spec has changed since that run: it is explained by the spec as it is now", err=True)
    return _rebuilt(dag, info, own, time.time() if moment is None else moment)


def _file_lines(path: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise UsageError("LW330", f"{path}:{number} is no JSON: {error}") from error
        if not isinstance(line, dict):
            raise UsageError("LW330", f"{path}:{number} is no line of an event log")
        found.append(line)
    return found


def _rebuilt(dag: Dag, info: RunInfo, raw: Iterable[Mapping[str, Any]], moment: float) -> Seen:
    stored = rebuilt(dag, info, [read_line(dag, line) for line in raw], moment)
    if stored.view.header is None:
        raise UsageError("LW332", f"the log tells nothing of the run {info.ref.run_id} up to {iso(moment)}")
    return Seen(dag, stored, moment)


def _told(seen: Seen, task_id: str | None, map_index: int | None) -> Sequence[Explanation]:
    if task_id is None:
        return [*explain_all(seen.dag, seen.stored, seen.now)]
    if task_id not in seen.dag.index:
        raise UsageError("LW333", f"{seen.dag.dag_id} has no task {task_id!r}")
    index = seen.dag.index[task_id]
    if map_index is None:
        return [explain(seen.dag, seen.stored, seen.now, index)]
    entry = seen.stored.view.entry(index)
    there = 0 if entry is None or entry.mapped is None else entry.mapped.length
    if map_index >= there:
        raise UsageError("LW333", f"{task_id} has no map index {map_index}: it has {there} instances at that moment")
    return [explain(seen.dag, seen.stored, seen.now, instance(index, map_index))]


def _data(seen: Seen, told: Sequence[Explanation]) -> Mapping[str, object]:
    header, ref = seen.stored.view.header, seen.stored.info.ref
    return {
        "dag_id": ref.dag_id,
        "run_id": ref.run_id,
        "at": iso(seen.now),
        "dag_run_state": None if header is None else header.state.value,
        "tasks": [_of_task(each) for each in told],
    }


def _of_task(told: Explanation) -> Mapping[str, object]:
    return {
        "task_id": told.task_id,
        "map_index": told.map_index,
        "state": told.entry.state.value,
        "try_number": told.entry.try_number,
        "standing": told.standing.value,
        "due": told.due or None,
        "causes": [
            {
                "dependency": cause.dependency.value,
                "reason": cause.reason,
                "until": None if cause.until is None else iso(cause.until),
                "waits_for": list(cause.waits_for),
            }
            for cause in told.causes
        ],
    }


def _text(seen: Seen, told: Sequence[Explanation], *, single: bool) -> Iterable[str]:
    header, ref = seen.stored.view.header, seen.stored.info.ref
    yield f"{ref.dag_id} {ref.run_id}: {header.state.value if header else 'not started'}, as of {iso(seen.now)}"
    if single:
        for each in told:
            yield f"{each.name}: {each.entry.state} ({each.standing})"
            yield from ([f"  {each.due}"] if each.due else [])
            yield from (f"  {cause.dependency}: {cause.reason}" for cause in each.causes)
        return
    width = max((len(each.name) for each in told), default=0)
    yield from (f"{each.name:<{width}}  {'; '.join(each.words)}" for each in told)
    if not told:
        yield "every task has succeeded" if header and header.end else "every task has finished"
