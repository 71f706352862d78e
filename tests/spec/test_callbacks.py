"""The forms of callbacks, and what is wrong with others."""

from __future__ import annotations

import pytest

from leeward.core.dag import Callback, CallbackEvent
from tests.spec.reading import dag, problems

BASH = "operator: BashOperator, bash_command: 'true'"


def test_path_mapping_list_and_file_are_read() -> None:
    task = dag(
        f"""d: {{tasks: {{t: {{{BASH}, on_success_callback: m.f,
        on_failure_callback: [m.g, {{callback: m.N, channel: '#x', tries: 3}}],
        on_retry_callback_name: told, on_retry_callback_file: /dags/told.py, on_skipped_callback: null}}}}}}"""
    ).task("t")
    assert task.callbacks == {
        CallbackEvent.SUCCESS: (Callback("m.f"),),
        CallbackEvent.FAILURE: (Callback("m.g"), Callback("m.N", {"channel": "#x", "tries": 3})),
        CallbackEvent.RETRY: (Callback({"file": "/dags/told.py", "name": "told"}),),
    }


def test_default_args_of_dag_and_group_give_tasks_callbacks_and_the_dag_has_its_own() -> None:
    found = dag(
        f"""d: {{default_args: {{on_failure_callback: m.all}}, on_success_callback: m.run,
        task_groups: {{g: {{default_args: {{on_failure_callback: m.group}}}}}},
        tasks: {{a: {{{BASH}}}, b: {{{BASH}, task_group_name: g}}}}}}"""
    )
    assert found.task("a").callbacks == {CallbackEvent.FAILURE: (Callback("m.all"),)}
    assert found.task("g.b").callbacks == {CallbackEvent.FAILURE: (Callback("m.group"),)}
    assert found.callbacks == {CallbackEvent.SUCCESS: (Callback("m.run"),)}


@pytest.mark.parametrize(("event", "instant"), [("success", False), ("execute", False), ("failure", True)])
def test_empty_task_whose_success_is_told_is_started(event: str, instant: bool) -> None:
    task = dag(f"d: {{tasks: {{t: {{operator: EmptyOperator, on_{event}_callback: m.f}}}}}}").task("t")
    assert task.instant is instant


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("on_failure_callback: told", "LW160"),
        ("on_failure_callback: {channel: x}", "LW160"),
        ("on_failure_callback: [[m.f]]", "LW160"),
        ("on_failure_callback: 3", "LW160"),
        ("on_failure_callback_name: told", "LW141"),
        ("on_failure_callback_file: /m.py", "LW141"),
    ],
)
def test_callback_that_names_nothing_is_an_error(keys: str, code: str) -> None:
    assert [found.split()[1] for found in problems(f"d: {{tasks: {{t: {{{BASH}, {keys}}}}}}}")] == [code]
