"""Reads specs from the file system and compiles them: the only place of the command line that does.

A spec's variables (`$NAME`) come from the environment, with CONFIG_ROOT_DIR as the folder of the spec unless it is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from leeward.core.dag import Dag, Json
from leeward.local.secrets import EnvironmentSecrets
from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.files import DEFAULTS, SUFFIXES


def compile_file(path: Path, root: Path | None = None, *, data_intervals: bool = False) -> Compiled:
    """Compile one spec with the defaults files from `root` (default: its own folder) down to its folder.

    `data_intervals` is Airflow's `create_cron_data_intervals`.
    """
    text = _read(path)
    folder = path.resolve().parent
    environment = {"CONFIG_ROOT_DIR": str(folder), **os.environ}
    return compile_spec(
        text,
        str(path),
        CATALOGUE,
        now=datetime.now(UTC),
        env=environment,
        defaults=tuple(_defaults(folder, root or folder)),
        variables=EnvironmentSecrets(os.environ).variable,
        read=lambda name: _text(folder / name),
        data_intervals=data_intervals,
    )


def _text(path: Path) -> str | None:
    """A file's text, if it is there and is one."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except UnicodeDecodeError:
        return None


def find_specs(paths: tuple[Path, ...]) -> Iterator[tuple[Path, Path | None]]:
    """The spec files under some paths, each with the root of its defaults files."""
    for path in paths:
        if not path.is_dir():
            yield path, None
            continue
        for found in sorted(path.rglob("*")):
            if found.suffix in SUFFIXES and found.name not in DEFAULTS and found.is_file():
                yield found, path


def choose(compiled: Compiled, dag_id: str | None) -> Dag:
    """The DAG of that id, or the only one. Ends the command if the spec is bad or the choice is not clear."""
    report_problems(compiled)
    by_id: Mapping[str, Dag] = {dag.dag_id: dag for dag in compiled.dags}
    if compiled.report.errors and (dag_id is None or dag_id not in by_id):
        raise SystemExit(2)
    if dag_id is None and len(by_id) == 1:
        return next(iter(by_id.values()))
    names = ", ".join(by_id) or "none"
    if dag_id is None:
        fail(f"the spec holds several DAGs: choose one with --dag-id ({names})")
    if dag_id not in by_id:
        fail(f"there is no DAG {dag_id!r} in the spec; it holds: {names}")
    return by_id[dag_id]


def report_problems(compiled: Compiled) -> None:
    """Print every mistake to standard error, one a line."""
    for diagnostic in compiled.report.sorted():
        click.echo(str(diagnostic), err=True)


def fail(message: str) -> NoReturn:
    """End the command for bad usage."""
    click.echo(f"error: {message}", err=True)
    raise SystemExit(2)


def json_object(text: str) -> dict[str, Json]:
    """The JSON object that an option holds. Ends the command for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        fail(f"--conf is not JSON: {error}")
    if not isinstance(found, dict):
        fail("--conf wants a JSON object, such as '{\"key\": 1}'")
    return found


def _defaults(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """The defaults files from the root down to the folder; only those two where the root is no parent."""
    root = root.resolve()
    below = [folder, *folder.parents]
    folders = below[: below.index(root) + 1][::-1] if root in below else [root, folder]
    for each in folders:
        for name in DEFAULTS:
            if (each / name).is_file():
                yield str(each / name), _read(each / name)
                break


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    except UnicodeDecodeError:
        fail(f"{path}: not a text file in UTF-8")
