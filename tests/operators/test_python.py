"""Python callables, branches and classes of the user's own, in real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import Ended, one, run

PYTHON = "operator: airflow.providers.standard.operators.python.PythonOperator\n"
MODULE = """
    import datetime, os, sys, time

    def add(x, y=0):
        return x + y

    def context(ds, ti, params, dag_run, **kwargs):
        return [ds, ti.task_id, ti.try_number, ti.max_tries, params["p"], dag_run.conf["c"], sorted(kwargs)[:3]]

    def nothing():
        return None

    def typed(delta, when):
        return [str(delta), when.year]

    def outputs():
        return {"a": 1, "b": [2]}

    def push(ti):
        ti.xcom_push("extra", {"k": 1})
        return ti.xcom_pull(task_ids="nobody", map_indexes=None, default="none")

    def pull(ti):
        return [ti.xcom_pull(task_ids="push", key="extra"), ti.xcom_pull(task_ids=["push", "gone"]), ti.xcom_pull()]

    def fail():
        raise ValueError("no good")

    def named(name):
        from airflow.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
        errors = {"skip": AirflowSkipException, "fail": AirflowFailException, "late": AirflowSensorTimeout}
        raise errors[name]("asked for")

    def leave(code):
        sys.exit(code)

    def die():
        os._exit(3)

    def chat():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        os.system("echo from a child")
        sys.stdout.write("no newline")

    def hang():
        time.sleep(60)

    def unsayable():
        return object()

    def process():
        os.environ["LEFT"] = "over"
        os.chdir("/")
        return os.getpid()

    def clean():
        return [os.getpid(), "LEFT" in os.environ, os.getcwd() == "/"]

    def variables():
        from airflow.models import Variable
        from airflow.sdk import get_current_context
        context = get_current_context()
        return [Variable.get("v"), Variable.get("j", deserialize_json=True), Variable.get("no", default="d"),
                context["var"].value.v, context["conn"].db.host]
"""


def _one(keys: str, folder: Path, **more: object) -> Ended:
    return one(PYTHON + keys, folder, modules={"m.py": MODULE}, **more)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("python_callable: m.add\nop_args: [1]\nop_kwargs: {y: 2}", 3),
        ("python_callable: m.add\nop_kwargs: {x: '{{ ds }}', y: '!', unknown: 1}", "2024-01-15!"),
        ("python_callable_name: add\npython_callable_file: $CONFIG_ROOT_DIR/m.py\nop_args: [5]", 5),
        (
            "python_callable: m.typed\nop_kwargs:\n  delta: {__type__: datetime.timedelta, hours: 1}\n  when: 2024-02-03",
            ["1:00:00", 2024],
        ),
    ],
)
def test_callable_gets_its_arguments(keys: str, value: object, tmp_path: Path) -> None:
    ended = _one(keys, tmp_path)
    assert ended.xcoms == {"t": value}, ended.errors


def test_callable_gets_what_its_signature_asks_of_the_context(tmp_path: Path) -> None:
    ended = _one("python_callable: m.context\nparams: {p: 7}\nretries: 2", tmp_path, conf={"c": "conf"})
    assert ended.xcoms == {"t": ["2024-01-15", "t", 1, 2, 7, "conf", ["conn", "dag", "data_interval_end"]]}


def test_null_is_not_pushed(tmp_path: Path) -> None:
    ended = _one("python_callable: m.nothing", tmp_path)
    assert (ended.state, ended.xcoms) == ("success", {})


def test_xcoms_are_pushed_and_pulled_by_key(tmp_path: Path) -> None:
    text = f"""
        d:
          tasks:
            push: {{{PYTHON.strip()}, python_callable: m.push}}
            pull: {{{PYTHON.strip()}, python_callable: m.pull, dependencies: [push]}}
        """
    ended = run(text, tmp_path, modules={"m.py": MODULE})
    assert ended.xcoms == {"push": "none", "pull": [{"k": 1}, ["none", None], None]}


def test_multiple_outputs_are_pushed_one_by_one(tmp_path: Path) -> None:
    text = """
        d:
          tasks:
            a: {decorator: airflow.decorators.task, python_callable: m.outputs, multiple_outputs: true}
            b: {decorator: airflow.decorators.task, python_callable: m.add, x: "+a['b']", y: ["+"]}
        """
    assert run(text, tmp_path, modules={"m.py": MODULE}).xcoms["b"] == [2, "+"]
    wrong = _one("python_callable: m.add\nop_args: [1]\nmultiple_outputs: true", tmp_path)
    assert "LW408" in wrong.errors["t"]


@pytest.mark.parametrize(
    ("keys", "state", "tries", "words"),
    [
        ("python_callable: m.fail", "failed", 2, "ValueError: no good"),
        ("python_callable: m.named\nop_args: [skip]", "skipped", 1, ""),
        ("python_callable: m.named\nop_args: [fail]", "failed", 1, "AirflowFailException: asked for"),
        ("python_callable: m.named\nop_args: [late]", "failed", 1, "AirflowSensorTimeout: asked for"),
        ("python_callable: m.leave\nop_args: [0]", "failed", 2, "SystemExit: 0"),
        ("python_callable: m.die", "failed", 2, "exit code 3"),
        ("python_callable: m.unsayable", "failed", 2, "type object can't be stored"),
        ("python_callable: m.gone", "failed", 2, "AttributeError"),
        ("python_callable: gone.f", "failed", 2, "ModuleNotFoundError"),
        ("python_callable: alone", "failed", 2, "no import path"),
        ("python_callable: m.add\nop_args: ['{{ nobody }}']", "failed", 2, "'nobody' is undefined"),
        ("python_callable: m.add\nop_args: [1]\nop_kwargs: {x: 1}", "failed", 2, "reserved"),
    ],
)
def test_what_is_raised_decides_state_and_tries(keys: str, state: str, tries: int, words: str, tmp_path: Path) -> None:
    ended = _one(keys + "\nretries: 1\nretry_delay: 0", tmp_path)
    assert (ended.states["t"], ended.tries["t"]) == (state, tries)
    assert words in ended.errors.get("t", "")


def test_output_of_user_code_and_its_children_is_logged(tmp_path: Path) -> None:
    log = _one("python_callable: m.chat", tmp_path).log
    assert sorted(log) == [
        "t: Done. Returned value was: None",
        "t: from a child",
        "t: no newline",
        "t: to stderr",
        "t: to stdout",
    ]


def test_traceback_is_logged(tmp_path: Path) -> None:
    assert any("ValueError: no good" in line for line in _one("python_callable: m.fail", tmp_path).log)


def test_callable_that_hangs_is_killed_and_its_process_replaced(tmp_path: Path) -> None:
    text = f"""
        d:
          tasks:
            hang: {{{PYTHON.strip()}, python_callable: m.hang, execution_timeout: 0.3}}
            next: {{{PYTHON.strip()}, python_callable: m.add, op_args: [1], dependencies: [hang], trigger_rule: all_done}}
        """
    ended = run(text, tmp_path, modules={"m.py": MODULE})
    assert "took longer than 0.3 s" in ended.errors["hang"]
    assert ended.xcoms == {"next": 1}


def test_process_is_reused_and_clean(tmp_path: Path) -> None:
    text = f"""
        d:
          tasks:
            a: {{{PYTHON.strip()}, python_callable: m.process}}
            b: {{{PYTHON.strip()}, python_callable: m.clean, dependencies: [a]}}
        """
    ended = run(text, tmp_path, modules={"m.py": MODULE})
    assert ended.xcoms["b"] == [ended.xcoms["a"], False, False]


def test_variables_and_connections_reach_user_code(tmp_path: Path) -> None:
    environment = {
        "AIRFLOW_VAR_V": "text",
        "AIRFLOW_VAR_J": '{"a": [1]}',
        "AIRFLOW_CONN_DB": "postgres://me:secret@host.example:5432/db",
    }
    ended = _one("python_callable: m.variables", tmp_path, environment=environment)
    assert ended.xcoms == {"t": ["text", {"a": [1]}, "d", "text", "host.example"]}, ended.errors


def test_templates_dict_is_given_to_the_callable(tmp_path: Path) -> None:
    module = "def f(templates_dict):\n    return templates_dict\n"
    keys = PYTHON + "python_callable: n.f\ntemplates_dict: {day: '{{ ds }}'}"
    assert one(keys, tmp_path, modules={"n.py": module}).xcoms == {"t": {"day": "2024-01-15"}}


BRANCH = """
    d:
      tasks:
        b: {operator: airflow.operators.python.BranchPythonOperator, python_callable: br.f, op_args: [%s]}
        x: {operator: EmptyOperator, dependencies: [b]}
        y: {operator: EmptyOperator, dependencies: [b]}
        z: {operator: EmptyOperator, dependencies: [x, y], trigger_rule: none_failed_min_one_success}
    """


@pytest.mark.parametrize(
    ("chosen", "states", "pushed"),
    [
        ("x", ["success", "success", "skipped", "success"], {}),
        ("[x, y]", ["success", "success", "success", "success"], {"b": ["x", "y"]}),
        ("null", ["success", "skipped", "skipped", "skipped"], {}),
        ("nobody", ["failed", "upstream_failed", "upstream_failed", "upstream_failed"], {}),
        ("5", ["failed", "upstream_failed", "upstream_failed", "upstream_failed"], {}),
    ],
)
def test_branch_goes_on_with_what_it_names(chosen: str, states: list[str], pushed: object, tmp_path: Path) -> None:
    ended = run(BRANCH % chosen, tmp_path, modules={"br.py": "def f(x):\n    return x\n"})
    assert list(ended.states.values()) == states, ended.errors
    assert ended.xcoms == pushed


@pytest.mark.parametrize(
    ("flag", "ignore", "states"),
    [
        ("true", "true", ["success", "success", "success"]),
        ("0", "true", ["success", "skipped", "skipped"]),
        ("0", "false", ["success", "skipped", "success"]),
    ],
)
def test_short_circuit_skips_what_follows(flag: str, ignore: str, states: list[str], tmp_path: Path) -> None:
    text = f"""
        d:
          tasks:
            s: {{decorator: airflow.decorators.task.short_circuit, python_callable: br.f, x: {flag}, ignore_downstream_trigger_rules: {ignore}}}
            n: {{operator: EmptyOperator, dependencies: [s]}}
            o: {{operator: EmptyOperator, dependencies: [n], trigger_rule: all_done}}
        """
    ended = run(text, tmp_path, modules={"br.py": "def f(x):\n    return x\n"})
    assert list(ended.states.values()) == states, ended.errors


@pytest.mark.parametrize("operator", ["BranchPythonOperator", "ShortCircuitOperator"])
def test_branch_that_raises_fails(operator: str, tmp_path: Path) -> None:
    keys = f"operator: {operator}\npython_callable: br.f\n"
    assert one(keys, tmp_path, modules={"br.py": "def f():\n    raise ValueError\n"}).state == "failed"


def test_unknown_argument_of_a_decorated_function_is_an_error(tmp_path: Path) -> None:
    keys = "decorator: airflow.decorators.task\npython_callable: br.f\nretires: 3"
    ended = one(keys, tmp_path, modules={"br.py": "def f(x=1):\n    return x\n"})
    assert "f() has no argument 'retires'" in ended.errors["t"]


OPERATOR = """
    from airflow.sdk import BaseOperator

    class Bread(BaseOperator):
        template_fields = ("kind",)

        def __init__(self, kind, note="", **kwargs):
            super().__init__(**kwargs)
            self.kind, self.note = kind, note

        def execute(self, context):
            return [self.task_id, self.kind, self.note, context["ds"]]

    class Nothing:
        def __init__(self, task_id):
            pass
"""


def test_class_of_the_users_is_made_and_executed_with_its_template_fields_rendered(tmp_path: Path) -> None:
    keys = "operator: kitchen.Bread\nkind: '{{ ds_nodash }}'\nnote: '{{ ds }}'"
    ended = one(keys, tmp_path, modules={"kitchen.py": OPERATOR})
    assert ended.xcoms == {"t": ["t", "20240115", "{{ ds }}", "2024-01-15"]}, ended.errors
    assert "no method execute" in one("operator: kitchen.Nothing", tmp_path).errors["t"]
