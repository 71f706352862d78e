"""YAML to nodes: what scalars mean, where things stand, and what hostile files get."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.spec.diagnostics import Report
from leeward.spec.nodes import Listing, Scalar, Table
from leeward.spec.text import MAX_BYTES, MAX_DEPTH, expand, parse, resolve
from tests.spec.reading import node


def _codes(text: str) -> list[str]:
    report = Report()
    parse(text, "f", report, {})
    return [f"{d.mark.line}:{d.mark.column} {d.code}" for d in report.sorted()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("FALSE", False),
        ("NO", "NO"),
        ("on", "on"),
        ("22:30", "22:30"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 010", "010"),
        ("!!int '5'", 5),
        ("=", "="),
        ("2024-01-31", datetime.date(2024, 1, 31)),
        ("2024-01-31 06:00:00", datetime.datetime(2024, 1, 31, 6)),
        ("2024-13-41", "2024-13-41"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    found, report = node(text)
    assert isinstance(found, Scalar)
    assert (type(found.value), found.value) == (type(value), value)
    assert not report.found


def test_nan_is_a_number() -> None:
    assert resolve(".nan") != resolve(".nan")


def test_places_count_from_one() -> None:
    report = Report()
    table = parse("a:\n  - x\n  - y: 1\n", "f", report, {})
    assert isinstance(table, Table)
    inner = table.items["a"]
    assert isinstance(inner, Listing)
    last = list(inner)[1]
    assert isinstance(last, Table)
    assert [str(last.mark), str(last.key_mark("y")), str(last.key_mark("nobody"))] == ["f:3:5", "f:3:5", "f:3:5"]


def test_variables_are_replaced_before_types_are_resolved_and_stay_when_unset() -> None:
    found, _ = node("[$N, '${N}', $OTHER, \"a${N}b\"]", {"N": "3"})
    assert isinstance(found, Listing)
    assert [item.value for item in found if isinstance(item, Scalar)] == [3, "3", "$OTHER", "a3b"]


def test_variable_cannot_become_structure() -> None:
    found, _ = node("$EVIL", {"EVIL": "{a: 1}"})
    assert isinstance(found, Scalar)
    assert found.value == "{a: 1}"


@given(st.text())
def test_text_without_dollar_is_left_alone(text: str) -> None:
    assert expand(text.replace("$", ""), {"A": "x"}) == text.replace("$", "")


def test_merge_keys_work_and_own_keys_win() -> None:
    report = Report()
    table = parse("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 9}\n", "f", report, {})
    assert isinstance(table, Table)
    merged = table.items["c"]
    assert isinstance(merged, Table)
    assert {key: value.value for key, value in merged.items.items() if isinstance(value, Scalar)} == {
        "x": 9,
        "y": 1,
        "z": 2,
    }
    assert report.found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\na: 2\n", ["2:1 LW107"]),
        ("a: [", ["2:1 LW101"]),
        ("a: b: c", ["1:5 LW101"]),
        ("\x00", ["1:1 LW101"]),
        ("a: 1\n---\nb: 2\n", ["3:1 LW102"]),
        ("", ["1:1 LW103"]),
        ("- a\n", ["1:1 LW103"]),
        ("? [a]\n: 1\n", ["1:3 LW109"]),
        ("a: !!python/name:os.system x", ["1:4 LW106"]),
        ("a: !!set {x}", ["1:4 LW106"]),
        ("a: !and [x]", ["1:4 LW106"]),
        ("a: &x [*x]", ["1:4 LW105"]),
        ("<<: 5", ["1:5 LW108"]),
        ("a: " + "x" * MAX_BYTES, ["1:1 LW100"]),
    ],
)
def test_mistake_is_reported_with_its_place(text: str, found: list[str]) -> None:
    assert _codes(text) == found


def test_removed_tag_says_what_to_write() -> None:
    _, report = node("!join [a]")
    assert str(report.found[0]) == "x.yml:1:4 LW106 the tag !join is not allowed, write __join__: [...]"


def test_deep_nesting_is_refused() -> None:
    assert _codes("a: " + "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))[0].endswith("LW104")


def test_alias_bomb_is_refused_once() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    assert [code.split()[1] for code in _codes(bomb)] == ["LW104"]
