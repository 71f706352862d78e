"""What a DAG may set of Jinja: filters of its own, the class of undefined values, and settings of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from leeward.templating.render import Settings, render
from tests.running import run
from tests.spec.reading import dag, problems

MODULE = """
    def shout(text, mark="!"):
        return str(text).upper() + mark

    def same(x):
        return x
"""
FILTERS = "user_defined_filters: {shout: m.shout}"


def _said(task: str, more: str, folder: Path) -> object:
    ended = run(f"d: {{{more}, tasks: {{t: {task}}}}}", folder, modules={"m.py": MODULE})
    return ended.xcoms.get("t", ended.errors.get("t"))


@pytest.mark.parametrize(
    "task",
    [
        "{operator: BashOperator, bash_command: \"echo '{{ 'word' | shout }}'\"}",
        "{operator: PythonOperator, python_callable: m.same, op_args: [\"{{ 'word' | shout }}\"]}",
        "{operator: PythonOperator, python_callable: m.same, op_args: ['{% filter shout %}word{% endfilter %}']}",
    ],
)
def test_filters_of_the_dags_own_run_where_user_code_does(task: str, tmp_path: Path) -> None:
    assert _said(task, FILTERS, tmp_path) == "WORD!"


@pytest.mark.parametrize("filters", [FILTERS, "tags: [x]"])
@pytest.mark.parametrize(
    ("undefined", "template", "said"),
    [
        ("jinja2.Undefined", "a{{ nobody }}", "a"),
        ("jinja2.ChainableUndefined", "a{{ nobody.at.all }}", "a"),
        ("jinja2.DebugUndefined", "a{{ nobody }}", "a{{ nobody }}"),
    ],
)
def test_undefined_names_become_what_the_dag_says(
    undefined: str, template: str, said: str, filters: str, tmp_path: Path
) -> None:
    task = f"{{operator: PythonOperator, python_callable: m.same, op_args: ['{template}']}}"
    assert _said(task, f"{filters}, template_undefined: {undefined}", tmp_path) == said


def test_undefined_names_are_errors_by_default_and_by_name(tmp_path: Path) -> None:
    task = "{operator: PythonOperator, python_callable: m.same, op_args: ['{{ nobody }}']}"
    for more in ("tags: [x]", "template_undefined: null", "template_undefined: jinja2.runtime.StrictUndefined"):
        assert "'nobody' is undefined" in str(_said(task, more, tmp_path))


@pytest.mark.parametrize(
    ("options", "text", "rendered"),
    [
        ({"keep_trailing_newline": True}, "a\n", "a\n"),
        ({"keep_trailing_newline": True}, "{{ 1 }}\n", "1\n"),
        ({"newline_sequence": "\r\n"}, "a\nb", "a\r\nb"),
        ({"trim_blocks": True}, "{% if 1 %}\na{% endif %}", "a"),
        ({"autoescape": True}, "{{ '<' }}<", "&lt;<"),
        ({"extensions": ["jinja2.ext.loopcontrols"]}, "{% for i in [1, 2] %}{{ i }}{% break %}{% endfor %}", "1"),
        ({}, "a\n", "a"),
    ],
)
def test_settings_of_jinja_hold_for_every_text(options: dict[str, object], text: str, rendered: str) -> None:
    assert render(text, {}, Settings(options=options)) == rendered


def test_settings_are_read_from_the_spec() -> None:
    found = dag("d: {jinja_environment_kwargs: {trim_blocks: true}, template_undefined: jinja2.Undefined, tasks: {}}")
    assert (found.jinja_environment_kwargs, found.template_undefined) == ({"trim_blocks": True}, "Undefined")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("template_undefined: mine.Undefined", ["1 LW152"]),
        ("template_undefined: jinja2.Environment", ["1 LW152"]),
        ("jinja_environment_kwargs: {variable_start_string: '<<'}", ["1 LW152"]),
        ("jinja_environment_kwargs: {trim_blocks: 1}", ["1 LW152"]),
        ("jinja_environment_kwargs: {extensions: [mine.Extension]}", ["1 LW152"]),
        ("jinja_environment_kwargs: {cache_size: 50}", ["1 LW201"]),
        ("user_defined_filters: {x: 5}", ["1 LW129"]),
        ("user_defined_filters: {x: {y: m.f}}", ["1 LW129"]),
        ("user_defined_filters: {x: nothing}", ["1 LW129"]),
        ("user_defined_filters: null", []),
    ],
)
def test_what_templates_cannot_have_is_told(keys: str, found: list[str]) -> None:
    assert problems(f"d: {{{keys}, tasks: {{}}}}") == found


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{{ ds | shout }}", ["1 LW133"]),
        ("{{ ds|shout('?') }}", ["1 LW133"]),
        ("{% filter shout %}x{% endfilter %}", ["1 LW133"]),
        ("{{ ds }} | shout", []),
        ("{{ params.shout }}", []),
    ],
)
def test_filters_of_user_code_are_for_tasks_that_run_it(template: str, found: list[str]) -> None:
    task = f'operator: SnsPublishOperator, target_arn: a, message: "{template}"'
    assert problems(f"d: {{{FILTERS}, tasks: {{t: {{{task}}}}}}}") == found
