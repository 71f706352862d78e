"""Make what is live equal to what lies in the bucket: after any change, in any order, and in the sweep.

An event about a file is a hint to look. The records are read before the bucket is listed, and each is written on the
condition that it is still as it was read: whoever listed later wins, and an older look can't undo it. A file is compiled
when anything that it is made from has changed: itself, the defaults files above it, the modules beside and below it.

A spec with a mistake changes nothing but its record, which tells the mistake: its last good DAGs stay live. A file that is
gone takes its DAGs with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from leeward.contract import MAX_BUNDLE_BYTES, MAX_DROP_ERRORS, METRIC_DAGS, METRIC_IMPORT_ERRORS
from leeward.core.dag import Dag
from leeward.engine.bundle import pack, speaks_of_history
from leeward.engine.drop_spec import apply_rules, drop_spec, retire_dag
from leeward.engine.ports import Bucket, BundleStore, Drop, DropStore, Ports
from leeward.operators import CATALOGUE
from leeward.spec.compile import POOLS, compile_spec
from leeward.spec.files import DEFAULTS, above, is_spec

MAX_LOOKS: Final = 5
"""How often one event lists the bucket again because somebody else came in between."""

COMPILE_SECONDS: Final = 30.0
"""How long others leave a file to a compiler that has begun with it; Lambda repeats a failed event after a minute."""

UNDER_WAY: Final = "~"
"""Before what is noted as seen while a compiler is at it."""

DOUBLED: Final = "doubled"
"""What is noted as seen of a file whose mistake may be mended elsewhere (it defines another one's DAG, it names a pool that
is not there): it is looked at again each time."""

GONE: Final = "gone"
"""What is wanted of a file that is not there any more."""

COMPILER: Final = "3"
"""Grows when the same files are to give other DAGs, so that everything is compiled again."""


@dataclass(frozen=True, slots=True)
class Dropping:
    """What the compiler stands on. `variables` looks up Airflow variables that specs read while they are compiled."""

    ports: Ports
    bucket: Bucket
    drops: DropStore
    bundles: BundleStore
    variables: Callable[[str], str | None]


class Gone(Exception):  # noqa: N818 - no mistake: the bucket has moved on, and its next event is on its way
    """A file that was listed is not there any more."""


class Overtaken(Exception):  # noqa: N818 - no mistake: somebody else is at it
    """Another compiler took a file up meanwhile: the bucket must be listed again."""


def reconcile(dropping: Dropping, *, routine: bool = False) -> None:
    """Compile what has changed, retire what is gone. Raises Overtaken if others keep coming in between.

    A routine look that finds nothing to do writes no metric: a metric is paid for by the hours in which it is written.
    """
    for look in range(MAX_LOOKS):
        try:
            changed = _reconcile(dropping)
        except (Gone, Overtaken):
            if look == MAX_LOOKS - 1:
                raise
            continue
        if changed or look or not routine:
            _tell_sizes(dropping)
        return


def _tell_sizes(dropping: Dropping) -> None:
    """Read anew, so that the last of several compilers at once tells what all have done."""
    records = dropping.drops.all().values()
    metrics = dropping.ports.metrics
    metrics.gauge(METRIC_DAGS, sum(len(record.dags) for record in records))
    metrics.gauge(METRIC_IMPORT_ERRORS, sum(bool(record.errors) for record in records))


def _reconcile(dropping: Dropping) -> bool:
    """One look; whether it found something to do."""
    known = dropping.drops.all()
    records = dict(known)
    files = dropping.bucket.files()
    for path in [path for path in records if path not in files]:
        if not _under_way(dropping, records[path], GONE):
            _retire(dropping, records.pop(path))
    for path in filter(is_spec, files):
        before, wanted = records.get(path), _seen(path, files)
        if (before is None or before.seen != wanted) and not _under_way(dropping, before, wanted):
            records[path] = _drop(dropping, path, files, records)
    return records != known


def settled(records: Mapping[str, Drop], files: Mapping[str, str]) -> set[str]:
    """The specs whose records tell of the files as they are now."""
    return {path for path, record in records.items() if path in files and record.seen in (DOUBLED, _seen(path, files))}


def _under_way(dropping: Dropping, record: Drop | None, wanted: str) -> bool:
    """Whether somebody else has just begun to do the same. If that one dies, its own event comes again."""
    if record is None or record.seen != UNDER_WAY + wanted:
        return False
    return dropping.ports.clock.now() - record.at < COMPILE_SECONDS


def _take(dropping: Dropping, path: str, before: Drop | None, wanted: str) -> Drop:
    """The record of a file that is ours to change now: whoever comes later has a later turn."""
    now, turn = dropping.ports.clock.now(), 1 if before is None else before.turn + 1
    taken = replace(before or Drop(path, "", now), seen=UNDER_WAY + wanted, at=now, turn=turn)
    if not dropping.drops.put(taken, before):
        raise Overtaken(path)
    return taken


def _retire(dropping: Dropping, record: Drop) -> None:
    taken = _take(dropping, record.path, record, GONE)
    for dag_id in record.dags:
        retire_dag(dropping.ports, dag_id, record.path, taken.turn)
    if not dropping.drops.remove(taken):
        raise Overtaken(record.path)


def _drop(dropping: Dropping, path: str, files: Mapping[str, str], records: Mapping[str, Drop]) -> Drop:
    """Compile one spec and make it live, or tell why not; the record of it."""
    taken = _take(dropping, path, records.get(path), _seen(path, files))
    now = dropping.ports.clock.now()
    dags, errors = _compiled(dropping, path, files, now)
    owners = {dag_id: other for other, record in records.items() if other != path for dag_id in record.dags}
    doubled = [dag.dag_id for dag in dags if dag.dag_id in owners]
    if errors or doubled:
        told = errors or tuple(
            f"{path} LW145 the DAG {dag_id} is defined by {owners[dag_id]} already" for dag_id in doubled
        )
        elsewhere = doubled or any(POOLS in error for error in told)
        seen = DOUBLED if elsewhere else _seen(path, files)
        record = replace(taken, seen=seen, at=now, errors=told[:MAX_DROP_ERRORS])
    else:
        drop_spec(dropping.ports, dags, path, taken.turn)
        kept = tuple(dag.dag_id for dag in dags)
        for dag_id in set(taken.dags).difference(kept):
            retire_dag(dropping.ports, dag_id, path, taken.turn)
        record = replace(taken, seen=_seen(path, files), at=now, dags=kept, errors=())
    if not dropping.drops.put(record, taken):
        for dag_id in {*taken.dags, *record.dags}:
            apply_rules(dropping.ports, dag_id)
        raise Overtaken(path)
    return record


def _compiled(dropping: Dropping, path: str, files: Mapping[str, str], now: float) -> tuple[list[Dag], tuple[str, ...]]:
    """The DAGs of one spec with the modules beside it, and its mistakes."""
    try:
        text = _read(dropping, path).decode("utf-8")
        defaults = [(name, _read(dropping, name).decode("utf-8")) for name in above(path) if name in files]
    except UnicodeDecodeError:
        return [], (f"{path} LW101 not a text file in UTF-8",)
    compiled = compile_spec(
        text,
        path,
        CATALOGUE,
        now=datetime.fromtimestamp(now, UTC),
        env={"CONFIG_ROOT_DIR": "."},
        defaults=defaults,
        variables=dropping.variables,
        read=lambda name: _text_beside(dropping, path, name),
        pools=dropping.ports.pools,
    )
    errors = tuple(str(error) for error in compiled.report.errors)
    if errors:
        return [], errors
    modules = {name[len(_folder(path)) :]: _read(dropping, name) for name in _modules(path, files)}
    if sum(map(len, modules.values())) > MAX_BUNDLE_BYTES:
        return [], (f"{path} LW146 the files beside it are larger than {MAX_BUNDLE_BYTES // 2**20} MB together",)
    bundle = ""
    if modules:
        bundle, archive = pack(modules)
        dropping.bundles.put(bundle, archive)
    asks = speaks_of_history((text.encode(), *(body.encode() for _, body in defaults), *modules.values()))
    return [replace(dag, bundle=bundle, asks_history=asks) for dag in compiled.dags], ()


def _text_beside(dropping: Dropping, path: str, name: str) -> str | None:
    content = dropping.bucket.read(_folder(path) + name.removeprefix("./"))
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _read(dropping: Dropping, path: str) -> bytes:
    content = dropping.bucket.read(path)
    if content is None:
        raise Gone(path)
    return content


def _seen(path: str, files: Mapping[str, str]) -> str:
    """A hash of everything that a spec is made from."""
    made_from = [path, *(name for name in above(path) if name in files), *_modules(path, files)]
    text = "\n".join((COMPILER, *(f"{name} {files[name]}" for name in made_from)))
    return sha256(text.encode()).hexdigest()[:32]


def _modules(path: str, files: Mapping[str, str]) -> Iterator[str]:
    """The files beside and below a spec that are no specs."""
    folder = _folder(path)
    yield from (n for n in sorted(files) if n.startswith(folder) and not is_spec(n) and _name(n) not in DEFAULTS)


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]
