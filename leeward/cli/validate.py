"""`leeward validate`: every mistake of every spec, in one pass."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leeward.cli.load import compile_file, find_specs
from leeward.spec.compile import Compiled
from leeward.spec.diagnostics import Diagnostic


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def command(paths: tuple[Path, ...], as_json: bool) -> None:
    """Compile specs (files, or every .yml and .yaml under a folder) and report every mistake.

    Each line reads `file:line:col CODE message, hint`. Exit code 0 if no spec has an error, else 2.
    """
    found = [(path, compile_file(path, root)) for path, root in find_specs(paths)]
    if as_json:
        click.echo(json.dumps({"files": [_file(path, compiled) for path, compiled in found]}))
    else:
        for path, compiled in found:
            _print(path, compiled)
    raise SystemExit(2 if any(compiled.report.errors for _, compiled in found) else 0)


def _print(path: Path, compiled: Compiled) -> None:
    for diagnostic in compiled.report.sorted():
        click.echo(f"{diagnostic}")
    errors, warnings = len(compiled.report.errors), len(compiled.report.warnings)
    names = ", ".join(dag.dag_id for dag in compiled.dags) or "none"
    click.echo(f"{path}: {errors} errors, {warnings} warnings; DAGs: {names}")


def _file(path: Path, compiled: Compiled) -> dict[str, object]:
    return {
        "file": str(path),
        "dags": [dag.dag_id for dag in compiled.dags],
        "problems": [_problem(diagnostic) for diagnostic in compiled.report.sorted()],
    }


def _problem(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "file": diagnostic.mark.file,
        "line": diagnostic.mark.line,
        "column": diagnostic.mark.column,
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    }
