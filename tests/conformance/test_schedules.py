"""The next runs of schedules, to the last field, against what Apache Airflow 3.3.2 made of them.

Each case is compiled and asked by the command line, once for each of Airflow's two meanings of a plain schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from leeward.cli.main import main

RECORDED = json.loads((Path(__file__).parent / "schedules.json").read_text())
REFUSED = {"0 0 * * * 30": "a rule fires at whole minutes, so that a run within a minute is refused on purpose"}
MEANINGS = {"trigger": (), "interval": ("--cron-data-intervals",)}


def _cases() -> Iterator[Any]:
    for case in RECORDED:
        for meaning in MEANINGS:
            yield pytest.param(case, meaning, id=f"{case['id']}-{meaning}")


def _next(case: Any, meaning: str, folder: Path) -> tuple[int, str]:
    """The exit code, and what was printed."""
    keys = ("schedule", "timezone", "start_date", "end_date", "catchup")
    spec = folder / "spec.yml"
    spec.write_text(json.dumps({"d": {**{key: case[key] for key in keys}, "tasks": {}}}))
    options = ["--now", case["now"], "-n", str(case["n"]), *MEANINGS[meaning], "--json"]
    result = CliRunner().invoke(main, ["next", str(spec), *options])
    return result.exit_code, result.stdout


@pytest.mark.parametrize(("case", "meaning"), list(_cases()))
def test_next_runs_are_airflows(case: Any, meaning: str, tmp_path: Path) -> None:
    code, shown = _next(case, meaning, tmp_path)
    expected = case["expected"][meaning]
    if "error" in expected or str(case["schedule"]) in REFUSED:
        assert code == 2
        return
    assert code == 0
    assert json.loads(shown) == expected["runs"]
    assert len(expected["runs"]) == case["n"] or expected["exhausted"]
    assert sum(row[3] <= case["now"] for row in expected["runs"]) == expected["due_at_now"]


def test_what_is_refused_and_not_by_airflow_is_listed_with_a_reason() -> None:
    found = [case["schedule"] for case in RECORDED if str(case["schedule"]) in REFUSED]
    assert found == list(REFUSED)
