"""From text to DAGs: keys, defaults, tasks, groups, edges, and every mistake in one pass."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import yaml

from leeward.core.dag import RetryPolicy, SkipScope, TriggerRule
from leeward.spec.check import mismatch
from leeward.spec.compile import compile_spec
from leeward.spec.keys import KEYS, Level, Standing
from leeward.spec.version import version
from tests.spec.reading import NOW, compiled, dag, messages, problems, task

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
BASH = "airflow.operators.bash.BashOperator"


def _edges(text: str) -> list[str]:
    return sorted(f"{up}>{t.task_id}" for t in dag(text).tasks for up in t.upstream)


def _tasks(*rows: str) -> str:
    """A DAG of EmptyOperators from rows `name`, `name<dep,dep` or `group:name<dep`."""
    lines = ["d:", "  tasks:"]
    for row in rows:
        name, _, dependencies = row.partition("<")
        group, _, bare = name.rpartition(":")
        lines += [f"    - task_id: {bare}", f"      operator: {EMPTY}"]
        lines += [f"      task_group_name: {group}"] if group else []
        lines += [f"      dependencies: [{dependencies}]"] if dependencies else []
    return "\n".join(lines) + "\n"


def test_dag_carries_its_keys() -> None:
    found = dag(
        f"""
        d:
          dag_id: d
          dag_display_name: Pretty
          description: about
          schedule: "@daily"
          start_date: 2024-06-15
          end_date: "2024-07-15"
          timezone: Europe/Paris
          catchup: true
          max_active_runs: 3
          dagrun_timeout: {{__type__: datetime.timedelta, minutes: 5}}
          tags: [a, b]
          doc_md: "# hi"
          render_template_as_native_obj: true
          is_paused_upon_creation: true
          params: {{plain: 1, typed: {{__type__: airflow.sdk.Param, default: 5, type: integer, minimum: 1}}}}
          tasks: {{t: {{operator: {EMPTY}}}}}
        """
    )
    assert (found.display_name, found.description, found.catchup, found.max_active_runs) == ("Pretty", "about", True, 3)
    assert (found.start_date, found.end_date) == ("2024-06-15T00:00:00+02:00", "2024-07-15T00:00:00+02:00")
    assert (found.dagrun_timeout_seconds, found.tags, found.doc_md) == (300.0, ("a", "b"), "# hi")
    assert found.render_template_as_native_obj
    assert found.is_paused_upon_creation
    assert (found.params, found.param_schemas) == (
        {"plain": 1, "typed": 5},
        {"typed": {"type": "integer", "minimum": 1}},
    )
    assert found.source == "spec.yml"


def test_dates_of_default_args_are_the_dags_in_their_own_time_zone() -> None:
    found = dag(
        f"d: {{default_args: {{start_date: 2024-07-01, timezone: America/New_York}}, tasks: {{t: {{operator: {EMPTY}}}}}}}"
    )
    assert found.start_date == "2024-07-01T00:00:00-04:00"


def test_one_file_holds_several_dags_and_a_flat_one_is_accepted() -> None:
    two = compiled(f"a: {{tasks: {{t: {{operator: {EMPTY}}}}}}}\nb: {{tasks: {{}}}}\n")
    assert [found.dag_id for found in two.dags] == ["a", "b"]
    assert dag(f"dag_id: flat\ntasks: {{t: {{operator: {EMPTY}}}}}").dag_id == "flat"


def test_bad_dag_leaves_the_others_alone_and_every_mistake_is_told_in_file_order() -> None:
    text = f"""\
        good: {{tasks: {{t: {{operator: {EMPTY}}}}}}}
        bad:
          schedul: "@daily"
          tasks:
            - task_id: t
              operator: {BASH}
              bash_comand: echo
              retries: many
        worse:
          tasks: {{t: {{operator: airflow.operators.bash.BasOperator}}}}
        """
    found = compiled(text)
    assert [each.dag_id for each in found.dags] == ["good"]
    assert messages(text) == [
        "spec.yml:3:3 LW120 unknown DAG key 'schedul', did you mean 'schedule'?",
        "spec.yml:5:16 LW140 the task 't' lacks bash_command, BashOperator needs it",
        "spec.yml:7:7 LW120 unknown task key 'bash_comand', did you mean 'bash_command'?",
        "spec.yml:8:16 LW124 retries wants integer, not 'many'",
        "spec.yml:10:25 LW137 the operator airflow.operators.bash.BasOperator is not supported, "
        "did you mean 'airflow.providers.standard.operators.bash.BashOperator'?",
    ]


def test_task_carries_its_keys() -> None:
    found = task(
        f"""
        operator: {BASH}
        bash_command: echo
        retries: 3
        retry_delay: 60
        retry_exponential_backoff: true
        max_retry_delay: {{__type__: datetime.timedelta, hours: 1}}
        execution_timeout: {{__type__: datetime.timedelta, minutes: 1}}
        trigger_rule: all_done
        do_xcom_push: false
        owner: me
        doc_md: words
        params: {{a: 1}}
        """
    )
    assert found.operator == "BashOperator"
    assert found.arguments == {"bash_command": "echo"}
    assert found.retry == RetryPolicy(3, 60.0, 2.0, 3600.0)
    assert (found.execution_timeout_seconds, found.trigger_rule) == (60.0, TriggerRule.ALL_DONE)
    assert (found.do_xcom_push, found.owner, found.doc, found.params) == (False, "me", "words", {"a": 1})


@pytest.mark.parametrize(("text", "multiplier"), [("false", 0.0), ("1.5", 1.5), ("0", 0.0)])
def test_backoff_is_a_multiplier(text: str, multiplier: float) -> None:
    found = task(f"operator: {EMPTY}\nretry_exponential_backoff: {text}\nretries: null\nretry_delay: null")
    assert found.retry == RetryPolicy(0, 300.0, multiplier)


def test_empty_task_is_instant_and_branches_know_what_they_may_skip() -> None:
    assert task(f"operator: {EMPTY}").instant
    short = "operator: airflow.operators.python.ShortCircuitOperator\npython_callable: m.f\n"
    assert task(short).skip_scope is SkipScope.ALL
    assert task(short + "ignore_downstream_trigger_rules: false").skip_scope is SkipScope.DIRECT


def test_arguments_are_inherited_where_the_operator_has_them() -> None:
    found = dag(
        f"""
        default: {{default_args: {{owner: file, retries: 1, bash_command: inherited}}}}
        d:
          default_args: {{owner: dag, env: {{A: "1"}}}}
          task_groups:
            - {{group_name: g, default_args: {{retries: 2, owner: group}}}}
            - {{group_name: h, parent_group_name: g, default_args: {{owner: inner}}}}
          tasks:
            - {{task_id: a, operator: {BASH}}}
            - {{task_id: b, operator: {BASH}, bash_command: own, task_group_name: g}}
            - {{task_id: c, operator: {EMPTY}, task_group_name: h}}
        """
    )
    a, b, c = (found.task(name) for name in ("a", "g.b", "g.h.c"))
    assert (a.owner, a.retry.retries, a.arguments) == ("dag", 1, {"bash_command": "inherited", "env": {"A": "1"}})
    assert (b.owner, b.retry.retries, b.arguments["bash_command"]) == ("group", 2, "own")
    assert (c.owner, c.retry.retries, c.arguments) == ("inner", 2, {})


def test_defaults_files_lie_below_the_block_and_tags_add_up() -> None:
    spec = f"default: {{tags: null}}\nd: {{tasks: {{t: {{operator: {EMPTY}}}}}}}"
    files = ("tags: [a, b]\ncatchup: true\n", "tags: [b, c]\ncatchup: false\n")
    found = dag(f"d: {{tasks: {{t: {{operator: {EMPTY}}}}}}}", defaults=files)
    assert (found.tags, found.catchup) == (("a", "b", "c"), False)
    assert dag(spec, defaults=files).tags == ()
    assert problems(spec, defaults=files) == ["1 LW200", "1 LW200"]


def test_defaults_that_agree_with_the_block_need_no_warning() -> None:
    spec = f"default: {{params: {{a: [1]}}, default_args: {{owner: x}}}}\nd: {{tasks: {{t: {{operator: {EMPTY}}}}}}}"
    assert problems(spec, defaults=("params: {a: [1]}\ndefault_args: {owner: y}\n",)) == []
    assert problems(spec, defaults=("params: {a: [2]}\n",)) == ["1 LW200"]
    assert dag(spec, defaults=("default_args: {owner: y}\n",)).tags == ()


def test_defaults_that_are_no_yaml_are_reported_where_they_are() -> None:
    assert messages(f"d: {{tasks: {{t: {{operator: {EMPTY}}}}}}}", defaults=("[",))[0].startswith(
        "defaults0.yml:2:1 LW101"
    )


def test_tasks_of_the_default_block_are_overridden_key_by_key_in_either_form() -> None:
    listed = dag(
        f"""
        default:
          tasks:
            - {{task_id: a, operator: {BASH}, bash_command: one}}
            - {{task_id: b, operator: {BASH}, bash_command: two, dependencies: [a]}}
        d:
          tasks: {{b: {{bash_command: mine}}}}
        """
    )
    assert [t.arguments["bash_command"] for t in listed.tasks] == ["one", "mine"]
    assert listed.task("b").upstream == ("a",)


def test_lists_without_names_replace_each_other() -> None:
    replaced = problems(f"default: {{tasks: [x]}}\nd: {{tasks: [{{task_id: t, operator: {EMPTY}}}]}}")
    assert replaced == []
    assert problems(f"default: {{tasks: 5}}\nd: {{tasks: [{{task_id: t, operator: {EMPTY}}}]}}") == []


def test_variables_become_arguments() -> None:
    text = f"""
        operator: {BASH}
        variables_as_arguments:
          - {{variable: cmd, attribute: bash_command}}
        """
    assert task(text, variables={"cmd": "echo 1"}).arguments == {"bash_command": "echo 1"}


@pytest.mark.parametrize(
    ("row", "code"), [("{variable: nope, attribute: a}", "LW139"), ("{variable: x}", "LW138"), ("5", "LW138")]
)
def test_variable_that_is_not_there_is_an_error(row: str, code: str) -> None:
    text = f"d:\n  tasks:\n    t:\n      operator: {EMPTY}\n      variables_as_arguments: [{row}]\n"
    assert [p.split()[1] for p in problems(text, variables={})] == [code]
    assert len(problems(text)) == 1


def test_decorated_function_gets_the_other_keys_and_takes_xcoms() -> None:
    found = dag(
        """
        d:
          tasks:
            - {task_id: a, decorator: airflow.sdk.definitions.decorators.task, python_callable: m.f, task_group_name: g}
            - task_id: b
              decorator: airflow.decorators.task
              python_callable_name: g
              python_callable_file: /x/m.py
              x: +a
              y: "+a['k']"
              z: {__type__: datetime.timedelta, days: 1}
              w: +1
          task_groups: [{group_name: g}]
        """
    )
    b = found.task("b")
    assert b.upstream == ("g.a",)
    assert b.operator == "_PythonDecoratedOperator"
    assert b.arguments == {
        "python_callable": {"file": "/x/m.py", "name": "g"},
        "op_kwargs": {
            "x": {"__xcom__": "g.a", "key": "return_value"},
            "y": {"__xcom__": "g.a", "key": "k"},
            "z": {"__type__": "datetime.timedelta", "days": 1},
            "w": 1,
        },
    }


def test_class_of_the_users_takes_any_arguments() -> None:
    found = task("operator: my.operators.Bread\nbread: [rye, {a: 1}]\nretries: 2")
    assert (found.operator, found.arguments, found.retry.retries) == (
        "my.operators.Bread",
        {"bread": ["rye", {"a": 1}]},
        2,
    )


def test_order_is_topological_and_otherwise_the_specs() -> None:
    found = dag(_tasks("c<b", "b<a", "z", "a"))
    assert [t.task_id for t in found.tasks] == ["z", "a", "b", "c"]


def test_groups_prefix_ids_and_stand_for_their_first_and_last_tasks() -> None:
    groups = """\
  task_groups:
    - {group_name: g, dependencies: [first]}
    - {group_name: h, parent_group_name: g, prefix_group_id: false, tooltip: t}
    - {group_name: i, parent_group_name: h}
    - {group_name: empty, dependencies: [g]}
"""
    text = _tasks("first", "g:a", "g:b<a", "h:c", "i:e", "last<g,empty") + groups
    assert _edges(text) == ["c>last", "first>c", "first>g.a", "first>i.e", "g.a>g.b", "g.b>last", "i.e>last"]
    assert {(g.group_id, g.parent) for g in dag(text).groups} == {
        ("g", None),
        ("g.h", "g"),
        ("i", "g.h"),
        ("empty", None),
    }


def test_unknown_group_of_a_task_is_ignored_only_where_there_are_no_groups() -> None:
    assert dag(_tasks("nowhere:a")).tasks[0].task_id == "a"
    assert problems(_tasks("nowhere:a") + "  task_groups: {g: {}}\n") == ["5 LW131"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("d: 5", ["1 LW126"]),
        ("task_groups: {}", ["1 LW125"]),
        ("'bad id!': {tasks: {}}", ["1 LW135"]),
        ("d: {schedule: null}", ["1 LW127"]),
        ("d: {dag_id: e, tasks: {}}", ["1 LW203"]),
        ("d: {tasks: {t: {operator: Nothing}, u: {operator: x.Y, dependencies: [t]}}}", ["1 LW137"]),
        ("d: {tasks: 5}", ["1 LW124"]),
        ("d: {tasks: [5]}", ["1 LW124"]),
        ("d: {tasks: {t: 5}}", ["1 LW124"]),
        ("d: {tasks: [{operator: x.Y}]}", ["1 LW134"]),
        ("d: {tasks: {t: {task_id: u, operator: x.Y}}}", ["1 LW203"]),
        ("d: {tasks: [{task_id: a b, operator: x.Y}]}", ["1 LW135"]),
        ("d: {tasks: [{task_id: t, operator: x.Y}, {task_id: t, operator: x.Y}]}", ["1 LW130"]),
        ("d: {tasks: {t: {retries: 1}}}", ["1 LW136"]),
        ("d: {tasks: {t: {operator: Nothing}}}", ["1 LW137"]),
        ("d: {tasks: {t: {decorator: airflow.decorators.taks}}}", ["1 LW137"]),
        ("d: {tasks: {t: {operator: x.Y, inlets: [1]}}}", ["1 LW121"]),
        ("d: {tasks: {t: {operator: x.Y, pool: 3}}}", ["1 LW124"]),
        ("d: {tasks: {t: {operator: x.Y, depends_on_past: 0}}}", ["1 LW124"]),
        ("d: {tasks: {t: {operator: x.Y, pre_execute: f}}}", ["1 LW122"]),
        ("d: {tasks: {t: {operator: x.Y, email: me}}}", ["1 LW201"]),
        ("d: {tasks: {t: {operator: x.Y, retry_delay_sec: 5}}}", ["1 LW202"]),
        ("d: {tasks: {t: {operator: x.Y, retry_delay_sec: x}}}", ["1 LW202", "1 LW124"]),
        ("d: {schedule_interval: '@daily', schedule: '@daily', tasks: {}}", ["1 LW123", "1 LW202"]),
        ("d: {concurrency: 0, tasks: {}}", ["1 LW202", "1 LW124"]),
        ("d: {tasks: {t: {operator: x.Y, dependencies: [u]}}}", ["1 LW142"]),
        ("d: {tasks: {t: {operator: x.Y, dependencies: [[u]]}}}", ["1 LW124"]),
        ("d: {tasks: {t: {operator: x.Y, dependencies: null}, u: {operator: x.Y, dependencies: t}}}", []),
        ("d: {tasks: {t: {operator: x.Y, dependencies: [t]}}}", ["1 LW144"]),
        ("d: {tasks: {g: {operator: x.Y}, u: {operator: x.Y, dependencies: [g]}}, task_groups: {g: {}}}", ["1 LW143"]),
        ("d: {tasks: {t: {decorator: airflow.decorators.task, python_callable: m.f, x: +u}}}", ["1 LW142"]),
        (
            "d: {tasks: {t: {operator: airflow.operators.python.PythonOperator, python_callable_name: f}}}",
            ["1 LW140", "1 LW141"],
        ),
        ("d: {tasks: {t: {operator: x.Y, trigger_rule: all_sucess}}}", ["1 LW124"]),
        ("d: {task_groups: {g: {parent_group_name: h}}, tasks: {}}", ["1 LW131"]),
        ("d: {task_groups: {g: {parent_group_name: h}, h: {parent_group_name: g}}, tasks: {}}", ["1 LW132"]),
        ("d: {task_groups: {g: {dependencies: [nobody]}}, tasks: {}}", ["1 LW142"]),
        ("d: {default_args: {catchup: true}, tasks: {}}", ["1 LW201"]),
        ("d: {default_args: {colour: red}, tasks: {}}", ["1 LW120"]),
        ("d: {start_date: never, tasks: {}}", ["1 LW114"]),
        ("d: {start_date: null, timezone: Nowhere, tasks: {}}", []),
        ("d: {start_date: 2024-01-01, timezone: Nowhere, tasks: {}}", ["1 LW115"]),
        ("d: {dagrun_timeout: soon, tasks: {}}", ["1 LW124"]),
        ("vars: {a: &a 1}\nd: {tasks: {}}", []),
    ],
)
def test_mistake_has_its_code_and_place(text: str, found: list[str]) -> None:
    assert problems(text) == found


def test_cycle_is_named() -> None:
    assert "a -> b -> c -> a" in messages(_tasks("a<c", "b<a", "c<b", "d<c"))[0]


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ("type: integer", "x", "wants integer, not 'x'"),
        ("type: [integer, 'null']", None, ""),
        ("type: integer", 3.0, ""),
        ("type: boolean", True, ""),
        ("type: integer", True, "wants integer, not True"),
        ("enum: [a, b]", "c", "can't be 'c', write one of a, b"),
        ("enum: [" + ", ".join(map(str, range(20))) + "]", "zz", "can't be 'zz'"),
        ("const: 5", 6, "must be 5, not 6"),
        ("minimum: 1", 0, "is out of range: 0"),
        ("maximum: 1", 0, ""),
        ("minLength: 2", "x", "has the wrong length: 'x'"),
        ("pattern: ^a", "b", "does not match '^a': 'b'"),
        (
            "pattern: (",
            "b",
            "has a pattern that is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("items: {type: string}", [1], "holds a value that wants string, not 1"),
        ("required: [k]", {}, "wants the key k"),
        ("type: object", {"k": 1}, ""),
        ("type: string", "y" * 99, ""),
        ("type: integer", "y" * 99, "wants integer, not '" + "y" * 36 + "..."),
    ],
)
def test_values_of_arguments_keep_to_their_types(schema: str, value: Any, words: str) -> None:
    assert mismatch(value, yaml.safe_load(f"{{{schema}}}")) == words


def test_any_of_is_met_by_one() -> None:
    either = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert mismatch("x", either) == ""
    assert mismatch(1.5, either) == "wants integer, not 1.5"


def test_version_is_that_of_the_content() -> None:
    one, same, other = (dag(f"d: {{description: {text}, tasks: {{}}}}") for text in ("a", "a", "b"))
    assert version(one) == version(same)
    assert version(one) != version(other)
    assert asdict(one) == asdict(same)


def test_repeated_key_anywhere_keeps_every_dag_of_the_file_from_going_live() -> None:
    found = compiled(
        f"a: {{tasks: {{t: {{operator: {EMPTY}}}}}}}\nb: {{tasks: {{}}, tags: [], tags: [x], schedul: x}}\n"
    )
    assert found.dags == ()
    assert [error.code for error in found.report.errors] == ["LW107", "LW120"]


def test_unreadable_file_gives_no_dags() -> None:
    class Nothing:
        find = find_decorator = lambda self, path: None
        runs_user_code = lambda self, name: False  # noqa: E731
        signatures = tuple

    assert compile_spec("[", "f", Nothing(), now=NOW, env={}).dags == ()


def test_template_is_accepted_where_another_type_is_wanted() -> None:
    found = task("operator: airflow.operators.python.PythonOperator\npython_callable: m.f\nop_kwargs: '{{ params }}'")
    assert found.arguments["op_kwargs"] == "{{ params }}"
    assert problems("d: {tasks: {t: {operator: BashOperator, bash_command: 5}}}") == ["1 LW124"]


def test_who_waits_for_downstream_depends_on_the_past() -> None:
    found = task("operator: BashOperator\nbash_command: x\nwait_for_downstream: true\ndepends_on_past: false")
    assert (found.depends_on_past, found.wait_for_downstream) == (True, True)
    assert not task("operator: BashOperator\nbash_command: x\ndepends_on_past: null").depends_on_past


def test_default_args_say_what_depends_on_the_past() -> None:
    found = dag(
        "d: {default_args: {depends_on_past: true, ignore_first_depends_on_past: true, "
        "wait_for_past_depends_before_skipping: true}, "
        "tasks: {t: {operator: x.Y}, u: {operator: x.Y, depends_on_past: false}}}"
    )
    assert [each.depends_on_past for each in found.tasks] == [True, False]
    assert all(t.ignore_first_depends_on_past and t.wait_for_past_depends_before_skipping for t in found.tasks)


def test_every_key_of_a_later_feature_is_accepted_with_its_neutral_values() -> None:
    for level in (Level.DAG, Level.TASK):
        for key in KEYS[level].values():
            if key.standing is Standing.NEUTRAL:
                for value in key.neutral:
                    text = (
                        "null"
                        if value is None
                        else str(value).lower()
                        if isinstance(value, bool)
                        else str(value) or "''"
                    )
                    where = f"d: {{{key.name}: {text}, tasks: {{}}}}"
                    if level is Level.TASK:
                        where = f"d: {{tasks: {{t: {{operator: x.Y, {key.name}: {text}}}}}}}"
                    assert problems(where) == [], where


def test_warnings_do_not_keep_a_dag_from_going_live() -> None:
    found = compiled("d: {orientation: LR, tasks: {}}")
    assert [each.dag_id for each in found.dags] == ["d"]
    assert [str(warning) for warning in found.report.warnings] == [
        "spec.yml:1:5 LW201 orientation does nothing, a setting of Airflow 2's pages"
    ]
