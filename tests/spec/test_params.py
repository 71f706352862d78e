"""Params with JSON Schema, checked as Airflow checks them, and macros of the user's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leeward.core.dag import Dag
from leeward.spec.params import param_problems
from tests.spec.reading import dag, messages, problems

PARAM = "__type__: airflow.sdk.Param"


def _dag(param: str, rest: str = "tasks: {}") -> Dag:
    return dag(f"d: {{params: {{p: {{{PARAM}, {param}}}}}, {rest}}}")


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ("type: integer", "x", "'x' is not of type 'integer'"),
        ("type: integer", 3.0, ""),
        ("type: integer", True, "True is not of type 'integer'"),
        ("type: ['null', string]", None, ""),
        ("type: string", None, "None is not of type 'string'"),
        ("enum: [a, b]", "c", "'c' is not one of ['a', 'b']"),
        ("const: 5", 6, "5 was expected"),
        ("type: number, exclusiveMinimum: 0, multipleOf: 0.5", 0, "0 is less than or equal to the minimum of 0"),
        ("type: number, multipleOf: 2", 3, "3 is not a multiple of 2"),
        ("type: string, minLength: 3", "ab", "'ab' is too short"),
        ("type: string, pattern: '^s3://'", "x", "'x' does not match '^s3://'"),
        ("type: string, format: date", "2026-13-01", "'2026-13-01' is not a 'date'"),
        ("type: string, format: date-time", "2026-01-01", "'2026-01-01' is not a 'date-time'"),
        ("type: string, format: date-time", "2026-01-01T00:00:00Z", ""),
        ("type: string, format: time", "25:00:00", "'25:00:00' is not a 'time'"),
        ("type: string, format: email", "nobody", "'nobody' is not a 'email'"),
        ("type: array, items: {type: integer}, uniqueItems: true", [1, 1], "[1, 1] has non-unique elements"),
        ("type: array, items: {type: integer}", [1, "x"], "[1] 'x' is not of type 'integer'"),
        ("type: object, required: [k]", {}, "'k' is a required property"),
        ("properties: {k: {type: integer}}, additionalProperties: false", {"j": 1}, "Additional properties are not"),
        ("oneOf: [{type: integer}, {minimum: 2}]", 3, "3 is valid under each of"),
        ("allOf: [{minimum: 2}, {maximum: 3}]", 4, "4 is greater than the maximum of 3"),
        ("not: {type: integer}", 4, "4 should not be valid under"),
        ("schema: {type: integer}, type: string", "x", "'x' is not of type 'integer'"),
        ("$ref: 'https://example.org/schema.json'", 1, "its schema refers to 'https://example.org/schema.json'"),
        ("type: integer", "y" * 500, "'" + "y" * 196 + "..."),
    ],
)
def test_conf_must_keep_to_the_schema_of_a_param(schema: str, value: Any, words: str) -> None:
    found = param_problems(_dag(schema), {"p": value})
    assert found == [] if not words else found[0].startswith(f"LW305 the param 'p': {words}"), found


def test_param_without_default_must_be_given() -> None:
    for schema in ("type: string", "description: words"):
        assert param_problems(_dag(schema), {}) == ["LW305 the param 'p' has no value and no default"]
    assert param_problems(_dag("description: words"), {"p": [1]}) == []
    assert param_problems(dag("d: {params: {p: 1}, tasks: {}}"), {"q": 2}) == []


def test_params_of_a_task_are_checked_with_those_of_the_dag_below() -> None:
    task = f"{{operator: x.Y, params: {{p: {{{PARAM}, default: 7, type: integer}}}}}}"
    found = dag(
        f"d: {{params: {{p: a, q: 1}}, tasks: {{t: {task}, u: {{operator: x.Y, params: {{r: 1}}}}, v: {{operator: x.Y}}}}}}"
    )
    assert found.task("t").params == {"p": 7}
    assert param_problems(found, {}) == []
    assert param_problems(found, {"p": "x"}) == ["LW305 the param 'p': 'x' is not of type 'integer', in the task 't'"]


@pytest.mark.parametrize(
    ("param", "schedule", "found"),
    [
        ("default: x, type: integer", "null", ["1 LW205"]),
        ("default: null, type: integer", "null", []),
        ("type: integer", "null", []),
        ("default: 1, type: integer", "'@daily'", []),
        ("default: x, type: integer", "'@daily'", ["1 LW124"]),
        ("default: null, type: integer", "'@daily'", ["1 LW124"]),
        ("type: integer", "'@daily'", ["1 LW124"]),
        ("type: integr", "null", ["1 LW128"]),
        ("schema: 5", "null", ["1 LW128"]),
        ("pattern: '('", "null", ["1 LW128"]),
        ("minimun: 3", "null", ["1 LW204"]),
        ("schema: {}", "null", []),
        ("title: T, section: S, description_md: M, values_display: {a: A}, examples: [a]", "null", []),
    ],
)
def test_mistake_in_a_param_is_found_when_the_spec_is_compiled(param: str, schedule: str, found: list[str]) -> None:
    assert problems(f"d: {{params: {{p: {{{PARAM}, {param}}}}}, schedule: {schedule}, tasks: {{}}}}") == found


def test_unknown_keyword_of_a_schema_gets_the_closest_one() -> None:
    assert "'minimum'" in messages(f"d: {{params: {{p: {{{PARAM}, minimun: 3}}}}, tasks: {{}}}}")[0]


def test_macros_are_values_mappings_and_import_paths() -> None:
    macros = (
        "{f: helpers.dates.quarter, n: 5, list: [a.b], more: {g: m.g, yes: true}, span: {__type__: datetime.timedelta}}"
    )
    assert dag(f"d: {{user_defined_macros: {macros}, tasks: {{}}}}").user_defined_macros == {
        "f": {"__import__": "helpers.dates.quarter"},
        "n": 5,
        "list": ["a.b"],
        "more": {"g": {"__import__": "m.g"}, "yes": True},
        "span": {"__type__": "datetime.timedelta"},
    }
    assert dag("d: {user_defined_macros: null, tasks: {}}").user_defined_macros == {}


@pytest.mark.parametrize(
    ("macros", "task", "found"),
    [
        ("{f: plain text}", "{operator: x.Y}", ["1 LW129"]),
        ("{f: print}", "{operator: x.Y}", ["1 LW129"]),
        ("{'a-b': 1}", "{operator: x.Y}", ["1 LW129"]),
        ("{f: m.f}", "{operator: BashOperator, bash_command: '{{ f() }}'}", []),
        ("{f: m.f}", "{operator: x.Y, a: '{{ f() }}'}", []),
        ("{f: m.f}", "AWS '{{ f() }}'", ["1 LW133"]),
        ("{f: m.f}", "AWS ['x', {k: '{% if f %}{% endif %}'}]", ["1 LW133"]),
        ("{f: {g: m.g}}", "AWS '{{ f.g() }}'", ["1 LW133"]),
        ("{f: m.f}", "AWS 'f, {{ fun }}'", []),
        ("{f: m.f}", "AWS \"{{ params.f }} {{ 'f' }}\"", []),
        ("{f: m.f}", "AWS f", []),
        ("{f: m.f}", "AWS 5", []),
        ("{f: m.f}", "AWS ['{{ ds }}', 5]", []),
        ("{f: 5}", "AWS '{{ f }}'", []),
    ],
)
def test_macro_of_user_code_is_for_tasks_that_run_user_code(macros: str, task: str, found: list[str]) -> None:
    call = "{operator: AwsApiOperator, service: s3, action: ListBuckets, parameters: {P: %s}}"
    keys = call % task.removeprefix("AWS ") if task.startswith("AWS ") else task
    assert problems(f"d: {{user_defined_macros: {macros}, tasks: {{t: {keys}}}}}") == found


@pytest.mark.parametrize(("written", "value"), [("true", True), ("false", False), ("null", None)])
def test_a_task_may_say_itself_whether_its_templates_are_native(written: str, value: bool | None) -> None:
    found = dag(f"d: {{tasks: {{t: {{operator: x.Y, render_template_as_native_obj: {written}}}}}}}")
    assert found.task("t").render_template_as_native_obj is value
    assert json.dumps(found.timezone) == '"UTC"'


@pytest.mark.parametrize(
    ("written", "folders", "found"),
    [
        ("sql", ("sql",), []),
        ("[sql/, /dags/more/x, ., /dags]", ("sql", "more/x"), []),
        ("null", (), []),
        ("/etc", (), ["1 LW149"]),
        ("[../x]", (), ["1 LW149"]),
        ("/dags/../x", (), ["1 LW149"]),
    ],
)
def test_folders_of_templates_lie_beside_the_spec(written: str, folders: tuple[str, ...], found: list[str]) -> None:
    text = f"d: {{template_searchpath: {written}, tasks: {{}}}}"
    assert problems(text, env={"CONFIG_ROOT_DIR": "/dags"}) == found
    if not found:
        assert dag(text, env={"CONFIG_ROOT_DIR": "/dags"}).template_searchpath == folders


def test_folder_is_relative_where_nobody_says_where_the_spec_lies() -> None:
    assert dag("d: {template_searchpath: sql, tasks: {}}").template_searchpath == ("sql",)
