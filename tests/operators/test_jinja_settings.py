"""What a DAG may set of Jinja: filters of its own, the class of undefined values, and settings of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from leeward.templating.render import Settings, render
from tests.running import run

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
