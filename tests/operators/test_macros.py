"""Macros of the user's own: values anywhere, user code only in its own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leeward.core.run import RunInfo, RunRef, RunType
from leeward.operators.base import Attempt
from leeward.operators.facts import facts
from leeward.worker.serve import Worker
from tests.running import DATE, Ended, run
from tests.spec.reading import dag as compiled_dag

MODULE = """
    import os

    LIMIT = 3

    def quarter(date):
        return f"Q{(date.month + 2) // 3}"

    def pid():
        return os.getpid()

    def fail():
        raise ValueError("no good")

    def both(*args, **kwargs):
        return [*args, kwargs["word"], os.getpid()]

    class Op:
        template_fields = ["a"]
        def __init__(self, task_id, **kwargs):
            self.a, self.b = kwargs["a"], kwargs["b"]
        def execute(self, context):
            return [self.a, self.b]
"""


def _run(task: str, folder: Path, more: str = "") -> Ended:
    text = f"""
        d:
          user_defined_macros: {{quarter: m.quarter, pid: m.pid, fail: m.fail, n: 5, deep: {{limit: m.LIMIT, k: 7}}, ds: m.LIMIT}}
          {more}
          tasks:
            t: {task}
        """
    return run(text, folder, modules={"m.py": MODULE, "say.sh": "echo {{ quarter(logical_date) }} of {{ ds }}\n"})


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("echo {{ quarter(logical_date) }} {{ n }} {{ deep.limit }} {{ deep.k }}", "Q1 5 3 7"),
        ("echo {{ ds }}", "2024-01-15"),
        ("say.sh", "Q1 of 2024-01-15"),
        ("echo {{ ti.xcom_pull('nobody') }}", "None"),
    ],
)
def test_bash_command_is_rendered_where_user_code_runs(command: str, text: str, tmp_path: Path) -> None:
    ended = _run(f'{{operator: BashOperator, bash_command: "{command}"}}', tmp_path)
    assert ended.xcoms == {"t": text}, ended.errors


def test_environment_and_folder_of_a_command_are_rendered_too(tmp_path: Path) -> None:
    keys = (
        "bash_command: 'echo $A $AIRFLOW_CTX_DAG_ID; pwd', env: {A: '{{ n }}'}, append_env: true, cwd: '{{ deep.k }}'"
    )
    (tmp_path / "7").mkdir()
    ended = _run(
        f"{{operator: BashOperator, {keys.replace('{{ deep.k }}', str(tmp_path) + '/{{ deep.k }}')}}}", tmp_path
    )
    assert ended.xcoms == {"t": str((tmp_path / "7").resolve())}, ended.errors
    assert "t: 5 d" in ended.log


@pytest.mark.parametrize(
    ("command", "words"),
    [("{{ fail() }}", "ValueError: no good"), ("{{ nobody }}", "'nobody' is undefined")],
)
def test_command_that_cannot_be_rendered_there_fails_its_try(command: str, words: str, tmp_path: Path) -> None:
    error = _run(f"{{operator: BashOperator, bash_command: '{command}'}}", tmp_path).errors["t"]
    assert error.startswith("LW401")
    assert words in error


def test_python_task_is_rendered_in_the_process_that_runs_it(tmp_path: Path) -> None:
    keys = "op_args: ['{{ pid() }}', '{{ quarter(logical_date) }}'], op_kwargs: {word: '{{ deep.limit }}'}"
    ended = _run(f"{{operator: airflow.operators.python.PythonOperator, python_callable: m.both, {keys}}}", tmp_path)
    found = ended.xcoms["t"]
    assert isinstance(found, list)
    rendered_in, quarter, limit, ran_in = found
    assert (rendered_in, quarter, limit) == (str(ran_in), "Q1", "3")


def test_class_of_the_users_gets_its_template_fields_rendered(tmp_path: Path) -> None:
    assert _run("{operator: m.Op, a: '{{ n }}', b: '{{ n }}'}", tmp_path).xcoms == {"t": ["5", "{{ n }}"]}


def test_native_templates_give_what_macros_return(tmp_path: Path) -> None:
    keys = "op_args: ['{{ deep.limit }}', '{{ [n, n] }}'], op_kwargs: {word: '{{ logical_date.year }}'}"
    task = f"{{operator: airflow.operators.python.PythonOperator, python_callable: m.both, {keys}}}"
    ended = _run(task, tmp_path, "render_template_as_native_obj: true")
    assert ended.xcoms["t"][:3] == [3, [5, 5], 2024]  # type: ignore[index]


def test_values_are_macros_of_every_template_without_user_code(tmp_path: Path) -> None:
    text = """
        d:
          user_defined_macros: {n: 5, deep: {k: 7}, span: {__type__: datetime.timedelta, days: 1}}
          tasks:
            t: {operator: BashOperator, bash_command: "echo {{ n }} {{ deep.k }} {{ logical_date + span }}"}
        """
    assert run(text, tmp_path).xcoms == {"t": "5 7 2024-01-16 06:30:00+00:00"}


@pytest.mark.parametrize(
    ("dag", "task", "value"),
    [("true", "null", [1, 2]), ("true", "false", "[1, 2]"), ("false", "true", [1, 2]), ("false", "null", "[1, 2]")],
)
def test_task_says_over_its_dag_whether_its_templates_are_native(
    dag: str, task: str, value: object, tmp_path: Path
) -> None:
    text = f"""
        d:
          render_template_as_native_obj: {dag}
          params: {{list: [1, 2]}}
          tasks:
            t:
              operator: airflow.operators.python.PythonOperator
              python_callable: m.same
              op_args: ["{{{{ params.list }}}}"]
              render_template_as_native_obj: {task}
        """
    assert run(text, tmp_path, modules={"m.py": "def same(x):\n    return x\n"}).xcoms == {"t": value}


@pytest.mark.parametrize(
    ("template", "value"),
    [("{{ logical_date }}", "2024-01-15 06:30:00+00:00 datetime"), ("{{ (1, 2) }}", "[1, 2] list")],
)
def test_native_value_reaches_user_code_as_what_it_is(template: str, value: str, tmp_path: Path) -> None:
    text = f"""
        d:
          render_template_as_native_obj: true
          tasks:
            t: {{operator: airflow.operators.python.PythonOperator, python_callable: m.kind, op_args: ["{template}"]}}
        """
    module = "def kind(x):\n    return f'{x} {type(x).__name__}'\n"
    ended = run(text, tmp_path, modules={"m.py": module})
    assert ended.xcoms == {"t": value}, ended.errors


def test_native_object_that_cannot_travel_fails_the_try(tmp_path: Path) -> None:
    text = """
        d:
          render_template_as_native_obj: true
          tasks:
            t: {operator: airflow.operators.python.PythonOperator, python_callable: m.f, op_args: ["{{ ti }}"]}
        """
    assert "LW412 the rendered op_args" in run(text, tmp_path).errors["t"]


def test_worker_function_renders_a_command_before_it_runs_it(tmp_path: Path) -> None:
    worker = Worker(tmp_path, {}, lambda what, arguments: None, lambda order, line: None)
    (tmp_path / "none").mkdir()
    fields = {"command": "echo {{ word }}", "env": {"A": "{{ word }}"}, "cwd": None}
    templates = {
        "native": False,
        "searchpath": [],
        "macros": {"word": "said", "sep": {"__import__": "os.sep"}},
        "filters": {},
        "undefined": "StrictUndefined",
        "options": {},
    }
    dag = compiled_dag("d: {tasks: {t: {operator: x.Y}}}")
    info = RunInfo(RunRef("d", "r", "v"), RunType.MANUAL, DATE, DATE, DATE, DATE)
    known = facts(Attempt(dag, dag.task("t"), info, 1, 0, "", 0.0))
    order: dict[str, Any] = {
        "kind": "bash",
        "command": "",
        "environment": {},
        "inherit": True,
        "cwd": None,
        "encoding": "utf-8",
        "bundle": "",
        "seconds": 30.0,
        "upstream": [],
        "xcoms": [],
        "render": {"kind": "render", "fields": fields, "templates": templates, "facts": known, "environment": {}},
    }
    try:
        assert worker.answer(order, 30.0) == {"code": 0, "last_line": "said"}
        order["render"]["fields"] = {**fields, "command": "{{ nobody }}"}
        assert "'nobody' is undefined" in worker.answer(order, 30.0)["unrendered"]
    finally:
        worker._process.stop()  # type: ignore[union-attr]


FILES = {
    "head.txt": "{% set n = 2 %}head {{ ds }} {{ n }} {% include 'tail.txt' %}",
    "sql/tail.txt": "tail {{ params.p }}",
    "sql/macros.txt": "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}",
}


@pytest.mark.parametrize("macros", ["{}", "{pid: m.pid}"])
@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("echo {% include 'head.txt' %}", "head 2024-01-15 2 tail 7"),
        ("echo {% from 'macros.txt' import twice %}{{ twice(ds_nodash) }}", "2024011520240115"),
        ("{% set m = 1 %}{% import 'macros.txt' as m with context %}echo {{ m.twice(1) }}", "11"),
        ("{% include 'gone.txt' %}", "TemplateNotFound: gone.txt"),
        ("{% include '../head.txt' %}", "TemplateNotFound"),
        ("{% include '/etc/hostname' %}", "TemplateNotFound"),
    ],
)
def test_templates_find_files_beside_the_spec(command: str, text: str, macros: str, tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    spec = f"""
        d:
          params: {{p: 7}}
          user_defined_macros: {macros}
          template_searchpath: [$CONFIG_ROOT_DIR/sql/]
          tasks:
            t: {{operator: BashOperator, bash_command: "{command}"}}
        """
    ended = run(spec, tmp_path, modules={"m.py": MODULE})
    if "t" in ended.xcoms:
        assert ended.xcoms == {"t": text}
    else:
        assert text in ended.errors["t"], ended.errors
