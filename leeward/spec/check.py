"""Holds a mapping of a spec against the registry of keys, and a value against a JSON Schema fragment."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from leeward.core.dag import Json
from leeward.spec.diagnostics import Report, closest
from leeward.spec.keys import KEYS, Key, Level, Standing
from leeward.spec.nodes import Node, Table
from leeward.spec.special import as_json


def check_keys(table: Table, level: Level, report: Report, others: Collection[str] | None = ()) -> dict[str, Node]:
    """The keys that are honoured, by their current names, and the others that are allowed here (None = any)."""
    found: dict[str, Node] = {}
    for name, node in table.items.items():
        key = KEYS[level].get(name)
        if others is None or name in others:
            key = key if key is not None and name not in (others or ()) else None
            if key is None:
                found[name] = node
                continue
        if key is None:
            mark = table.key_mark(name)
            report.error(mark, "LW120", f"unknown {level} key {name!r}", closest(name, [*KEYS[level], *(others or ())]))
        else:
            _take(table, key, node, level, report, found)
    return found


def _take(table: Table, key: Key, node: Node, level: Level, report: Report, found: dict[str, Node]) -> None:
    mark = table.key_mark(key.name)
    match key.standing:
        case Standing.REFUSED:
            report.error(mark, "LW122", f"{key.name} is not possible", key.note)
        case Standing.WARNED:
            report.warning(mark, "LW201", f"{key.name} does nothing", key.note)
        case Standing.NEUTRAL:
            _neutral(key, node, report)
        case Standing.MAPPED:
            report.warning(mark, "LW202", f"{key.name} was removed by Airflow", f"write {key.successor}")
            successor = KEYS[level][key.successor]
            if key.successor in table.items:
                report.error(mark, "LW123", f"{key.name} and {key.successor} are both there", f"keep {key.successor}")
            elif _fits(key.name, node, key.type, report):
                _take(
                    Table({successor.name: node}, table.mark, {successor.name: mark}),
                    successor,
                    node,
                    level,
                    report,
                    found,
                )
        case _:
            if _fits(key.name, node, key.type, report):
                found[key.name] = node


def _neutral(key: Key, node: Node, report: Report) -> None:
    value = as_json(node, Report())
    if not any(value == neutral and type(value) is type(neutral) for neutral in key.neutral):
        allowed = [repr(neutral) for neutral in key.neutral if neutral is not None]
        hint = f"leave it out or write {' or '.join(allowed)}" if allowed else "leave it out"
        report.error(node.mark, "LW121", f"{key.name}: {key.note} is not supported yet", hint)


def _fits(name: str, node: Node, schema: Mapping[str, Any], report: Report) -> bool:
    problem = mismatch(as_json(node, Report()), schema)
    if problem:
        report.error(node.mark, "LW124", f"{name} {problem}")
    return not problem


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": (list, tuple),
    "object": Mapping,
    "null": type(None),
}


def mismatch(value: Json, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value, or nothing, by those keywords of JSON Schema that our own registries use."""
    if "anyOf" in schema:
        problems = [mismatch(value, option) for option in schema["anyOf"]]
        return "" if "" in problems else problems[0]
    if "enum" in schema and value not in schema["enum"]:
        hint = closest(str(value), [str(option) for option in schema["enum"]])
        return f"can't be {value!r}" + (f", {hint}" if hint else "")
    if "const" in schema and value != schema["const"]:
        return f"must be {schema['const']!r}, not {_shown(value)}"
    allowed = schema.get("type", [])
    names = [allowed] if isinstance(allowed, str) else allowed
    if names and not any(_is(value, name) for name in names):
        return f"wants {' or '.join(names)}, not {_shown(value)}"
    return _inside(value, schema)


def _inside(value: Json, schema: Mapping[str, Any]) -> str:
    if isinstance(value, Mapping):
        missing = [name for name in schema.get("required", ()) if name not in value]
        return f"wants the key {missing[0]}" if missing else ""
    if isinstance(value, str):
        return _text(value, schema)
    if isinstance(value, Sequence):
        problems = (mismatch(item, schema.get("items", {})) for item in value)
        return next((f"holds a value that {problem}" for problem in problems if problem), "")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return "" if low <= value <= high else f"is out of range: {value}"
    return ""


def _text(value: str, schema: Mapping[str, Any]) -> str:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"has the wrong length: {_shown(value)}"
    try:
        fits = re.search(schema.get("pattern", ""), value)
    except (re.error, TypeError) as error:
        return f"has a pattern that is no regular expression: {error}"
    return "" if fits else f"does not match {schema['pattern']!r}: {_shown(value)}"


def _is(value: Json, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
