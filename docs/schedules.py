"""The page of schedules: what each form means and what ticks for it, found out by compiling it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from leeward.operators import CATALOGUE
from leeward.spec.compile import compile_spec
from leeward.spec.rules import Rule, rules
from leeward.spec.schedule import describe
from leeward.spec.timetable import next_run

NOW: Final = datetime(2026, 11, 24, 14, 7, tzinfo=UTC)

FORMS: Final = (
    ("null", "", "by hand only; the same without the key, and `none`"),
    ("'0 6 * * 1-5'", "", "five fields as croniter reads them, at the moment itself"),
    ("'*/7 22-2 * JAN,jul *'", "", "steps that don't come out, ranges over midnight, names"),
    ("'0 6 13 * 5'", "", "both days set: on either; a day that is both has one run"),
    ("'0 6 L * *'", "", "the last day of the month"),
    ("'0 6 * * L5'", "", "the last Friday of the month"),
    ("'0 6 * * 1#1,3#2'", "", "the first Monday and the second Wednesday"),
    ("'0 6 15W * *'", "", "the weekday nearest to the 15th"),
    ("'0 6 31W * *'", "", "croniter takes the last day of shorter months, AWS none: the sweep decides"),
    ("'0 6 13 * 5#2'", "", "croniter reads the second Friday alone"),
    ("'@daily'", "", "one of the presets, `@midnight` included"),
    ("'0 6 * * * 0'", "", "six fields without a `?`: Airflow's, the last is the seconds"),
    ("'0 6 * * * 30'", "", ""),
    ("'0 6 * * * 0 2026'", "", ""),
    ("'R 6 * * *'", "", ""),
    ("'0 6 ? * MON-FRI *'", "", "six fields with a `?` in field 3 or 5: AWS's, the last is the year, Sunday is 1"),
    ("'cron(0 6 15W * ? 2026-2030)'", "", "the same in AWS's own brackets"),
    ("'cron(0 6 LW * ? *)'", "", ""),
    ("'0 6 * * *'", "timezone: Europe/Berlin, start_date: 2026-01-01", "in the zone of the start date, as in Airflow"),
    ("'0 6 * * *'", "start_date: '2026-01-01T00:00:00+05:30'", "an offset is a zone, but has no name that AWS takes"),
    ("'0 6 * * *'", "end_date: 2027-01-01", "until the end date"),
    ("'0 6 * * *'", "start_date: 2099-01-01", "from the start date; ticks before it find nothing to do"),
    ("'0 6 31 2 *'", "", "no such day: no run"),
    ("'rate(5 minutes)'", "", "AWS's rate: the same as a timedelta"),
    (
        "{__type__: datetime.timedelta, hours: 6}",
        "start_date: '2026-11-24T12:49:17'",
        "from the start date on, or from now",
    ),
    ("{__type__: datetime.timedelta, seconds: 90}", "", "what does not come out in minutes"),
    ("{__type__: dateutil.relativedelta.relativedelta, months: 1}", "", "months have no fixed length"),
    ("{__type__: dateutil.relativedelta.relativedelta, day: 1}", "", ""),
    ("'@once'", "", "one run, at the start date or at once"),
    ("'@continuous'", "max_active_runs: 1", "a run within a minute after the one before has ended"),
    ("'@continuous'", "", ""),
    (
        "{__type__: airflow.timetables.interval.CronDataIntervalTimetable, cron: 0 6 * * *, timezone: UTC}",
        "",
        "a run at the end of its data interval, from one moment to the next",
    ),
    (
        "{__type__: airflow.sdk.MultipleCronTriggerTimetable, __args__: [0 6 * * *, 30 7 * * 1], timezone: UTC}",
        "",
        "several expressions, one run where they meet",
    ),
    (
        "{__type__: airflow.timetables.interval.DeltaDataIntervalTimetable, delta: {__type__: datetime.timedelta, days: 1}}",
        "",
        "data intervals of that length",
    ),
    (
        "{__type__: airflow.timetables.events.EventsTimetable, event_dates: [2026-12-24]}",
        "",
        "at the listed dates, those without offset in the DAG's zone",
    ),
)

TEXT: Final = """# Schedules

A schedule means what it means in Airflow 3.3, to the second of each run's data interval: 272 recorded answers of
Airflow are held in the tests, and of generated expressions the runs over ten years in twelve time zones (`python3
dev.py schedules --count 5000`). `leeward next SPEC` shows the next runs of a DAG, and `--cron-data-intervals` what they
would be in an Airflow with `[scheduler] create_cron_data_intervals`.

A run is created when something says "look at this DAG" after its time has come: a *tick*. What is due is always decided
by the timetable, never by the tick. Ticks come from a rule of EventBridge, which is free; from a schedule of
EventBridge Scheduler where a rule can't say it (a time zone, an end, the phase of a rate), or where the bus has no
place for another rule (300, unless AWS raised it); and, for every DAG, from the sweep of every minute. So what no
expression of AWS's can say is still on time to the minute: the sweep alone finds it.

## Every form and its one answer

As it is compiled at {now}, with `start_date: 2026-01-01` where no other is written; the DAG's other keys stand behind
the schedule.

| `schedule` | When it runs | Timetable | Next run | What ticks |
| --- | --- | --- | --- | --- |
{rows}

Schedules that wait for assets are not supported yet (LW117).

## Clocks that are set

An expression is read on the clock on the wall, as Airflow does it: a time that comes twice runs once, the second time;
a time that does not exist is moved on by the gap. An expression with `*` in the hour field counts real hours: where it
pauses over a clock change, its first run after it is off by an hour, in Airflow too. EventBridge Scheduler leaves a
time that does not exist out and fires once for one that comes twice: runs beside a clock change are therefore the
sweep's, within a minute.

## catchup, late ticks, two looks at once

With `catchup: true` every run since the start date is created, {per_look} a look; without it only the latest that is
due. The next run of a DAG is planned, stored with the DAG, before it is created, and its id follows from the plan: a
tick that is late, lost or doubled, or two looks at once, change nothing. A timedelta without `catchup` keeps its phase
through late looks; when they were lost for longer than its period, it runs at once and goes on from there, as in
Airflow.

`@continuous` starts its next run with the sweep after the end of the one before. A new version of a DAG keeps what is
planned unless the schedule, its dates or `catchup` are others.
"""


def page() -> str:
    """The page, in Markdown."""
    from leeward.contract import RUNS_PER_TICK

    rows = "\n".join(_row(*form) for form in FORMS)
    return TEXT.format(now=f"{NOW:%Y-%m-%d %H:%M} UTC", rows=rows, per_look=RUNS_PER_TICK)


def _row(schedule: str, keys: str, words: str) -> str:
    start = "" if "start_date" in keys else "start_date: 2026-01-01"
    body = ", ".join(part for part in (f"schedule: {schedule}", keys, start, "tasks: {}") if part)
    found = compile_spec(f"d: {{{body}}}", "spec", CATALOGUE, now=NOW, env={})
    shown = f"`{schedule}`" + (f", `{keys}`" if keys else "")
    if found.report.errors:
        (error,) = found.report.errors
        return f"| {shown} | refused | | | {error.code}: {error.message} |"
    (dag,) = found.dags
    due = next_run(dag, None, NOW)
    ticks = rules(dag, None if due is None else due.run_after, NOW)
    moment = "" if due is None else f"{due.run_after:%Y-%m-%d %H:%M:%S}"
    nothing = "" if due is None else "the sweep"
    said = "<br>".join(map(_tick, ticks)) or nothing
    return f"| {shown} | {words} | {describe(dag.schedule)} | {moment} | {said} |"


def _tick(rule: Rule) -> str:
    if rule.plain:
        return f"rule `{rule.expression}`"
    parts = [f"Scheduler `{rule.expression}`"]
    parts += [rule.timezone] if rule.timezone else []
    parts += [f"from {rule.start[:19]}"] if rule.start else []
    parts += [f"until {rule.end[:19]}"] if rule.end else []
    return ", ".join(parts)
