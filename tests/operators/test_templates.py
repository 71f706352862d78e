"""Templates: Airflow's variables, and what the sandbox refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leeward.core.errors import TaskError
from leeward.templating.macros import macros
from leeward.templating.moments import moment
from leeward.templating.render import MAX_TEMPLATE, Settings, render
from leeward.templating.sandbox import MAX_OUTPUT
from leeward.worker.known import Known
from tests.running import one, run

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


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ execution_date }}", "Airflow 3 removed it: write logical_date"),
        ("{{ logical_dat }}", "did you mean logical_date?"),
        ("{{ zzzzzz }}", "'zzzzzz' is undefined"),
        ("{{ outlet_events }}", "LW411 outlet_events is not known here: it needs asset events"),
        ("{{ inlet_events }}", "LW411"),
        ("{{ task_state_store }}", "LW411"),
        ("{{ ti.xcom_pull(dag_id='x', task_ids='t') }}", "this DAG run only"),
        ("{{ ti.xcom_pull(include_prior_dates=true) }}", "this DAG run only"),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'full') }}", "write a pattern"),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'G') }}", "'G' is not supported"),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'd', 'xx') }}", "no words for the locale"),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'd', '../x') }}", "is no locale"),
        ("{{ macros.yaml.safe_load('{') }}", "LW401"),
    ],
)
def test_error_says_what_is_missing_and_what_to_write(template: str, words: str, tmp_path: Path) -> None:
    keys = f"operator: BashOperator\nbash_command: {json.dumps(template)}"
    assert words in one(keys, tmp_path).errors["t"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ macros.datetime.fromisoformat('2024-01-02') + macros.timedelta(days=1) }}", "2024-01-03 00:00:00"),
        ("{{ macros.datetime }} {{ macros.timedelta(days=2) }}", "<class 'datetime.datetime'> 2 days, 0:00:00"),
        ("{{ macros.dateutil.relativedelta.relativedelta(months=1) + logical_date }}", "2024-02-15 06:30:00+00:00"),
        ("{{ macros.dateutil.tz.gettz('Europe/Paris') is none }}", "False"),
        ("{{ macros.dateutil.easter.easter(2024) }} {{ macros.dateutil.utils.today().hour }}", "2024-03-31 0"),
        ("{{ macros.json.loads('[1]')[0] }} {{ macros.json.dumps({'a': 1}) }}", '1 {"a": 1}'),
        ("{{ macros.yaml.safe_load('a: 1').a }} {{ macros.yaml.dump({'b': 2}) }}", "1 b: 2"),
        ("{{ macros.uuid.uuid5(macros.uuid.NAMESPACE_DNS, 'x').version }}", "5"),
        ("{{ macros.random() < 1 }} {{ macros.time.strftime('%Y', macros.time.gmtime(0)) }}", "True 1970"),
        ("{{ macros.datetime_diff_for_humans(logical_date, logical_date.add(days=2)) }}", "2 days before"),
        (
            "{{ macros.ds_format_locale('12/07/2016', '%d/%m/%Y', 'EEEE dd MMMM yyyy', 'en_US') }}",
            "Tuesday 12 July 2016",
        ),
        (
            "{{ macros.ds_format_locale(ds, '%Y-%m-%d', \"d. MMM yy 'um' h:mm a, ''S\", 'de_DE') }}",
            "15. Jan. 24 um 12:00 vorm., '0",
        ),
        ("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'E, MM/dd D H K k s u') }}", "Mon, 01/15 15 0 0 24 0 2024"),
        (
            "{{ dag_run.run_type == 'manual' }} {{ dag_run.state }} {{ ti.state.value }}",
            "True DagRunState.RUNNING running",
        ),
        ("{{ dag }} {{ task }} {{ dag_run.conf }}", "<DAG: d> <Task(BashOperator): t> {}"),
        ("{{ task.retry_delay }} {{ task.downstream_task_ids }} {{ dag.task_ids }}", "0:05:00 set() ['t']"),
        ("{{ dag.schedule }} {{ dag.max_active_runs }} {{ dag.catchup }}", "@daily 16 False"),
        (
            "{{ dag.start_date }} {{ dag.timezone }} {{ task.dag.dag_id }}",
            "2024-01-01 05:00:00+00:00 America/New_York d",
        ),
        ("{{ task_reschedule_count }} {{ expanded_ti_count }} {{ triggering_asset_events }}", "0 None {}"),
        (
            "{{ ti.is_mapped }} {{ ti.map_index }} {{ ti.task.owner }} {{ task.bash_command | length > 9 }}",
            "False -1 airflow True",
        ),
        ("{% set l = [] %}{% do l.append(1) %}{{ l }}", "[1]"),
        ("{{ none | ds }} {{ none | ts }}", "None None"),
        ("{{ prev_start_date_success }} {{ prev_data_interval_end_success }}", "None None"),
        ("{{ (data_interval_end - data_interval_start).in_words() }}", "0 microseconds"),
        ("a\r\nb{{ '' }}\n", "b"),
    ],
)
def test_macros_and_objects_are_airflows(template: str, text: str, tmp_path: Path) -> None:
    spec = """
        d:
          schedule: "@daily"
          start_date: 2024-01-01
          timezone: America/New_York
          tasks:
            t: {operator: BashOperator, bash_command: "cat << 'E' | sed '/^$/d'\\n%s\\nE"}
        """
    found = run(spec % json.dumps(template)[1:-1], tmp_path)
    assert found.xcoms == {"t": text}, found.errors


@pytest.mark.parametrize(
    ("written", "value"),
    [("a\r\nb\rc\n\n", "a\nb\nc\n"), ("plain", "plain"), ("\n", ""), ("5", "5"), ("{# gone #}x\n", "x")],
)
def test_text_is_what_jinja_makes_of_it_with_or_without_templates(written: str, value: str) -> None:
    assert render(written, CONTEXT, Settings()) == value


def test_values_that_are_no_text_are_left_alone_and_containers_gone_through() -> None:
    value = {"k": ["{{ a[0] }}", 5, None, {"x": ("{{ d.k }}",)}], "{{ a }}": True}
    assert render(value, CONTEXT, Settings()) == {"k": ["1", 5, None, {"x": ["v"]}], "{{ a }}": True}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ a }}", [1, 2]),
        ("{{ n }}", None),
        ("{{ a[0] }}{{ a[1] }}", 12),
        ("x{{ d.k }}", "xv"),
        ("{{ '012' }}", "012"),
        ("{{ d.k }}: 1", "v: 1"),
        ("5", 5),
        ("[1, 'a']\n", [1, "a"]),
        (" 5", " 5"),
        ("echo 1", "echo 1"),
        ("f(1)", "f(1)"),
    ],
)
def test_native_templates_give_values(template: str, value: object) -> None:
    assert render(template, CONTEXT, Settings(native=True)) == value
    assert isinstance(render(template, CONTEXT, Settings()), str)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ d.__class__.__mro__ }}",
        "{{ d['__class__'] }}",
        "{{ d | attr('__class__') }}",
        "{{ '{0.__class__.__mro__}'.format(d) }}",
        "{{ '%s'.__mod__(d) }}",
        "{{ macros.ds_add.__globals__ }}",
        "{{ macros.ds_add.__code__ }}",
        "{{ macros.datetime.sys }}",
        "{{ macros.datetime.__subclasses__() }}",
        "{{ macros.datetime.mro() }}",
        "{{ macros.datetime._call }}",
        "{{ macros._members }}",
        "{{ macros | attr('_members') }}",
        "{{ macros.__getattr__('_members') }}",
        "{{ macros.json.codecs }}",
        "{{ macros.json.loads.__globals__ }}",
        "{{ macros.json.load }}",
        "{{ macros.time.sleep(1) }}",
        "{{ macros.uuid.os }}",
        "{{ macros.uuid.getnode() }}",
        "{{ macros.yaml.load('x') }}",
        "{{ macros.yaml.unsafe_load('x') }}",
        "{{ macros.yaml.dump(macros) }}",
        "{{ macros.random.__self__ }}",
        "{{ macros.dateutil.sys }}",
        "{{ macros.dateutil.parser._parser }}",
        "{{ macros.dateutil.tz.tzfile('/etc/hostname') }}",
        "{{ macros.dateutil.tz.gettz('/etc/hostname') }}",
        "{{ macros.dateutil.tz.gettz('../../../etc/hostname') }}",
        "{{ macros.dateutil.rrule }}",
        "{{ macros.os }}",
        "{{ macros() }}",
        "{{ moment.__init__ }}",
        "{{ moment.in_timezone('../../etc/hostname') }}",
        "{{ moment.__reduce__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ lipsum.__globals__ }}",
        "{% include '/etc/hostname' %}",
        "{% import 'os' as os %}",
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
    context = {**CONTEXT, "macros": macros(), "moment": moment("2024-01-15T06:30:00+00:00")}
    for native in (False, True):
        with pytest.raises(TaskError, match="LW401"):
            render(template, context, Settings(native))


def test_stand_ins_are_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        macros().json.loads = len
    with pytest.raises(AttributeError, match="can't be changed"):
        Known("<x>", {}).name = 1
    with pytest.raises(AttributeError, match="no 'nobody' for templates"):
        _ = macros().json.nobody


def test_arithmetic_of_ordinary_size_works() -> None:
    assert render("{{ 2 ** 10 * 3 }} {{ 'ab' * 2 }}", CONTEXT, Settings()) == "3072 abab"
    assert MAX_OUTPUT > 1_000_000
