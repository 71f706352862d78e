"""Setups, teardowns and the dates of tasks as specs write them."""

from __future__ import annotations

import pytest

from leeward.core.dag import TriggerRule
from tests.spec.reading import dag, messages, problems, task

EMPTY = "operator: EmptyOperator"


def spec(**tasks: str) -> str:
    rows = "\n".join(f"    {name}: {{{EMPTY}{keys and ', ' + keys}}}" for name, keys in tasks.items())
    return f"d:\n  tasks:\n{rows}\n"


def test_teardown_comes_after_its_setups_and_has_its_own_rule() -> None:
    found = dag(spec(s="", w="dependencies: [s]", t="dependencies: [w], is_teardown: true, setups: [s]"))
    teardown = found.task("t")
    assert (teardown.upstream, teardown.is_teardown, teardown.on_failure_fail_dagrun) == (("w", "s"), True, False)
    assert teardown.trigger_rule is TriggerRule.ALL_DONE_SETUP_SUCCESS
    assert [each.task_id for each in found.tasks if each.is_setup] == ["s"], "to be named by a teardown makes a setup"


def test_teardown_may_count_for_the_run_and_a_setup_needs_no_teardown() -> None:
    found = dag(spec(s="is_setup: true", t="is_teardown: true, on_failure_fail_dagrun: true, dependencies: [s]"))
    assert found.task("s").is_setup
    assert found.task("t").on_failure_fail_dagrun
    assert not dag(spec(a="is_setup: false, is_teardown: false, on_failure_fail_dagrun: false")).task("a").is_setup


def test_setups_are_found_by_their_name_or_their_full_id_and_teardowns_stand_for_their_group() -> None:
    groups = "  task_groups:\n    - group_name: g\n"
    keys = "task_group_name: g, is_teardown: true, dependencies: [w], setups: "
    for name in ("s", "g.s"):
        text = groups + spec(
            s="task_group_name: g",
            w="task_group_name: g, dependencies: [s]",
            t=keys + f"[{name}]",
            x="dependencies: [g]",
        ).removeprefix("d:\n")
        found = dag("d:\n" + text)
        assert found.task("g.t").upstream == ("g.w", "g.s")
        assert found.task("x").upstream == ("g.t",)


@pytest.mark.parametrize(
    ("tasks", "code", "words"),
    [
        ({"a": "is_setup: true, is_teardown: true"}, "LW147", "is a setup and a teardown"),
        ({"a": "", "b": "setups: [a]"}, "LW147", "setups is for teardowns"),
        ({"a": "on_failure_fail_dagrun: true"}, "LW147", "on_failure_fail_dagrun is for teardowns"),
        ({"a": "is_teardown: true", "b": "is_teardown: true, setups: [a]"}, "LW147", "can't be a setup"),
        ({"a": "is_teardown: true, setups: [nobody]"}, "LW142", "there is no task 'nobody'"),
        ({"a": "is_setup: true", "b": "dependencies: [a], trigger_rule: all_done"}, "LW148", "right after the setup 'a'"),
        ({"a": "is_teardown: true, trigger_rule: all_done"}, "LW206", "leave it out"),
        ({"a": "is_setup: 1"}, "LW124", "wants boolean"),
        ({"a": "is_teardown: true, dependencies: [b]", "b": "is_teardown: true, setups: [a2]", "a2": "dependencies: [a]"},
         "LW144", "circular"),
    ],
)  # fmt: skip
def test_mistakes_with_setups_are_told(tasks: dict[str, str], code: str, words: str) -> None:
    (found,) = messages(spec(**tasks))
    assert code in found
    assert words in found


def test_rule_that_a_teardown_has_anyway_may_be_written() -> None:
    assert problems(spec(a="is_teardown: true, trigger_rule: all_done_setup_success")) == []


def test_dates_of_a_task_are_its_own_or_inherited_and_local_to_their_zones() -> None:
    text = """
        d:
          timezone: Europe/Berlin
          default_args: {start_date: 2026-01-01, end_date: '2026-06-01T00:00:00+00:00', timezone: America/New_York}
          tasks:
            a: {operator: EmptyOperator}
            b: {operator: EmptyOperator, start_date: 2026-02-01, end_date: {__type__: datetime.date, __args__: [2026, 3, 1]}}
            c: {operator: EmptyOperator, start_date: null}
    """
    found = dag(text)
    assert (found.start_date, found.timezone) == ("2026-01-01T00:00:00-05:00", "America/New_York")
    dates = {each.task_id: (each.start_date, each.end_date) for each in found.tasks}
    assert dates == {
        "a": ("2026-01-01T00:00:00-05:00", "2026-06-01T00:00:00+00:00"),
        "b": ("2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"),
        "c": ("2026-01-01T00:00:00-05:00", "2026-06-01T00:00:00+00:00"),
    }


def test_date_of_a_dag_alone_is_not_its_tasks() -> None:
    found = dag("d: {start_date: 2026-01-01, tasks: {a: {operator: EmptyOperator}}}")
    assert found.task("a").start_date is None


def test_task_takes_a_date_as_the_dag_does() -> None:
    assert task(f"{EMPTY}\nstart_date: 2 days").start_date == "2024-05-15T00:00:00+00:00"


@pytest.mark.parametrize(
    ("date", "zone"),
    [
        ("2026-01-01", "UTC"),
        ("'2026-01-01T00:00:00Z'", "UTC"),
        ("'2026-01-01T00:00:00+05:30'", "+05:30"),
        ("null", "UTC"),
    ],
)
def test_zone_of_a_dag_is_that_of_its_start_date(date: str, zone: str) -> None:
    assert dag(f"d: {{start_date: {date}, tasks: {{}}}}").timezone == zone


def test_bad_date_that_all_inherit_is_told_once() -> None:
    text = "d: {default_args: {start_date: soon}, tasks: {a: {operator: EmptyOperator}, b: {operator: EmptyOperator}}}"
    assert problems(text) == ["1 LW114"]
