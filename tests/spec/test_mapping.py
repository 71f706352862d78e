"""How mapped tasks and groups are written, and what of it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leeward.aws.dags import dag_of, dag_text
from leeward.core.dag import Expansion
from leeward.core.sources import literal_length, picked
from tests.spec.reading import dag, problems

PYTHON = "airflow.providers.standard.operators.python.PythonOperator"
TASK = "airflow.sdk.task"
BASH = "airflow.providers.standard.operators.bash.BashOperator"


def spec(*tasks: dict[str, Any], **more: Any) -> str:
    """A DAG d of a task a and those tasks."""
    first = {"task_id": "a", "operator": PYTHON, "python_callable": "m.f"}
    return json.dumps({"d": {"tasks": [first, *({"python_callable": "m.f", **task} for task in tasks)], **more}})


def mapped(**keys: Any) -> str:
    return spec({"task_id": "m", "operator": PYTHON, **keys})


def decorated(**keys: Any) -> str:
    return spec({"task_id": "m", "decorator": TASK, **keys})


XCOM = {"__xcom__": "a", "key": "return_value"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ([[1], [2]], [[1], [2]]),
        ("a.output", XCOM),
        ("XcomArg(a)", XCOM),
        ("+a", XCOM),
        ("+a['return_value']", XCOM),
        ({"__zip__": ["+a", [1]], "fillvalue": 0}, {"__zip__": [XCOM, [1]], "fillvalue": 0}),
        ({"__concat__": ["+a", {"k": 1}]}, {"__concat__": [XCOM, {"k": 1}]}),
        ({"__map__": "+a", "callable": "m.g"}, {"__map__": XCOM, "callable": "m.g"}),
    ],
)
def test_sources_are_read(source: Any, found: Any) -> None:
    compiled = dag(mapped(expand={"op_args": source}))
    task = compiled.task("m")
    assert task.expand == Expansion((("op_args", found),))
    assert task.upstream == (("a",) if "a" in json.dumps(found) else ())
    assert dag_of(dag_text(compiled)) == compiled


def test_expand_kwargs_and_other_keys_are_read() -> None:
    task = dag(
        mapped(
            expand_kwargs=[{"op_args": [1]}], map_index_template="{{ x }}", instances_per_call=8, execution_timeout=5
        )
    ).task("m")
    assert task.expand == Expansion((("", [{"op_args": [1]}]),), kwargs=True)
    assert (task.map_index_template, task.instances_per_call) == ("{{ x }}", 8)
    assert dag(mapped(expand_kwargs="a.output")).task("m").expand == Expansion((("", XCOM),), kwargs=True)
    assert dag(spec(max_map_length=5)).max_map_length == 5


def test_partial_is_what_instances_share() -> None:
    task = dag(decorated(partial={"y": 5, "retries": 2}, expand={"x": [1, 2]})).task("m")
    assert (task.arguments["op_kwargs"], task.retry.retries) == ({"y": 5}, 2)
    assert task.expand == Expansion((("x", [1, 2]),))


def test_required_argument_may_be_mapped_over() -> None:
    task = {"task_id": "b", "operator": BASH, "expand": {"bash_command": ["a", "{{ b }}"]}}
    assert dag(json.dumps({"d": {"tasks": [task]}})).task("b").expand is not None
    assert problems(json.dumps({"d": {"tasks": [{**task, "expand": {"bash_command": [5]}}]}})) == ["1 LW124"]
    assert problems(json.dumps({"d": {"tasks": [{"task_id": "b", "operator": BASH, "expand_kwargs": []}]}})) == []


def test_classes_of_the_users_are_mapped_over_anything_of_their_own() -> None:
    task = {"task_id": "u", "operator": "mine.Operator", "expand": {"what": {"__map__": [1], "callable": "m.f"}}}
    assert dag(json.dumps({"d": {"tasks": [task]}})).task("u").expand is not None
    assert problems(json.dumps({"d": {"tasks": [{**task, "expand": {"retries": [1]}}]}})) == ["1 LW173"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (mapped(expand={}), ["1 LW170"]),
        (mapped(expand={"op_args": "a"}), ["1 LW170"]),
        (mapped(expand={"op_args": 5}), ["1 LW170"]),
        (mapped(expand={"op_args": [[1]]}, expand_kwargs=[]), ["1 LW170"]),
        (mapped(expand_kwargs=[1]), ["1 LW170"]),
        (mapped(expand_kwargs={"a": 1}), ["1 LW170"]),
        (mapped(expand={"op_args": {"__zip__": [], "x": 1}}), ["1 LW170"]),
        (mapped(expand={"op_args": {"__zip__": "+a"}}), ["1 LW170"]),
        (mapped(expand={"op_args": {"__map__": "+a"}}), ["1 LW170"]),
        (mapped(expand={"op_args": "+a['k']"}), ["1 LW171"]),
        (mapped(expand={"op_args": "+nobody"}), ["1 LW142"]),
        (mapped(expand={"op_arg": [[1]]}), ["1 LW173"]),
        (mapped(expand={"op_args": [[1]]}, op_args=[1]), ["1 LW173"]),
        (mapped(expand={"op_args": [[1]]}, op_kwargs={}, partial={"op_kwargs": {}}), ["1 LW173"]),
        (mapped(expand={"op_args": ["text"]}), ["1 LW124"]),
        (mapped(partial={"op_args": [1]}), ["1 LW174"]),
        (decorated(expand={"x": "+a"}, trigger_rule="always"), ["1 LW176"]),
        (decorated(expand={"x": [1]}, trigger_rule="always"), []),
        (mapped(expand={"op_args": "a.output"}, trigger_rule="always"), []),
        (mapped(instances_per_call=0), ["1 LW124"]),
        (mapped(expand={"op_args": [[1]]}, instances_per_call=2), ["1 LW178"]),
        (mapped(expand={"op_args": [[1]]}, instances_per_call=4, execution_timeout=20), ["1 LW178"]),
        (mapped(expand={"op_args": [[1]]}, instances_per_call=4, execution_timeout=15), []),
        (mapped(op_args=[{"__mapped__": "x"}]), ["1 LW177"]),
        (mapped(expand=None, expand_kwargs=None, partial=None), []),
    ],
)
def test_what_makes_no_sense_is_told(text: str, codes: list[str]) -> None:
    assert problems(text) == codes


def test_commands_share_no_call() -> None:
    task = {"task_id": "b", "operator": BASH, "expand": {"bash_command": ["x"]}, "instances_per_call": 2}
    assert problems(json.dumps({"d": {"tasks": [{**task, "execution_timeout": 5}]}})) == ["1 LW178"]


def test_function_of_map_needs_a_task_that_runs_python() -> None:
    task = {"task_id": "b", "operator": BASH, "expand": {"bash_command": {"__map__": ["x"], "callable": "m.f"}}}
    assert problems(json.dumps({"d": {"tasks": [task]}})) == ["1 LW172"]


def grouped(tasks: list[dict[str, Any]], *groups: dict[str, Any]) -> str:
    inside = [{"operator": PYTHON, "python_callable": "m.f", "task_group_name": "g", **task} for task in tasks]
    return spec(*inside, task_groups=list(groups))


def test_group_is_mapped_with_what_is_in_it() -> None:
    taking = {"task_id": "t", "op_args": [{"__mapped__": "x"}], "trigger_rule": "all_done"}
    compiled = dag(grouped([taking], {"group_name": "g", "expand": {"x": "+a", "y": [1, 2]}}))
    (group,) = compiled.groups
    assert group.expand == Expansion((("x", XCOM), ("y", [1, 2])))
    assert compiled.task("g.t").upstream == ("a",)
    assert compiled.expansions[1] == group.expand
    assert compiled.companions[1] == {1}
    assert compiled.companions[0] == frozenset()
    assert dag_of(dag_text(compiled)) == compiled


def test_group_over_mappings_takes_any_argument() -> None:
    taking = {"task_id": "t", "op_kwargs": {"x": {"__mapped__": "anything"}}}
    compiled = dag(grouped([taking], {"group_name": "g", "expand_kwargs": [{"anything": 1}]}))
    assert compiled.groups[0].expand == Expansion((("", [{"anything": 1}]),), kwargs=True)


@pytest.mark.parametrize(
    ("tasks", "groups", "codes"),
    [
        ([{"task_id": "t", "expand": {"op_args": [[1]]}}], [{"group_name": "g", "expand": {"x": [1]}}], ["1 LW175"]),
        ([{"task_id": "t", "trigger_rule": "always"}], [{"group_name": "g", "expand": {"x": [1]}}], ["1 LW176"]),
        (
            [{"task_id": "t", "op_args": [{"__mapped__": "y"}]}],
            [{"group_name": "g", "expand": {"x": [1]}}],
            ["1 LW177"],
        ),
        ([{"task_id": "t"}], [{"group_name": "g", "expand": {"x": "+nobody"}}], ["1 LW142"]),
        ([{"task_id": "t"}], [{"group_name": "g", "expand": {"x": {"__map__": [1], "callable": "m.f"}}}], ["1 LW172"]),
        (
            [{"task_id": "t"}],
            [
                {"group_name": "h", "expand": {"x": [1]}},
                {"group_name": "g", "parent_group_name": "h", "expand": {"x": [1]}},
            ],
            ["1 LW175"],
        ),
    ],
)
def test_what_can_not_be_mapped_in_groups_is_told(tasks: Any, groups: Any, codes: list[str]) -> None:
    assert problems(grouped(tasks, *groups)) == codes


VALUES: dict[str, Any] = {"list": [1, 2, 3], "map": {"k": "v", "l": "w"}, "none": []}


def values(task_id: str) -> Any:
    return VALUES[task_id]


def from_task(name: str) -> dict[str, Any]:
    return {"__xcom__": name, "key": "return_value"}


def _all(expansion: Expansion) -> list[Any]:
    from leeward.core.sources import length

    count = length(expansion, lambda name: len(values(name)))
    assert count is not None
    if expansion.kwargs:
        return [picked(expansion, i, values).value for i in range(count)]
    return [{name: one.value for name, one in picked(expansion, i, values).items()} for i in range(count)]


def test_cross_product_changes_the_last_argument_fastest() -> None:
    both = Expansion((("x", [1, 2]), ("y", from_task("map"))))
    assert _all(both) == [{"x": x, "y": y} for x in (1, 2) for y in (("k", "v"), ("l", "w"))]
    assert _all(Expansion((("", from_task("list")),), kwargs=True)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"__zip__": [[1, 2], from_task("list")]}, [[1, 1], [2, 2]]),
        ({"__zip__": [[1], from_task("list")], "fillvalue": 0}, [[1, 1], [0, 2], [0, 3]]),
        ({"__concat__": [from_task("none"), [7], from_task("list"), {"a": 1}]}, [7, 1, 2, 3, ("a", 1)]),
        ({"__map__": from_task("list"), "callable": "m.f"}, [{"__call__": "m.f", "value": n} for n in (1, 2, 3)]),
        ({"__zip__": []}, []),
        ({"__concat__": 5}, []),
    ],
)
def test_sources_are_taken_apart(source: Any, found: list[Any]) -> None:
    assert [row["x"] for row in _all(Expansion((("x", source),)))] == found


def test_length_is_unknown_until_all_has_been_pushed() -> None:
    sources: list[Any] = [from_task("a"), {"__zip__": [[1], from_task("a")]}, {"__map__": from_task("a")}, "text"]
    for source in sources:
        assert literal_length(Expansion((("x", source),))) in (None, 4)
    assert literal_length(Expansion((("x", 5),))) is None
    assert literal_length(Expansion((("x", [1, 2]), ("y", {"a": 1})))) == 2


def test_shorter_values_than_expected_are_an_error() -> None:
    with pytest.raises(LookupError):
        picked(Expansion((("x", from_task("none")),)), 0, values)
    short: list[Any] = [from_task("list"), {"__concat__": [from_task("list")]}, {"__zip__": [from_task("list"), [1]]}]
    for source in short:
        with pytest.raises(LookupError):
            picked(Expansion((("", source),), kwargs=True), 9, values)
