"""Make compiled DAGs live: store each by its content, switch to it, and let its rules follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from leeward.core.dag import Dag
from leeward.engine.create_due import moved_on
from leeward.engine.ports import Live, Ports
from leeward.spec.rules import Rule, rules
from leeward.spec.timetable import bounds_of
from leeward.spec.version import version


def drop_spec(ports: Ports, dags: Iterable[Dag], source: str = "", turn: int = 0) -> Mapping[str, str]:
    """The versions that are now live, by DAG id. Runs that have started stay on theirs.

    A DAG that was live keeps how far its schedule has come; a new one is paused if it says `is_paused_upon_creation`. Who
    has an older turn than what is live changes nothing.
    """
    live: dict[str, str] = {}
    for dag in dags:
        number = version(dag)
        ports.specs.put(number, dag)
        live[dag.dag_id] = _switch(ports, dag, number, source, turn).version
        apply_rules(ports, dag.dag_id)
    return live


def retire_dag(ports: Ports, dag_id: str, source: str, turn: int) -> None:
    """Take a DAG and its rules away, if it is that spec, not later taken up again, that defines it. Its runs go on.

    The rules are looked at whatever is found: who took the DAG away before may have died in between.
    """
    while (live := ports.specs.live(dag_id)) is not None and live.source == source and live.turn <= turn:
        if ports.specs.retire(live):
            break
    apply_rules(ports, dag_id)


def apply_rules(ports: Ports, dag_id: str) -> None:
    """Make the rules of a DAG those of what is live."""
    live = ports.specs.live(dag_id)
    wanted: tuple[Rule, ...] = ()
    if live is not None and not live.paused:
        due = None if live.due is None else datetime.fromtimestamp(live.due, UTC)
        wanted = rules(ports.specs.get(live.version), due, datetime.fromtimestamp(ports.clock.now(), UTC))
    ports.rules.apply(dag_id, wanted)


def _switch(ports: Ports, dag: Dag, number: str, source: str, turn: int) -> Live:
    """Point the DAG to its version, whatever ticks do to it meanwhile."""
    now = ports.clock.now()
    while True:
        before = ports.specs.live(dag.dag_id)
        if before is not None and before.source == source and before.turn > turn:
            return before
        base = before or Live(dag.dag_id, number, paused=dag.is_paused_upon_creation)
        after = replace(base, version=number, source=source, turn=turn)
        if before is None or not _planned_alike(ports, before, dag):
            after = moved_on(dag, after, None, now)
        if before == after or ports.specs.put_live(after, before):
            return after


def _planned_alike(ports: Ports, before: Live, dag: Dag) -> bool:
    """Whether what is planned stays: a new plan of a run that somebody is creating would be a second run."""
    old = ports.specs.get(before.version)
    return (old.schedule, bounds_of(old)) == (dag.schedule, bounds_of(dag))
