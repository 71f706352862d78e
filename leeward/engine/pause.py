"""Pause a DAG and resume it: by hand, or because its last runs have failed (`max_consecutive_failed_dag_runs`).

A paused DAG gets no scheduled runs, and runs that are started by hand are queued. What is running goes on to its end.
"""

from __future__ import annotations

from dataclasses import replace

from leeward.core.errors import UsageError
from leeward.core.states import RunState
from leeward.engine.hints import Look
from leeward.engine.history import last_headers
from leeward.engine.ports import Ports
from leeward.engine.scope import Scope


def set_paused(ports: Ports, dag_id: str, *, paused: bool) -> bool:
    """Pause a DAG, or resume it and wake its queued runs; whether that changed anything.

    Raises UsageError LW306 if there is no such DAG.
    """
    while (live := ports.specs.live(dag_id)) is not None:
        if live.paused == paused:
            return False
        if ports.specs.put_live(replace(live, paused=paused), live):
            waiting = () if paused else (info for info in ports.runs.active() if info.ref.dag_id == dag_id)
            for info in waiting:
                ports.dispatch.send([Look(info)])
            return True
    raise UsageError("LW306", f"there is no DAG {dag_id!r}")


def pause_if_failing(scope: Scope) -> None:
    """Pause the DAG of a run that has failed if, with it, the last runs by logical date have all failed, as in Airflow."""
    most, ports = scope.dag.max_consecutive_failed_dag_runs, scope.ports
    last = last_headers(ports.runs, ports.specs, scope.info, most)
    live = ports.specs.live(scope.info.ref.dag_id)
    if live is not None and len(last) == most and all(header.state is RunState.FAILED for header in last):
        set_paused(ports, scope.info.ref.dag_id, paused=True)
