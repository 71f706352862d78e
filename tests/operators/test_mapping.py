"""Mapped tasks with real Python and Bash: which values reach which instance, and what is made of what they push."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leeward.core.rows import rows
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.drop_spec import drop_spec
from leeward.engine.scope import open_scope
from leeward.local.aws_calls import Refused
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import local
from leeward.operators.base import Attempt
from leeward.spec.version import version
from tests.running import DATE
from tests.spec.reading import dag as compiled_dag

MODULE = """
    from airflow.sdk.exceptions import AirflowSkipException

    def give(value=None):
        return value

    def count(ti):
        return [ti.map_index, ti.xcom_pull(task_ids="s", map_indexes=-1)]

    def double(x):
        if x == 2:
            raise AirflowSkipException("two")
        return 2 * x

    def lazily(values):
        return [type(values).__name__, len(values), values[-1], values[:1], list(values)]

    def told(expanded_ti_count=None, **context):
        return [expanded_ti_count, context["ti"].map_index]

    def fail(x):
        raise ValueError(x)
"""
PYTHON, TASK = "airflow.providers.standard.operators.python.PythonOperator", "airflow.sdk.task"
BASH = "airflow.providers.standard.operators.bash.BashOperator"


class Ended:
    """States, XComs, names and errors of a run by task instance."""

    def __init__(self, tasks: dict[str, Any], folder: Path, *, modules: str = MODULE, **more: Any) -> None:
        import textwrap

        (folder / "m.py").write_text(textwrap.dedent(modules))
        dag = compiled_dag(json.dumps({"d": {"tasks": tasks, **more}}))
        self.log: list[str] = []

        def log(attempt: Attempt, line: str) -> None:
            self.log.append(f"{attempt.name}: {line}")

        here = local(folder, Refused(), EnvironmentSecrets({}), parallelism=4, log=log)
        info = RunInfo(RunRef("d", f"manual__{DATE}", version(dag)), RunType.MANUAL, DATE, DATE, DATE, DATE)
        try:
            drop_spec(here.ports, [dag])
            here.runtime.run(info)
            scope = open_scope(here.ports, info)
            found = list(rows(dag, scope.read_instances(scope.read_all())))
            self.states = {row.name: row.entry.state.value for row in found}
            self.names = {r.name: here.attempts.instance_name(info.ref, r.address, r.entry.try_number) for r in found}
            self.errors = {r.name: here.attempts.error(info.ref, r.address, r.entry.try_number) for r in found}
            self.xcoms = {
                task_id if place < 0 else f"{task_id}[{place}]": value
                for task_id, place, value in here.xcoms.returned(info.ref)
            }
        finally:
            here.close()


def gives(value: Any) -> dict[str, Any]:
    return {"operator": PYTHON, "python_callable": "m.give", "op_args": [value]}


def takes(expand: dict[str, Any], function: str = "give", **more: Any) -> dict[str, Any]:
    return {"decorator": TASK, "python_callable": f"m.{function}", "expand": expand, **more}


def test_values_reach_their_instances(tmp_path: Path) -> None:
    tasks = {
        "s": gives([1, 2, 3]),
        "z": takes({"value": {"__zip__": ["+s", ["a", "b"]], "fillvalue": None}}),
        "c": takes({"value": {"__concat__": ["+s", ["x"]]}}),
        "f": takes({"value": {"__map__": "+s", "callable": "m.double"}}),
        "k": {
            "operator": PYTHON,
            "python_callable": "m.give",
            "expand_kwargs": [{"op_args": [7]}, {"op_kwargs": {"value": 8}}],
        },
    }
    ended = Ended(tasks, tmp_path)
    assert [ended.xcoms[f"z[{i}]"] for i in range(3)] == [[1, "a"], [2, "b"], [3, None]]
    assert [ended.xcoms[f"c[{i}]"] for i in range(4)] == [1, 2, 3, "x"]
    assert [ended.states[f"f[{i}]"] for i in range(3)] == ["success", "skipped", "success"]
    assert (ended.xcoms["f[0]"], ended.xcoms["f[2]"]) == (2, 6)
    assert (ended.xcoms["k[0]"], ended.xcoms["k[1]"]) == (7, 8)


def test_literals_are_templates_and_pushed_values_are_not(tmp_path: Path) -> None:
    tasks = {
        "s": {"operator": PYTHON, "python_callable": "m.give", "op_args": ["{% raw %}{{ ds }}{% endraw %}"]},
        "l": {"decorator": TASK, "python_callable": "m.give", "expand": {"value": ["{{ ds }}"]}},
        "p": {"decorator": TASK, "python_callable": "m.give", "expand": {"value": "+w"}},
        "w": gives(["{% raw %}{{ ds }}{% endraw %}"]),
        "b": {"operator": BASH, "bash_command": "echo $A", "expand": {"env": [{"A": "{{ ti.map_index }}"}]}},
    }
    ended = Ended(tasks, tmp_path)
    assert (ended.xcoms["l[0]"], ended.xcoms["p[0]"], ended.xcoms["b[0]"]) == ("2024-01-15", "{{ ds }}", "0")


def test_what_instances_pushed_is_a_lazy_list_without_holes(tmp_path: Path) -> None:
    tasks = {
        "m": takes({"x": [1, 2, 3]}, "double"),
        "l": {
            "decorator": TASK,
            "python_callable": "m.lazily",
            "values": "+m",
            "dependencies": ["m"],
            "trigger_rule": "all_done",
        },
        "t": {
            "operator": PYTHON,
            "python_callable": "m.give",
            "dependencies": ["m"],
            "trigger_rule": "all_done",
            "op_args": ["{{ ti.xcom_pull(task_ids='m') }} {{ ti.xcom_pull(task_ids='m', map_indexes=2) }}"],
        },
        "g": {
            "decorator": TASK,
            "python_callable": "m.give",
            "value": "+m",
            "dependencies": ["m"],
            "trigger_rule": "all_done",
        },
        "b": {
            "operator": BASH,
            "dependencies": ["m"],
            "trigger_rule": "all_done",
            "bash_command": "echo {{ ti.xcom_pull(task_ids=['m', 'nobody']) }}",
        },
    }
    ended = Ended(tasks, tmp_path)
    assert ended.xcoms["l"] == ["LazyXComs", 2, 6, [2], [2, 6]]
    assert ended.xcoms["t"] == "[2, 6] 6"
    assert ended.xcoms["g"] == [2, 6]
    assert ended.xcoms["b"] == "[2, 6, None]"


def test_instances_know_how_many_they_are(tmp_path: Path) -> None:
    tasks = {
        "s": gives(["a", "b"]),
        "m": {"operator": PYTHON, "python_callable": "m.told", "expand": {"templates_dict": [{}, {}]}},
    }
    assert Ended(tasks, tmp_path).xcoms["m[1]"] == [2, 1]


def test_group_gives_its_tasks_their_arguments_and_each_others_values(tmp_path: Path) -> None:
    inside = {"task_group_name": "g"}
    tasks = {
        "s": gives({"k": 1, "l": 2}),
        "a": {"decorator": TASK, "python_callable": "m.give", "value": {"deep": [{"__mapped__": "pair"}]}, **inside},
        "b": {"decorator": TASK, "python_callable": "m.give", "value": "+a", "dependencies": ["a"], **inside},
        "z": {"decorator": TASK, "python_callable": "m.give", "value": "+b", "dependencies": ["b"]},
    }
    ended = Ended(tasks, tmp_path, task_groups=[{"group_name": "g", "expand": {"pair": "+s"}}])
    assert ended.xcoms["g.b[1]"] == {"deep": [["l", 2]]}
    assert ended.xcoms["z"] == [{"deep": [["k", 1]]}, {"deep": [["l", 2]]}]


def test_group_over_mappings_misses_what_one_of_them_lacks(tmp_path: Path) -> None:
    tasks = {
        "a": {"decorator": TASK, "python_callable": "m.give", "value": {"__mapped__": "x"}, "task_group_name": "g"}
    }
    ended = Ended(tasks, tmp_path, task_groups=[{"group_name": "g", "expand_kwargs": [{"x": 1}, {"y": 1}]}])
    assert (ended.xcoms["g.a[0]"], ended.states["g.a[1]"]) == (1, "failed")
    assert "LW423" in str(ended.errors["g.a[1]"])


def test_expand_kwargs_wants_mappings(tmp_path: Path) -> None:
    tasks = {"s": gives([1]), "m": {"operator": PYTHON, "python_callable": "m.give", "expand_kwargs": "s.output"}}
    ended = Ended(tasks, tmp_path)
    assert (ended.states["m[0]"], "LW423" in str(ended.errors["m[0]"])) == ("failed", True)


def test_instances_have_names(tmp_path: Path) -> None:
    tasks = {
        "m": takes({"x": [5, 2]}, "double", map_index_template="n{{ task.op_kwargs.x }} of {{ expanded_ti_count }}"),
        "f": takes({"x": [1]}, "fail", map_index_template="{{ ti.map_index }}", retries=0),
        "w": takes({"x": [1]}, "double", map_index_template="{{ nothing.at.all }}"),
    }
    ended = Ended(tasks, tmp_path)
    assert (ended.names["m[0]"], ended.names["m[1]"], ended.names["f[0]"]) == ("n5 of 2", "n2 of 2", "0")
    assert (ended.names["w[0]"], ended.states["w[0]"]) == (None, "success")
    assert any("map_index_template: LW401" in line for line in ended.log)


CALLS = """
    import os

    def where(x):
        if x == 3:
            raise ValueError(x)
        return os.getpid()
"""


def test_instances_may_share_a_call(tmp_path: Path) -> None:
    task = takes({"x": [*range(6)]}, "where", instances_per_call=3, execution_timeout=20, retries=0)
    ended = Ended({"m": task}, tmp_path, modules=CALLS)
    assert [ended.states[f"m[{i}]"] for i in range(6)] == ["success"] * 3 + ["failed"] + ["success"] * 2
    assert len({ended.xcoms[f"m[{i}]"] for i in range(3)}) == 1
    assert "ValueError: 3" in str(ended.errors["m[3]"])


def test_instances_whose_arguments_are_wrong_cost_the_others_nothing(tmp_path: Path) -> None:
    task = takes({"value": ["{{ nothing.there }}", "b"]}, instances_per_call=2, execution_timeout=20, retries=0)
    ended = Ended({"m": task}, tmp_path)
    assert (ended.states["m[0]"], ended.xcoms["m[1]"]) == ("failed", "b")


def test_instance_that_takes_too_long_fails_alone(tmp_path: Path) -> None:
    modules = "import time\ndef f(x):\n    time.sleep(x)\n    return x\n"
    task = takes({"x": [0, 30, 0]}, "f", instances_per_call=3, execution_timeout=1, retries=0)
    ended = Ended({"m": task}, tmp_path, modules=modules)
    assert [ended.states[f"m[{i}]"] for i in range(3)] == ["success", "failed", "success"]
