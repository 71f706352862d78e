"""What a spec may set of Jinja, and what is told of the rest."""

from __future__ import annotations

import pytest

from tests.spec.reading import dag, problems

FILTERS = "user_defined_filters: {shout: m.shout}"


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
