"""Make compiled DAGs live: store each by its content, switch to it, and let its rules follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leeward.core.dag import Dag
from leeward.engine.ports import Ports
from leeward.spec.version import version


def drop_spec(ports: Ports, dags: Iterable[Dag]) -> Mapping[str, str]:
    """The versions that are now live, by DAG id. Runs that have started stay on theirs."""
    live: dict[str, str] = {}
    for dag in dags:
        number = version(dag)
        ports.specs.put(number, dag)
        ports.specs.make_live(dag.dag_id, number)
        ports.rules.apply(dag.dag_id, dag.schedule)
        live[dag.dag_id] = number
    return live
