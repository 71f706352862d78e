"""Branches that look at a date: BranchDayOfWeekOperator, BranchDateTimeOperator, LatestOnlyOperator.

They run no code of the user's and read no clock: "now" is when the try was claimed. The rules are those of Airflow's
standard provider 1.21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from leeward.core.dag import Dag, Json, SkipScope
from leeward.core.errors import TaskError
from leeward.core.facts import Outcome, Succeeded
from leeward.core.run import RunInfo, RunType
from leeward.operators.base import Attempt, Operator, Services
from leeward.operators.python import branched
from leeward.spec.catalogue import Parameter, Signature
from leeward.spec.timetable import Due, next_run
from leeward.worker.values import build

DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
"""ISO's order: Monday is 1."""

_TINY: Final = timedelta(microseconds=1)


def day_of_week(attempt: Attempt) -> Json:
    """Whether it is one of the days, in the DAG's time zone; a logical date counts in UTC, as in Airflow."""
    arguments = attempt.task.arguments
    days = build(arguments["week_day"])
    wanted = {_day(day) for day in ([days] if isinstance(days, str) else days)}
    now = _now(attempt)
    if not arguments.get("use_task_logical_date"):
        now = now.astimezone(_zone(attempt.dag))
    return _followed(attempt, holds=now.isoweekday() in wanted)


def date_time(attempt: Attempt) -> Json:
    """Whether it is between the targets. A time is one of the day of "now", in UTC, and naive ones are the DAG's."""
    lower, upper = (_target(attempt, name) for name in ("target_lower", "target_upper"))
    if lower is None and upper is None:
        raise TaskError("LW414", "target_lower and target_upper are both null: one of them must be there")
    now = _now(attempt)
    timed = isinstance(lower, time) or isinstance(upper, time)
    lower, upper = (datetime.combine(now, each) if isinstance(each, time) else each for each in (lower, upper))
    if timed and lower is not None and upper is not None and _before(upper, lower):
        upper += timedelta(days=1)
    zone = _zone(attempt.dag)
    too_late = upper is not None and _aware(upper, zone) < now
    too_early = lower is not None and _aware(lower, zone) > now
    return _followed(attempt, holds=not too_late and not too_early)


def latest_only(attempt: Attempt) -> Json:
    """Whether the run's interval is the newest, by the DAG's timetable. A run that somebody started always is."""
    window = None if attempt.run.run_type is RunType.MANUAL else _newest(attempt.dag, attempt.run)
    now = datetime.fromtimestamp(attempt.start, UTC)
    if window is not None and not window[0] < now <= window[1]:
        return []
    dag = attempt.dag
    return [dag.tasks[down].task_id for down in dag.graph.downstream[dag.index[attempt.task.task_id]]]


def _newest(dag: Dag, run: RunInfo) -> tuple[datetime, datetime] | None:
    """Between which moments a run is the newest; None if its DAG has no later one."""
    date = run.logical_date or run.run_after
    start, end = (datetime.fromisoformat(each or date) for each in (run.data_interval_start, run.data_interval_end))
    this = Due(start, start, end, end)
    before = next_run(replace(dag, start_date=None, end_date=(end - _TINY).isoformat(), catchup=True), this, end)
    after = next_run(replace(dag, start_date=end.isoformat(), end_date=None, catchup=True), this, end)
    return None if after is None else (start if before is None else before.end, after.end)


def _now(attempt: Attempt) -> datetime:
    """The moment that a branch looks at: the run's, if it is to, else that of the try."""
    if attempt.task.arguments.get("use_task_logical_date"):
        return datetime.fromisoformat(attempt.run.logical_date or attempt.run.run_after).astimezone(UTC)
    return datetime.fromtimestamp(attempt.start, UTC)


def _followed(attempt: Attempt, *, holds: bool) -> Json:
    return attempt.task.arguments[f"follow_task_ids_if_{'true' if holds else 'false'}"]


def _day(name: Any) -> int:
    if isinstance(name, str) and name.upper() in DAYS:
        return DAYS.index(name.upper()) + 1
    raise TaskError("LW415", f"{name!r} is no day of the week: write {', '.join(DAYS)}")


def _target(attempt: Attempt, name: str) -> datetime | time | None:
    value = build(attempt.task.arguments[name])
    if value is None or isinstance(value, (datetime, time)):
        return value
    raise TaskError("LW414", f"{name} is neither a date with a time nor a time")


def _before(one: datetime, other: datetime) -> bool:
    try:
        return one < other
    except TypeError as error:
        raise TaskError("LW414", f"the targets can't be compared: {error}") from error


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _zone(dag: Dag) -> tzinfo:
    if dag.timezone[0] in "+-":
        return datetime.strptime(dag.timezone, "%z").tzinfo or UTC
    return ZoneInfo(dag.timezone)


def _branch(choose: Callable[[Attempt], Json]) -> Callable[[Attempt, Services], Outcome]:
    def start(attempt: Attempt, services: Services) -> Outcome:
        return branched(attempt, services, Succeeded({"return_value": choose(attempt)}))

    return start


_FOLLOWED: Final[Mapping[str, Json]] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_TARGET: Final[Mapping[str, Json]] = {"anyOf": [{"type": "object", "required": ["__type__"]}, {"type": "null"}]}
_NAMED: Final[Mapping[str, Json]] = {
    "type": "string",
    "pattern": f"^({'|'.join(''.join(f'[{letter}{letter.lower()}]' for letter in day) for day in DAYS)})$",
}


def _parameters(what: str, more: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    return {
        "follow_task_ids_if_true": Parameter(
            _FOLLOWED, required=True, note=f"Tasks or groups to go on with {what}; others right after it are skipped."
        ),
        "follow_task_ids_if_false": Parameter(_FOLLOWED, required=True, note="Those to go on with otherwise."),
        **more,
        "use_task_logical_date": Parameter(
            {"type": "boolean"}, note="Whether the run's logical date counts, and not the time of the try."
        ),
    }


def _operator(
    name: str,
    modules: tuple[str, ...],
    choose: Callable[[Attempt], Json],
    note: str,
    parameters: Mapping[str, Parameter],
) -> Operator:
    old = "use_task_execution_day" if "week_day" in parameters else "use_task_execution_date"
    signature = Signature(
        name,
        tuple(f"airflow.{module}.{name}" for module in modules),
        parameters,
        aliases={old: "use_task_logical_date"} if parameters else {},
        skip_scope=SkipScope.DIRECT,
        note=note,
    )
    return Operator(signature, _branch(choose))


OPERATORS: Final = (
    _operator(
        "BranchDayOfWeekOperator",
        ("providers.standard.operators.weekday", "operators.weekday"),
        day_of_week,
        "Goes on with some tasks on some days of the week, and with others on the others.",
        _parameters(
            "on those days",
            {
                "week_day": Parameter(
                    {
                        "anyOf": [
                            _NAMED,
                            {"type": "array", "items": _NAMED},
                            {"type": "object", "required": ["__type__"]},
                        ]
                    },
                    required=True,
                    note="The English name of a day, or a list or set of them.",
                )
            },
        ),
    ),
    _operator(
        "BranchDateTimeOperator",
        ("providers.standard.operators.datetime", "operators.datetime"),
        date_time,
        "Goes on with some tasks between two times, and with others before and after.",
        _parameters(
            "between the targets",
            {
                "target_lower": Parameter(
                    _TARGET,
                    required=True,
                    note="A datetime or, by `__type__: datetime.time`, a time of each day; or null.",
                ),
                "target_upper": Parameter(
                    _TARGET, required=True, note="The same. A time before the lower target is one of the next day."
                ),
            },
        ),
    ),
    _operator(
        "LatestOnlyOperator",
        ("providers.standard.operators.latest_only", "operators.latest_only", "operators.latest_only_operator"),
        latest_only,
        "Skips what comes right after it unless the run is the newest of its schedule; a run started by hand is never cut.",
        {},
    ),
)
