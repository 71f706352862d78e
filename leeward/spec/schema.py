"""The JSON Schema of specs, for editors: made from the registry of keys and the catalogue, so that it can't differ.

It is a little more generous than the compiler: what depends on other files (defaults) or on other keys is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leeward.spec.catalogue import Catalogue, Parameter, Signature
from leeward.spec.keys import KEYS, NAMES, Key, Level, Standing

_TEMPLATE = {"type": "string", "pattern": r"\{\{|\{%"}
_NAMED = {
    "tasks": {"$ref": "#/definitions/task"},
    "task_groups": {"$ref": "#/definitions/task_group"},
}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The draft-07 schema of one spec file."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Leeward DAG spec",
        "anyOf": [
            {"$ref": "#/definitions/one_dag"},
            {
                "type": "object",
                "properties": {"default": {"$ref": "#/definitions/defaults"}, "vars": {}},
                "additionalProperties": {"$ref": "#/definitions/dag"},
            },
        ],
        "definitions": {
            "one_dag": {"allOf": [{"$ref": "#/definitions/dag"}, {"required": ["dag_id", "tasks"]}]},
            "dag": _level(Level.DAG),
            "defaults": _level(Level.DAG),
            "task_group": _level(Level.GROUP),
            "default_args": _default_args(catalogue),
            "task": _task(catalogue),
        },
    }


def _level(level: Level) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _key(key) for name, key in KEYS[level].items() if key.standing is not Standing.REFUSED},
        "additionalProperties": False,
    }


def _key(key: Key) -> dict[str, Any]:
    notes = {
        Standing.NEUTRAL: f"Not supported yet: {key.note}.",
        Standing.WARNED: f"Does nothing: {key.note}.",
        Standing.MAPPED: f"{key.note}.".capitalize(),
    }
    described = {"description": notes.get(key.standing, key.note)}
    if key.standing is Standing.NEUTRAL:
        return {**described, "enum": list(key.neutral)}
    if key.name in _NAMED:
        item = _NAMED[key.name]
        listed = {"type": "array", "items": item}
        return {**described, "anyOf": [listed, {"type": "object", "additionalProperties": item}, {"type": "null"}]}
    if key.name in ("dependencies", "setups"):
        return {**described, "anyOf": [NAMES, {"type": ["string", "null"]}]}
    if key.name == "default_args":
        return {**described, "anyOf": [{"$ref": "#/definitions/default_args"}, {"type": "null"}]}
    return {**described, **key.type}


def _default_args(catalogue: Catalogue) -> dict[str, Any]:
    arguments: dict[str, Any] = {name: {} for row in catalogue.signatures() for name in (*row.parameters, *row.aliases)}
    found = _level(Level.DEFAULT_ARGS)
    return {**found, "properties": {**arguments, **found["properties"]}}


def _task(catalogue: Catalogue) -> dict[str, Any]:
    """A task of an operator of the catalogue takes that operator's arguments and no others; other classes take any."""
    rows = catalogue.signatures()
    known = [path for row in rows for path in (*row.paths, row.name)]
    return {
        "type": "object",
        "properties": {name: _key(KEYS[Level.TASK][name]) for name in ("task_id", "operator", "decorator")},
        "allOf": [_operator(row) for row in rows],
        "if": {"properties": {"operator": {"enum": known}}, "required": ["operator"]},
        "then": {},
        "else": {"properties": _level(Level.TASK)["properties"]},
    }


def _operator(row: Signature) -> dict[str, Any]:
    base = _level(Level.TASK)["properties"]
    own = {name: _parameter(parameter) for name, parameter in row.parameters.items()}
    old = {alias: own[name] for alias, name in row.aliases.items()}
    expand = {**base["expand"], "propertyNames": {"enum": [*own, *old]}}
    return {
        "if": {"properties": {"operator": {"enum": [*row.paths, row.name]}}, "required": ["operator"]},
        "then": {"properties": {**base, **own, **old, "expand": expand}, "additionalProperties": False},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: Mapping[str, Any] = {"description": parameter.note} if parameter.note else {}
    if parameter.templated and parameter.type:
        return {**described, "anyOf": [dict(parameter.type), _TEMPLATE]}
    return {**described, **parameter.type}
