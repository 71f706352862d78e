"""Params: values for templates, some with a JSON Schema that a run's conf must keep to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leeward.core.dag import Dag, Json
from leeward.spec.check import KEYWORDS, mismatch
from leeward.spec.diagnostics import Report
from leeward.spec.members import text_of
from leeward.spec.nodes import Node, Table
from leeward.spec.special import as_json
from leeward.worker.values import TYPE

_PARAM: Final = ("airflow.models.param.Param", "airflow.sdk.Param", "airflow.sdk.definitions.param.Param")
_SHOWN: Final = frozenset(
    ("title", "description", "description_md", "section", "examples", "values_display", "custom_html_form", "source")
)


def read_params(node: Node | None, report: Report) -> tuple[dict[str, Json], dict[str, Json]]:
    """The defaults of params, and the JSON Schemas of those that have one."""
    defaults: dict[str, Json] = {}
    schemas: dict[str, Json] = {}
    for name, value in node.items.items() if isinstance(node, Table) else ():
        if isinstance(value, Table) and text_of(value.get(TYPE)) in _PARAM:
            defaults[name], schemas[name] = _param(name, value, report)
        else:
            defaults[name] = as_json(value, report)
    return defaults, schemas


def _param(name: str, node: Table, report: Report) -> tuple[Json, Json]:
    parts: dict[str, Any] = {key: as_json(part, report) for key, part in node.items.items() if key != TYPE}
    default = parts.pop("default", None)
    inner = parts.pop("schema", {})
    schema: dict[str, Any] = {**(inner if isinstance(inner, Mapping) else {}), **parts}
    for keyword in schema.keys() - KEYWORDS - _SHOWN:
        report.error(node.mark, "LW128", f"the param {name!r} uses {keyword!r}, which is not checked yet")
    problem = "" if default is None else mismatch(default, schema)
    if problem:
        report.error(node.mark, "LW124", f"the default of the param {name!r} {problem}")
    return default, schema


def param_problems(dag: Dag, conf: Mapping[str, Json]) -> list[str]:
    """What is wrong with the params of a run with that conf, a line each."""
    values = {**dag.params, **conf}
    found: list[str] = []
    for name, schema in dag.param_schemas.items():
        problem = mismatch(values.get(name), schema) if isinstance(schema, Mapping) else ""
        if problem:
            found.append(f"LW305 the param {name!r} {problem}")
    return found
