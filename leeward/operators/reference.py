"""The reference page of operators, from the catalogue."""

from __future__ import annotations

import json

from leeward.spec.catalogue import Catalogue, Parameter, Signature


def operator_reference(catalogue: Catalogue) -> str:
    """The page, as Markdown."""
    lines = [
        "# Operators",
        "",
        "What a task's `operator` or `decorator` may name, with Airflow's import paths, old ones included. A class of your",
        "own, by its import path, is accepted too: it is made with the task's other keys and its `execute(context)` called.",
    ]
    for signature in catalogue.signatures():
        lines += ["", f"## {signature.name}", "", signature.note, "", *_paths(signature)]
        if signature.parameters:
            lines += ["", "| Argument | Type | Templated | Meaning |", "| --- | --- | --- | --- |"]
            lines += [_row(name, parameter) for name, parameter in signature.parameters.items()]
    return "\n".join(lines) + "\n"


def _paths(signature: Signature) -> list[str]:
    shown = [f"* `{path}`" for path in signature.paths]
    return shown + [f"* decorator `{path}`" for path in signature.decorators]


def _row(name: str, parameter: Parameter) -> str:
    required = " (required)" if parameter.required else ""
    templated = "yes" if parameter.templated else "no"
    return f"| `{name}`{required} | {_type(parameter)} | {templated} | {parameter.note} |"


def _type(parameter: Parameter) -> str:
    kind = parameter.type.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return " or ".join(map(str, kind))
    return "any" if not parameter.type else f"`{json.dumps(parameter.type)}`".replace("|", "\\|")
