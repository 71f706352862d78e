"""Schedules in words, a sentence in place of a view, links between pages, and the picture in the documentation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from leeward.core.dag import Json
from leeward.core.states import TaskState
from leeward.views.grid import LIMIT_BYTES, grid
from leeward.views.notice import notice
from leeward.views.pager import pager
from leeward.views.schedule import schedule_words
from tests.spec.reading import dag as compiled

ROOT = Path(__file__).parents[2]
HOSTILE = "</style><script>alert(1)</script>\"'&\x00"


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("null", "no schedule"),
        ('"@daily"', "daily"),
        ('"0 * * * *"', "hourly"),
        ('"*/15 2 * * *"', "*/15 2 * * *"),
        ('"@once"', "once"),
        ('"@continuous"', "continuous"),
        ('"rate(90 minutes)"', "every 1 hour 30 minutes"),
        ('"rate(1 day)"', "every 1 day"),
        ("{__type__: dateutil.relativedelta.relativedelta, months: 1, days: 2}", "every 1 month 2 days"),
        ('"cron(0 6 ? * MON-FRI *)"', "0 6 ? * MON-FRI *"),
        (
            "{__type__: airflow.timetables.trigger.CronTriggerTimetable, __args__: [0 6 * * *], timezone: Europe/Berlin}",
            "0 6 * * * (Europe/Berlin)",
        ),
    ],
)
def test_a_schedule_is_told_as_its_author_may_have_written_it(schedule: str, words: str) -> None:
    dag = compiled(f"d:\n  start_date: 2024-01-01\n  max_active_runs: 1\n  schedule: {schedule}\n  tasks: {{}}\n")
    assert schedule_words(dag.schedule) == words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"kind": "events", "dates": ["2026-01-01", "2026-02-01"]}, "on 2 dates"),
        ({"kind": "cron", "crons": ["0 0 * * *", "5 4 * * *"], "timezone": "UTC"}, "daily and 5 4 * * *"),
        ({"kind": "of a later version"}, "of a later version"),
        ({"kind": "delta", "seconds": 0}, "every"),
    ],
)
def test_rare_schedules_are_told_too(schedule: Json, words: str) -> None:
    assert schedule_words(schedule) == words


def test_a_notice_is_escaped_and_cut() -> None:
    page = notice(HOSTILE + "x" * 5000, "dark")
    tree = ET.fromstring(page)  # noqa: S314 - our own page
    assert not list(tree.iter("script"))
    assert "alert(1)" in "".join(tree.itertext())
    assert len(page) < 10_000


def test_a_link_calls_the_function_with_its_parameters() -> None:
    foot = pager(20, 20, 45, {"Next": {"page": 3, "dag": HOSTILE}}, 'arn:"x"')
    nav = ET.fromstring(foot)  # noqa: S314 - our own page
    action = nav[1]
    assert (nav.text, nav[0].text) == ("DAGs 21 to 40 of 45", "Next")
    assert action.attrib == {"action": "call", "display": "widget", "endpoint": 'arn:"x"'}
    assert json.loads(action.text or "") == {"page": 3, "dag": HOSTILE}


def test_a_single_page_needs_no_links() -> None:
    assert pager(0, 3, 3, {}, "arn") == ""


def test_what_stands_below_the_dags_counts_into_the_limit() -> None:
    foot = f'<nav class="m">{"x" * 1000}</nav>'
    page = grid([], [], foot=foot)
    assert foot in page
    assert len(page.encode()) <= LIMIT_BYTES


def test_the_picture_shows_real_runs_in_many_states(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    subprocess.run([sys.executable, "docs/picture.py", str(page)], cwd=ROOT, check=True, timeout=120)
    text = page.read_text(encoding="utf-8")
    shown = {state for state in TaskState if f"· {state} ·" in text}
    assert shown >= set(TaskState) - {
        TaskState.QUEUED,
        TaskState.NONE,
        TaskState.EXPANDED,
        TaskState.REMOVED,
        TaskState.SKIPPED,
        TaskState.UPSTREAM_FAILED,
    }
    assert "invoices.yml" in text
