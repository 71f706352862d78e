"""Limits on task instances as a spec states them: pools, weights, numbers of tries at once."""

from __future__ import annotations

import pytest

from tests.spec.reading import compiled, dag, messages, problems, task


@pytest.mark.parametrize(
    ("pools", "found"),
    [
        (None, []),
        ({"etl": 2}, []),
        ({"etl": 1}, ["4 LW150"]),
        ({}, ["4 LW150"]),
        ({"etl": 2, "default_pool": 2}, ["5 LW150"]),
    ],
)
def test_pool_must_be_there_and_large_enough_where_pools_are_known(
    pools: dict[str, int] | None, found: list[str]
) -> None:
    text = """\
    d:
      schedule: null
      tasks:
        a: {operator: BashOperator, bash_command: x, pool: etl, pool_slots: 2}
        b: {operator: BashOperator, bash_command: x, pool_slots: 3}
    """
    assert problems(text, pools=pools) == found


def test_message_about_a_pool_says_what_it_has_and_where_to_give_it_more() -> None:
    text = "d: {tasks: {a: {operator: BashOperator, bash_command: x, pool: etl, pool_slots: 2}}}"
    (small,) = messages(text, pools={"etl": 1})
    (none,) = messages(text, pools={})
    assert "the task 'a' takes 2 slots of the pool 'etl', which has 1 slots" in small
    assert "which is not there" in none
    assert "cdk.json" in none


def test_task_carries_its_limits() -> None:
    found = task(
        """
        operator: BashOperator
        bash_command: x
        pool: etl
        pool_slots: 2
        priority_weight: -3
        weight_rule: absolute
        max_active_tis_per_dag: 4
        max_active_tis_per_dagrun: 5
        """
    )
    assert (found.pool, found.pool_slots, found.priority_weight, found.weight_rule) == ("etl", 2, -3, "absolute")
    assert (found.max_active_tis_per_dag, found.max_active_tis_per_dagrun) == (4, 5)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", "true", "[1]"])
@pytest.mark.parametrize("key", ["pool_slots", "max_active_tis_per_dag", "max_active_tis_per_dagrun"])
def test_number_of_slots_or_instances_is_a_whole_one_from_one_on(key: str, value: str) -> None:
    text = f"d: {{tasks: {{a: {{operator: BashOperator, bash_command: x, {key}: {value}}}}}}}"
    assert problems(text) == ["1 LW124"]


@pytest.mark.parametrize("value", ["0", "1.5", "many"])
def test_max_active_tasks_is_a_whole_number_from_one_on(value: str) -> None:
    assert problems(f"d: {{max_active_tasks: {value}, tasks: {{}}}}") == ["1 LW124"]


def test_weight_rule_is_one_of_airflows_three() -> None:
    text = "d: {tasks: {a: {operator: BashOperator, bash_command: x, weight_rule: sideways}}}"
    assert problems(text) == ["1 LW124"]


def test_max_active_tasks_has_two_names_and_no_default() -> None:
    assert dag("d: {tasks: {}}").max_active_tasks is None
    assert dag("d: {max_active_tasks: null, tasks: {}}").max_active_tasks is None
    assert dag("d: {max_active_tasks: 3, tasks: {}}").max_active_tasks == 3
    assert compiled("d: {concurrency: 4, tasks: {}}").dags[0].max_active_tasks == 4


@pytest.mark.parametrize(
    ("keys", "bounds"),
    [("max_active_runs: 16", True), ("catchup: true, start_date: 2024-01-01", True), ("catchup: false", False)],
)
def test_runs_are_bounded_where_the_dag_says_so_or_makes_up_for_many(keys: str, bounds: bool) -> None:
    found = dag(f"d: {{{keys}, schedule: '@daily', tasks: {{}}}}")
    assert (found.bounds_runs, found.max_active_runs) == (bounds, 16)
