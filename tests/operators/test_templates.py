"""Templates: Airflow's variables, and what the sandbox refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leeward.core.errors import TaskError
from leeward.templating.render import MAX_TEMPLATE, render
from leeward.templating.sandbox import MAX_OUTPUT
from tests.running import one

CONTEXT: dict[str, Any] = {"a": [1, 2], "d": {"k": "v"}, "n": None}
KEYS = """
operator: BashOperator
bash_command: "echo '%s'"
params: {p: 5}
"""


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ ds }} {{ ds_nodash }} {{ ts }}", "2024-01-15 20240115 2024-01-15T06:30:00+00:00"),
        ("{{ ts_nodash }} {{ ts_nodash_with_tz }}", "20240115T063000 20240115T063000+0000"),
        ("{{ logical_date }} {{ data_interval_end | ds }}", "2024-01-15 06:30:00+00:00 2024-01-15"),
        ("{{ logical_date | ts_nodash }} {{ logical_date | ds_nodash }}", "20240115T063000 20240115"),
        (
            "{{ logical_date | ts }} {{ logical_date | ts_nodash_with_tz }}",
            "2024-01-15T06:30:00+00:00 20240115T063000+0000",
        ),
        ("{{ dag.dag_id }}.{{ task.task_id }} {{ ti.try_number }}/{{ ti.max_tries }}", "d.t 1/0"),
        ("{{ run_id }} {{ dag_run.run_type }}", "manual__2024-01-15T06:30:00+00:00 DagRunType.MANUAL"),
        ("{{ params.p }} {{ params['p'] }} {{ dag_run.conf.c }}", "5 5 x"),
        ('{{ var.value.v }} {{ var.json.j.k }} {{ var.value.get("no", "d") }}', "text 1 d"),
        ('{{ conn.db.login }} {{ conn.db.extra_dejson.k }} {{ conn.get("no", "d") }}', "me v d"),
        ("{{ macros.ds_add(ds, 2) }} {{ macros.ds_add(ds, 0) }}", "2024-01-17 2024-01-15"),
        ('{{ macros.ds_format(ds, "%Y-%m-%d", "%d.%m.%y") }}', "15.01.24"),
        ("{{ logical_date + macros.timedelta(hours=1) }}", "2024-01-15 07:30:00+00:00"),
        ("{% for i in [1, 2] %}{{ i }}{% endfor %}{# gone #}", "12"),
    ],
)
def test_template_has_airflows_variables(template: str, text: str, tmp_path: Path) -> None:
    environment = {
        "AIRFLOW_VAR_V": "text",
        "AIRFLOW_VAR_J": '{"k": 1}',
        "AIRFLOW_CONN_DB": '{"conn_type": "x", "login": "me", "extra": {"k": "v"}}',
    }
    ended = one(KEYS % template.replace('"', '\\"'), tmp_path, environment=environment, conf={"c": "x"})
    assert ended.xcoms == {"t": text}, ended.errors


@pytest.mark.parametrize(
    "template",
    ["{{ nobody }}", "{{ var.value.nobody }}", "{{ conn.nobody }}", "{{ params.q }}", "{{ ti.channel }}", "{% if %}"],
)
def test_what_is_not_there_fails_the_try(template: str, tmp_path: Path) -> None:
    assert "LW401" in one(KEYS % template, tmp_path).errors["t"]


def test_values_that_are_no_text_are_left_alone_and_containers_gone_through() -> None:
    value = {"k": ["{{ a[0] }}", 5, None, {"x": ("{{ d.k }}",)}], "{{ a }}": True}
    assert render(value, CONTEXT, native=False) == {"k": ["1", 5, None, {"x": ["v"]}], "{{ a }}": True}


@pytest.mark.parametrize(
    ("template", "value"), [("{{ a }}", [1, 2]), ("{{ n }}", None), ("{{ a[0] }}{{ a[1] }}", 12), ("x{{ d.k }}", "xv")]
)
def test_native_templates_give_values(template: str, value: object) -> None:
    assert render(template, CONTEXT, native=True) == value
    assert isinstance(render(template, CONTEXT, native=False), str)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ 9 ** 9999999 }}",
        "{{ 'x' * 99999999 }}",
        "{{ 99999999 * [1] }}",
        "{% for i in range(999999) %}x{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 99 }}{% endfor %}",
        "{{ d.k + 1 }}",
        "{{ 1 // 0 }}",
        "{{ " + "x" * MAX_TEMPLATE + " }}",
    ],
)
def test_sandbox_refuses(template: str) -> None:
    with pytest.raises(TaskError, match="LW401"):
        render(template, CONTEXT, native=False)


def test_arithmetic_of_ordinary_size_works() -> None:
    assert render("{{ 2 ** 10 * 3 }} {{ 'ab' * 2 }}", CONTEXT, native=False) == "3072 abab"
    assert MAX_OUTPUT > 1_000_000
