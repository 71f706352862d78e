"""The grid of the last runs of every DAG, as Airflow's grid view, in the HTML of a CloudWatch custom widget.

It is not a query: what is shown is handed in, and no clock is read, so that a run that is not over has no duration.
CloudWatch strips scripts, `<iframe>` and SVG's `<use>` from a widget; `<style>`, other SVG and the `title` attribute stay
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_security.html). A square is
therefore an empty `<i>` whose class says the rest. Every name is hostile until `escaped` has escaped it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from leeward.core.states import TaskState
from leeward.views.colours import LOOKS, look, stylesheet
from leeward.views.text import escaped

LIMIT_BYTES: Final = 256 * 1024
"""No page is larger: a dashboard asks for it again with every refresh."""

RUNS: Final = 25
_PITCH: Final = 19
_BAR: Final = 42
_BASE: Final = 57
_ERRORS: Final = 20
_LABEL: Final = 60
"""Characters of a task's id: no more of it is seen in the first column, the tooltip tells it all."""

_NO_DAGS: Final = "no DAGs: drop a spec into s3://BUCKET/dags/"


@dataclass(frozen=True, slots=True)
class Instance:
    """One task instance; `seconds` is how long its last try took, None where that is not known.

    `mapped` tells of the instances of a mapped task, in words.
    """

    state: str
    try_number: int
    seconds: float | None
    mapped: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One DAG run; `start` and `end` are seconds since the epoch. A task without an entry has no instance yet."""

    run_id: str
    state: str
    start: float | None
    end: float | None
    instances: Mapping[str, Instance]

    @property
    def seconds(self) -> float | None:
        """How long the run took; None unless it has begun and ended."""
        return None if self.start is None or self.end is None else max(0.0, self.end - self.start)


@dataclass(frozen=True, slots=True)
class DagGrid:
    """One DAG: its schedule in words, its tasks from top to bottom, its runs from the oldest to the newest.

    `more_tasks` counts rows that were cut off.
    """

    dag_id: str
    schedule: str
    tasks: tuple[str, ...]
    runs: tuple[Run, ...]
    more_tasks: int = 0


@dataclass(frozen=True, slots=True)
class SpecError:
    """A spec that could not be read."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much is shown: of so many DAGs the last runs; `details` gives a tooltip to uneventful squares too."""

    dags: int
    runs: int
    details: bool


def grid(
    dags: Sequence[DagGrid],
    errors: Sequence[SpecError],
    *,
    theme: str = "light",
    width: int = 800,
    empty: str = "",
    foot: str = "",
) -> str:
    """The widget's HTML, at most `LIMIT_BYTES` long in UTF-8.

    What does not fit is left out in this order, and said: tooltips of uneventful squares, older runs, later DAGs.

    Args:
        dags: in the order in which they are shown.
        errors: specs that could not be read; the first twenty are shown.
        theme: CloudWatch's name, "light" or "dark".
        width: of the widget, in pixels; fewer runs are shown where 25 have no room.
        empty: the whole sentence shown when there are no DAGs, with the bucket's name; a general one if left out.
        foot: markup to stand below the DAGs, such as a pager's.
    """
    label = _label_pixels(dags, width)
    top = f"<style>{stylesheet(theme)}</style>{_errors(errors)}"
    sizes = f"--label:{label}px;--block:{_block_pixels(dags, label)}px"
    plan = _Plan(len(dags), max(1, min(RUNS, (width - label - 14) // _PITCH)), details=True)
    while True:
        size = _least_bytes(dags, plan)
        if size <= LIMIT_BYTES:
            body = _body(dags, plan, empty) + foot + _legend()
            page = f'<div class="lw cwdb-no-default-styles" style="{sizes}">{top}{body}</div>'
            size = len(page.encode())
            if size <= LIMIT_BYTES:
                return page
        plan = _smaller(plan, size)


def _smaller(plan: _Plan, size: int) -> _Plan:
    """The next plan to try after one that takes `size` bytes or more.

    A page has a fixed part, so cutting the runs by the share that is too much never cuts too many.
    """
    if plan.details:
        return replace(plan, details=False)
    if plan.runs > 1:
        return replace(plan, runs=max(1, min(plan.runs - 1, plan.runs * LIMIT_BYTES // size)))
    return replace(plan, dags=min(plan.dags - 1, plan.dags * LIMIT_BYTES // size))


def _least_bytes(dags: Sequence[DagGrid], plan: _Plan) -> int:
    """What the squares take at least: tells for little time that a page need not be rendered to be too large."""
    squares = sum(len(dag.tasks) * min(plan.runs, len(dag.runs)) for dag in dags[: plan.dags])
    return squares * (len('<i title=""></i>') if plan.details else len("<i></i>"))


def _body(dags: Sequence[DagGrid], plan: _Plan, empty: str) -> str:
    if not dags:
        return f'<section class="m">{escaped(_clip(empty or _NO_DAGS, 1000))}</section>'
    return "".join(_block(dag, plan) for dag in dags[: plan.dags]) + _left_out(dags, plan)


def _left_out(dags: Sequence[DagGrid], plan: _Plan) -> str:
    most = _most_runs(dags)
    said = [
        f"{plan.dags} of {len(dags)} DAGs" if plan.dags < len(dags) else "",
        f"the last {_count(plan.runs, 'run')} instead of {most}" if plan.runs < most else "",
        "tooltips only where there is news" if not plan.details else "",
    ]
    shown = ", ".join(part for part in said if part)
    return f'<section class="m">To fit, this shows {shown}.</section>' if shown else ""


def _errors(errors: Sequence[SpecError]) -> str:
    if not errors:
        return ""
    shown = ((_clip(error.path, 200), _clip(error.message, 600)) for error in errors[:_ERRORS])
    items = [f"<li><code>{escaped(path)}</code>{escaped(message)}</li>" for path, message in shown]
    if len(errors) > _ERRORS:
        items.append(f"<li>and {len(errors) - _ERRORS} more</li>")
    title = "Import error" if len(errors) == 1 else f"{len(errors)} import errors"
    return f'<section class="e"><h4>{title}</h4><ul>{"".join(items)}</ul></section>'


def _block(dag: DagGrid, plan: _Plan) -> str:
    runs = dag.runs[-plan.runs :]
    name = escaped(dag.dag_id)
    head = f'<header><h3 title="{name}">{name}</h3><em>{_latest(runs)}</em><em>{escaped(dag.schedule)}</em></header>'
    if not runs:
        return f'<section>{head}<div class="m">no runs yet</div></section>'
    rows = "".join(_row(task, runs, plan) for task in dag.tasks)
    more = f'<div class="m">and {_count(dag.more_tasks, "more task")}</div>' if dag.more_tasks else ""
    return f"<section>{head}{_bars(runs)}{rows}{more}</section>"


def _latest(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    run = runs[-1]
    when = ("since " if _open(run) else "") + _moment(run.start, "%d %b %H:%M")
    return f'<i class="{look(run.state).letter}"></i>last run: {escaped(f"{run.state}, {when}")}'


def _bars(runs: Sequence[Run]) -> str:
    """A column to point at for each run, then the bars, one path for all of a kind, and a mark on all but successes."""
    longest = max((run.seconds or 0.0 for run in runs), default=0.0)
    columns, marks = "", ""
    paths: dict[str, str] = {}
    for index, run in enumerate(runs):
        middle, height = index * _PITCH + 8, _bar_height(run, longest)
        columns += f'<path d="M{middle} 0v58"><title>{_run_facts(run)}</title></path>'
        kind = look(run.state).letter + (" w" if _open(run) else "")
        paths[kind] = paths.get(kind, "") + f"M{middle - 8}.5 {_BASE}.5v-{height}h15v{height}z"
        if run.state != TaskState.SUCCESS:
            marks += f'<text x="{middle}" y="{_BASE - height - 3}">{look(run.state).mark}</text>'
    bars = "".join(f'<path class="{kind}" d="{path}"/>' for kind, path in paths.items())
    width = len(runs) * _PITCH
    lines = f'<path class="l" d="M-8 {_BASE - _BAR}.5h{width + 5}M-8 {_BASE}.5h{width + 5}"/>'
    svg = f'<svg width="{width}" height="58">{columns}{lines}{bars}{marks}</svg>'
    return f'<div class="z"><b>{_duration(longest) if longest else ""}</b>{svg}</div>'


def _bar_height(run: Run, longest: float) -> int:
    if _open(run):
        return _BAR
    return max(3, round(_BAR * (run.seconds or 0.0) / (longest or 1.0)))


def _open(run: Run) -> bool:
    """Whether the run has begun and not ended: its bar is as high as the chart, and dashed."""
    return run.start is not None and run.end is None


def _run_facts(run: Run) -> str:
    facts = (run.run_id, run.state, _moment(run.start), "not over" if _open(run) else _duration(run.seconds))
    return escaped(" · ".join(fact for fact in facts if fact))


def _row(task: str, runs: Sequence[Run], plan: _Plan) -> str:
    name = escaped(task)
    squares = "".join(_square(name, run.instances.get(task), plan.details) for run in runs)
    return f'<p title="{name}"><b>{escaped(_clip(task, _LABEL))}</b>{squares}</p>'


def _square(name: str, instance: Instance | None, details: bool) -> str:
    """One square; `name` is escaped. Without a tooltip of its own it shows its row's, the task's id."""
    if instance is None:
        return f'<i class="n" title="{name} · none"></i>' if details else '<i class="n"></i>'
    letter = look(instance.state).letter
    kind = "" if letter == "o" else f' class="{letter}"'
    if not details and _uneventful(instance):
        return f"<i{kind}></i>"
    facts = (instance.state, instance.mapped or f"try {instance.try_number}", _duration(instance.seconds))
    return f'<i{kind} title="{name} · {escaped(" · ".join(fact for fact in facts if fact))}"></i>'


def _uneventful(instance: Instance) -> bool:
    plain = (TaskState.SUCCESS, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.NONE, TaskState.REMOVED)
    return instance.try_number <= 1 and instance.state in plain


def _legend() -> str:
    states = "".join(f'<span><i class="{one.letter}"></i>{state}</span>' for state, one in LOOKS.items())
    return f"<footer>{states}</footer>"


def _label_pixels(dags: Sequence[DagGrid], width: int) -> int:
    """The first column: as wide as the longest task id seems to be, but the runs come first."""
    longest = max((len(task) for dag in dags for task in dag.tasks), default=0)
    return min(max(120, 8 * longest + 14), 360, max(120, width - _most_runs(dags) * _PITCH - 14))


def _block_pixels(dags: Sequence[DagGrid], label: int) -> int:
    """What a DAG needs: where there is room for several, they stand side by side."""
    return max(440, label + _most_runs(dags) * _PITCH)


def _most_runs(dags: Sequence[DagGrid]) -> int:
    return min(RUNS, max((len(dag.runs) for dag in dags), default=0))


def _clip(value: str, most: int) -> str:
    return value if len(value) <= most else f"{value[: most - 1]}…"


def _moment(seconds: float | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    if seconds is None:
        return "not started"
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):{form}} UTC"


def _duration(seconds: float | None) -> str:
    """In the two largest units: "0.4s", "12s", "4m 12s", "1h 03m", "2d 04h"; nothing when not known."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    for size, unit, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // part:02d}{small}"
    return f"{whole}s"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
