"""Pools on the command line: given, given wrongly, and not given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import EXAMPLES, leeward

SPEC = """\
d:
  tasks:
    a: {operator: BashOperator, bash_command: "true", pool: etl, pool_slots: 2}
    b: {operator: BashOperator, bash_command: "true", pool: etl}
    c: {operator: BashOperator, bash_command: "true"}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yml"
    path.write_text(SPEC)
    return path


def test_tasks_of_a_pool_run_as_many_at_once_as_it_has_slots(spec: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    result = leeward("run", spec, "--json", "--events", events, "--pool", "etl=2", "--pool", "default_pool=1")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    moves = [
        (line["task_id"], line["to"]) for line in lines if line.get("task_id") in ("a", "b") and "gate" not in line
    ]
    assert [to for _, to in moves[:3]] == ["queued", "running", "success"]
    assert {name for name, _ in moves[:3]} != {"a", "b"}
    (waiting,) = (line for line in lines if "gate" in line)
    assert (waiting["gate"], waiting["limit"]) == ("pool etl", 2)


def test_pool_without_slots_limits_nothing_and_says_so(spec: Path) -> None:
    result = leeward("run", spec, "--json")
    assert result.exit_code == 0
    assert "warning: the pool etl limits nothing here; --pool etl=SLOTS makes it" in result.stderr


@pytest.mark.parametrize("option", ["etl", "etl=", "etl=0", "etl=-1", "etl=two", "=4"])
def test_option_that_is_no_pool_is_bad_usage(spec: Path, option: str) -> None:
    result = leeward("run", spec, "--pool", option)
    assert result.exit_code == 2
    assert "--pool wants NAME=SLOTS, such as etl=4, not " + option in result.stderr


@pytest.mark.parametrize(("option", "task"), [("etl=1", "a takes 2 slots of a pool that has 1")])
def test_pool_that_is_too_small_for_a_task_is_bad_usage(spec: Path, option: str, task: str) -> None:
    result = leeward("run", spec, "--pool", option)
    assert result.exit_code == 2
    assert task in result.stderr


def test_example_keeps_to_its_limits(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    more = ("--logical-date", "2026-01-31", "--events", events, "--pool", "warehouse=3")
    assert leeward("run", EXAMPLES / "limits.yml", "--json", *more).exit_code == 0
    held: dict[tuple[str, int], int] = {}
    for line in map(json.loads, events.read_text().splitlines()):
        instance = (line.get("task_id", ""), line.get("map_index", -1))
        if line["to"] == "queued":
            held[instance] = 2 if line["task_id"] == "copy_orders" else 1
        elif line["to"] == "success":
            held.pop(instance, None)
        copies = {name: slots for name, slots in held.items() if name[0].startswith("copy")}
        assert len(held) <= 4
        assert sum(copies.values()) <= 3
        assert sum(name == "copy_table" for name, _ in copies) <= 2
