"""Twins of the stores of specs and rules, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from leeward.core.dag import Dag, Json


@dataclass
class MemorySpecStore:
    """Compiled DAGs of this process, by version."""

    _versions: dict[str, Dag] = field(default_factory=dict)
    _live: dict[str, str] = field(default_factory=dict)

    def put(self, version: str, dag: Dag) -> None:
        """See `SpecStore.put`."""
        self._versions.setdefault(version, dag)

    def get(self, version: str) -> Dag:
        """See `SpecStore.get`."""
        return self._versions[version]

    def make_live(self, dag_id: str, version: str) -> None:
        """See `SpecStore.make_live`."""
        if version not in self._versions:
            raise KeyError(version)
        self._live[dag_id] = version

    def live(self, dag_id: str) -> str | None:
        """See `SpecStore.live`."""
        return self._live.get(dag_id)


@dataclass
class MemoryRules:
    """The schedules that would start runs, by DAG."""

    schedules: dict[str, Json] = field(default_factory=dict)

    def apply(self, dag_id: str, schedule: Json) -> None:
        """See `Rules.apply`."""
        if schedule is None:
            self.schedules.pop(dag_id, None)
        else:
            self.schedules[dag_id] = schedule
