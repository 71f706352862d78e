"""Params: values for templates, some with a JSON Schema that a run's conf must keep to, as Airflow's `Param` checks it.

The checks are those of `jsonschema`, Airflow's own library, with its formats; it is imported only for a param that has a
schema. A schema may not refer to others: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leeward.core.dag import Dag, Json
from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import text_of
from leeward.spec.nodes import Mark, Node, Table
from leeward.spec.special import as_json
from leeward.worker.values import TYPE

_PARAM: Final = (
    "airflow.models.param.Param",
    "airflow.models.Param",
    "airflow.sdk.Param",
    "airflow.sdk.definitions.param.Param",
)
_SHOWN: Final = (
    "custom_html_form",
    "description_html",
    "description_md",
    "examples",
    "section",
    "source",
    "values_display",
)
"""What Airflow's form reads beside the keywords of JSON Schema."""
_OTHERS: Final = (
    *("$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "contentEncoding", "contentMediaType"),
    *("contentSchema", "default", "definitions", "deprecated", "description", "else", "maxContains", "minContains"),
    *("readOnly", "then", "title", "writeOnly"),
)
"""Keywords that say something and check nothing by themselves."""


@dataclass(frozen=True, slots=True)
class Params:
    """The defaults of params, and the JSON Schemas of those that have one. `marks` are the places of these."""

    defaults: dict[str, Json] = field(default_factory=dict)
    schemas: dict[str, Json] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)


def read_params(node: Node | None, report: Report) -> Params:
    """The params of a DAG or a task. One without a default is in `schemas` only."""
    found = Params()
    for name, value in node.items.items() if isinstance(node, Table) else ():
        if isinstance(value, Table) and text_of(value.get(TYPE)) in _PARAM:
            _param(name, value, found, report)
        else:
            found.defaults[name] = as_json(value, report)
    return found


def _param(name: str, node: Table, found: Params, report: Report) -> None:
    parts: dict[str, Any] = {key: as_json(part, report) for key, part in node.items.items() if key != TYPE}
    if "default" in parts:
        found.defaults[name] = parts.pop("default")
    parts.pop("description", None)
    schema = parts.get("schema", parts)
    if not isinstance(schema, Mapping):
        report.error(node.mark, "LW128", f"the schema of the param {name!r} is not a mapping")
        return
    found.schemas[name], found.marks[name] = schema, node.mark
    problem = schema_problem(schema) if schema else ""
    if problem:
        report.error(node.mark, "LW128", f"the schema of the param {name!r}: {problem}")
        found.schemas[name] = {}
    for keyword in _unknown(schema):
        report.warning(node.mark, "LW204", f"JSON Schema has no keyword {keyword!r}", closest(keyword, _keywords()))


def _keywords() -> frozenset[str]:
    from jsonschema import Draft202012Validator

    return frozenset((*Draft202012Validator.VALIDATORS, *_OTHERS, *_SHOWN))


def _unknown(schema: Mapping[str, Any]) -> list[str]:
    return sorted(schema.keys() - _keywords()) if schema else []


def check_defaults(params: Params, report: Report, *, scheduled: bool) -> None:
    """Report defaults that do not keep to their schemas: of a DAG with a schedule, Airflow wants every one to."""
    for name, schema in params.schemas.items():
        problem = _problem(name, schema, params.defaults)
        if problem and scheduled:
            hint = "the DAG has a schedule, so that every param needs a default that fits"
            report.error(params.marks[name], "LW124", problem, hint)
        elif problem and params.defaults.get(name) is not None:
            report.warning(params.marks[name], "LW205", problem, "every run must be given another value")


def param_problems(dag: Dag, conf: Mapping[str, Json]) -> list[str]:
    """What is wrong with the params of a run with that conf, a line each. Those of tasks are looked at too."""
    problems = list(_problems(dag.param_schemas, {**dag.params, **conf}))
    for task in dag.tasks:
        if task.params or task.param_schemas:
            values = {**dag.params, **task.params, **conf}
            problems += (
                f"{problem}, in the task {task.task_id!r}" for problem in _problems(task.param_schemas, values)
            )
    return [f"LW305 {problem}" for problem in problems]


def _problems(schemas: Mapping[str, Json], values: Mapping[str, Json]) -> Iterator[str]:
    for name, schema in schemas.items():
        problem = _problem(name, schema, values)
        if problem:
            yield problem


def _problem(name: str, schema: Json, values: Mapping[str, Json]) -> str:
    if name not in values:
        return f"the param {name!r} has no value and no default"
    problem = violation(values[name], schema) if isinstance(schema, Mapping) and schema else ""
    return f"the param {name!r}: {problem}" if problem else ""


def schema_problem(schema: Mapping[str, Json]) -> str:
    """Why a schema is none, or nothing."""
    from jsonschema import validators
    from jsonschema.exceptions import best_match

    kind = validators.validator_for(schema)
    error = best_match(kind(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER).iter_errors(schema))
    return "" if error is None else str(error.message)


def violation(value: Json, schema: Mapping[str, Json]) -> str:
    """What of a value a schema does not allow, or nothing."""
    from jsonschema import FormatChecker, validators
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = validators.validator_for(schema)(schema, registry=Registry(), format_checker=FormatChecker())
    try:
        error = best_match(validator.iter_errors(value))
    except Unresolvable as unresolvable:
        return f"its schema refers to {unresolvable.ref!r}, which is not in it"
    if error is None:
        return ""
    place = "".join(f"[{part!r}]" for part in error.absolute_path)
    shown = error.message if len(error.message) <= 200 else error.message[:197] + "..."
    return f"{place} {shown}".strip()
