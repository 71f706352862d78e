"""The proof of schedules: generated expressions, compiled as a spec's, against croniter and against AWS's documentation.

Of each expression:

1. *On the wall*, over all of ten years: the times and days at which what was compiled for EventBridge fires, by the second
   reading of AWS's syntax, are exactly those at which croniter fires. Times of a day and days are compared apart, all 1,440
   and all 3,653 of them; that croniter's set is their product is checked where runs are compared.
2. *In twelve zones*: the runs of `next_run`, in both of Airflow's meanings, are what croniter and Airflow's rule for clocks
   give, around a clock change of each zone (around any moment where there is none); in one zone over the whole ten years
   if there are few runs, else at several places in them.
3. Each of these runs is ticked for in its very minute, or it lies beside a clock change: those are left to the sweep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from random import Random
from zoneinfo import ZoneInfo

from leeward.core.dag import Dag
from leeward.operators import CATALOGUE
from leeward.spec.compile import compile_spec
from leeward.spec.rules import Rule, rules
from leeward.spec.schedule import PRESETS
from leeward.spec.timetable import Due, next_run
from tests.schedules import oracle
from tests.schedules.aws_reading import Reading, reading
from tests.schedules.expressions import Expressions

ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo"),
    *("Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Auckland"),
)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
NEAR = timedelta(hours=26)
"""How far from a clock change a run may be that no expression ticks for: a day, and the change."""

BEYOND_AWS = re.compile(r"\d[wW] |[wW]\d")
"""A nearest weekday where AWS has no words for it."""

FEW, PLACES, STEPS = 60, 2, 3


@dataclass
class Figures:
    """What was compared."""

    expressions: int = 0
    days: int = 0
    runs: int = 0
    changes: set[tuple[str, datetime]] = field(default_factory=set)
    whole: int = 0
    beyond: int = 0
    swept: int = 0

    def __str__(self) -> str:
        return (
            f"{self.expressions} expressions equal croniter's: {self.days:,} days and all times of a day on the wall; "
            f"{self.runs:,} runs in {len(ZONES)} zones of ten years, beside {len(self.changes)} clock changes; "
            f"{self.whole} expressions run by run over the ten years; {self.swept} runs beside clock changes and "
            f"{self.beyond} expressions beyond AWS's are the sweep's"
        )


@dataclass(frozen=True)
class Case:
    """One expression, its oracle, and what was compiled of it in each zone."""

    text: str
    wall: oracle.Wall
    every_hour: bool

    def airflow(self, zone: str) -> oracle.Airflow:
        """The oracle in a zone."""
        return oracle.Airflow(self.wall, self.every_hour, zone)

    @cache  # noqa: B019 - as many as there are zones
    def dag(self, zone: str, *, data_intervals: bool = False) -> Dag:
        """The DAG of a spec with that schedule."""
        keys = {"schedule": self.text, "timezone": zone, "start_date": "2023-12-30", "catchup": True, "tasks": {}}
        spec = json.dumps({"d": keys})
        found = compile_spec(spec, "spec.yml", CATALOGUE, now=NOW, env={}, data_intervals=data_intervals)
        assert not found.report.errors, (self.text, [str(error) for error in found.report.errors])
        return found.dags[0]


def prove(count: int, seed: int = 0) -> Figures:
    """Generate, compare, and tell what was compared. Raises AssertionError with the expression."""
    source, random, figures = Expressions(seed, max(12, count // 5)), Random(seed), Figures()
    for number in range(count):
        if number % 5:
            text = source.airflow()
            on_wall_as_croniter(text, figures)
            case = _airflow_case(text)
        else:
            text = source.aws()
            case = _aws_case(text)
            on_wall_as_aws(text, figures)
        figures.expressions += 1
        in_zones(case, number, random, figures)
    return figures


def _plain(text: str) -> str:
    return " ".join(PRESETS.get(text, text).split()[:5])


def _airflow_case(text: str) -> Case:
    cron = _plain(text)
    hours = {hour for hour, _ in oracle.cron_times(" ".join(cron.split()[:2]))}
    return Case(text, oracle.ByCroniter(cron), every_hour=len(hours) == 24)


def _aws_case(text: str) -> Case:
    found = _read(text)
    hours = {hour for hour, _ in oracle.aws_times(found)}
    return Case(text, oracle.ByReading(found), every_hour=len(hours) == 24)


def _read(text: str) -> Reading:
    return reading(text if text.startswith("cron(") else f"cron({text})")


def _compiled(case: Case, zone: str) -> tuple[Rule, ...]:
    """What a DAG's ticks need, as when it is dropped."""
    dag = case.dag(zone)
    due = next_run(dag, None, NOW)
    return rules(dag, None if due is None else due.run_after, NOW)


def on_wall_as_croniter(text: str, figures: Figures) -> None:
    """All days of ten years, all times of a day."""
    cron = _plain(text).split()
    days, times = oracle.cron_days(" ".join(cron[2:])), oracle.cron_times(" ".join(cron[:2]))
    found = [reading(rule.expression) for rule in _compiled(_airflow_case(text), "UTC")]
    figures.days += len(oracle.ALL_DAYS)
    if not found and BEYOND_AWS.search(text):
        figures.beyond += 1
        return
    assert {oracle.aws_times(each) for each in found} <= {times}, text
    assert frozenset().union(*map(oracle.aws_days, found)) == days, text


def on_wall_as_aws(text: str, figures: Figures) -> None:
    """What AWS wrote is handed on as it stands."""
    found = [reading(rule.expression) for rule in _compiled(_aws_case(text), "UTC")]
    assert found == ([_read(text)] if oracle.aws_days(_read(text)) else []), text
    figures.days += len(oracle.ALL_DAYS)


def in_zones(case: Case, number: int, random: Random, figures: Figures) -> None:
    """Beside one clock change of each zone, and in one zone as far as there is time."""
    for zone in ZONES:
        changes = oracle.clock_changes(zone)
        place = random.choice(changes) if changes else _anywhere(random)
        figures.changes.update([(zone, place)] if changes else [])
        compare(case, zone, place - timedelta(hours=random.randint(1, 30)), STEPS, figures)
    zone = ZONES[number % len(ZONES)]
    if compare(case, zone, NOW, FEW, figures) < FEW:
        figures.whole += 1
        return
    for _ in range(PLACES):
        compare(case, zone, _anywhere(random), STEPS, figures)


def _anywhere(random: Random) -> datetime:
    return NOW + timedelta(minutes=random.randrange(len(oracle.ALL_DAYS) * 1440))


def compare(case: Case, zone: str, start: datetime, count: int, figures: Figures) -> int:
    """The next runs from a moment on, in both meanings; how many there are in the ten years, up to a number."""
    airflow, end = case.airflow(zone), datetime(2034, 1, 1, tzinfo=UTC)
    moments = [*islice(takewhile(lambda moment: moment < end, airflow.runs(start)), count)]
    ours = [*islice(_ours(case.dag(zone), Due(start, start, start, start)), len(moments))]
    assert [due.run_after for due in ours] == moments, (case.text, zone, start)
    if len(moments) > 1:
        first, second = moments[:2]
        intervals = [*islice(airflow.intervals(first, second), min(len(moments) - 1, STEPS))]
        found = _ours(case.dag(zone, data_intervals=True), Due(first, first, second, second))
        assert [(due.start, due.end) for due in islice(found, len(intervals))] == intervals, (case.text, zone, start)
    figures.runs += len(moments)
    figures.swept += _not_ticked(case, zone, [start, *moments])
    return len(moments)


def _ours(dag: Dag, last: Due | None) -> Iterator[Due]:
    """Run after run, unbound by the start date: from any place on."""
    unbound = replace(dag, start_date=None)
    while (last := next_run(unbound, last, NOW)) is not None:
        yield last


def _not_ticked(case: Case, zone: str, moments: Sequence[datetime]) -> int:
    """How many runs no expression surely ticks for in their minute: a clock was set beside each, or since the one before.

    The first moment is where the runs are counted from.
    """
    found = _compiled(case, zone)
    assert {rule.timezone for rule in found} <= {None if zone == "UTC" else zone}, (case.text, zone)
    readings = [reading(rule.expression) for rule in found]
    if not readings and BEYOND_AWS.search(case.text):
        return 0
    missed = 0
    for before, moment in pairwise(moments):
        if not any(_surely(each, zone, moment) for each in readings):
            missed += 1
            beside = [change for change in oracle.clock_changes(zone) if before - NEAR <= change <= moment + NEAR]
            assert beside, (case.text, zone, moment)
    return missed


def _surely(found: Reading, zone: str, moment: datetime) -> bool:
    """Whether AWS fires in that minute. A time that comes twice it takes once, and does not say when."""
    wall = moment.astimezone(ZoneInfo(zone))
    twice = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
    return not twice and found.on(wall.date()) and found.at(wall.hour, wall.minute)
