"""`leeward drop`: put specs, and the files beside them, where the installation finds them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from leeward.aws.installation import Installation
from leeward.cli.remote import found, options
from leeward.engine.ports import Drop
from leeward.engine.reconcile import settled
from leeward.spec.files import is_spec

SKIPPED = ("__pycache__", ".git", ".venv", "node_modules")


@click.command("drop")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--under", default="", metavar="FOLDER", help="Folder in the bucket, below dags/.")
@click.option(
    "--wait", type=float, default=120.0, show_default=True, help="Seconds to wait for the compiler; 0 = none."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@options
def command(
    paths: tuple[Path, ...], under: str, wait: float, as_json: bool, stack: str, profile: str | None, region: str | None
) -> None:
    """Drop specs, or whole folders with the modules beside them, and tell what became of them.

    A bad spec changes nothing: its last good version stays live. Exit code 0 if all are live, 2 if a spec is bad.
    """
    here = found(stack, profile, region)
    files = dict(_files(paths, under.strip("/")))
    for path, source in sorted(files.items(), key=lambda row: (is_spec(row[0]), row[0])):
        here.upload(path, source.read_bytes())
    specs = [path for path in files if is_spec(path)]
    records = _wait(here, specs, wait) if wait else {}
    if as_json:
        click.echo(json.dumps({path: _row(records.get(path)) for path in specs}))
    else:
        for path in specs:
            _tell(path, records.get(path), wait)
    raise SystemExit(2 if any(record.errors for record in records.values()) else 0)


def _files(paths: Iterable[Path], under: str) -> Iterable[tuple[str, Path]]:
    """What to drop, as paths in the bucket; of a folder everything but caches."""
    prefix = f"{under}/" if under else ""
    for path in paths:
        if path.is_file():
            yield prefix + path.name, path
            continue
        for each in sorted(path.rglob("*")):
            inside = each.relative_to(path)
            if each.is_file() and not any(part in SKIPPED or part.startswith(".") for part in inside.parts):
                yield prefix + inside.as_posix(), each


def _wait(here: Installation, specs: list[str], seconds: float) -> Mapping[str, Drop]:
    """The records of the specs once the compiler has seen what lies in the bucket now."""
    end = time.monotonic() + seconds
    while True:
        records = here.drops.all()
        done = settled(records, here.bucket.files())
        if all(path in done for path in specs) or time.monotonic() > end:
            return {path: records[path] for path in specs if path in done}
        time.sleep(0.5)


def _row(record: Drop | None) -> Mapping[str, object] | None:
    return None if record is None else {"dags": list(record.dags), "errors": list(record.errors)}


def _tell(path: str, record: Drop | None, wait: float) -> None:
    if record is None:
        click.echo(
            f"{path}: dropped" if not wait else f"{path}: not compiled yet; see `leeward errors`", err=bool(wait)
        )
    elif record.errors:
        click.echo("\n".join(record.errors), err=True)
        click.echo(
            f"{path}: not live; its last good version stays: {', '.join(record.dags) or 'there is none'}", err=True
        )
    else:
        click.echo(f"{path}: live: {', '.join(record.dags)}")
