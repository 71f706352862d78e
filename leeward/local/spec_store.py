"""Twins of the stores of specs, rules and drops, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leeward.core.dag import Dag
from leeward.engine.ports import Drop, Live
from leeward.spec.rules import Rule


@dataclass
class MemorySpecStore:
    """Compiled DAGs of this process, by version."""

    _versions: dict[str, Dag] = field(default_factory=dict)
    _live: dict[str, Live] = field(default_factory=dict)

    def put(self, version: str, dag: Dag) -> None:
        """See `SpecStore.put`."""
        self._versions.setdefault(version, dag)

    def get(self, version: str) -> Dag:
        """See `SpecStore.get`."""
        return self._versions[version]

    def live(self, dag_id: str) -> Live | None:
        """See `SpecStore.live`."""
        return self._live.get(dag_id)

    def all_live(self) -> Sequence[Live]:
        """See `SpecStore.all_live`."""
        return tuple(self._live[dag_id] for dag_id in sorted(self._live))

    def put_live(self, live: Live, expect: Live | None) -> bool:
        """See `SpecStore.put_live`."""
        if self._live.get(live.dag_id) != expect:
            return False
        self._live[live.dag_id] = live
        return True

    def retire(self, expect: Live) -> bool:
        """See `SpecStore.retire`."""
        if self._live.get(expect.dag_id) != expect:
            return False
        del self._live[expect.dag_id]
        return True


@dataclass
class MemoryRules:
    """The rules that would start runs, by DAG."""

    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)

    def apply(self, dag_id: str, rules: Sequence[Rule]) -> None:
        """See `Rules.apply`."""
        if rules:
            self.rules[dag_id] = tuple(rules)
        else:
            self.rules.pop(dag_id, None)


@dataclass
class MemoryBucket:
    """Files by path."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def files(self) -> Mapping[str, str]:
        """See `Bucket.files`."""
        return {path: str(hash(content)) for path, content in sorted(self.contents.items())}

    def read(self, path: str) -> bytes | None:
        """See `Bucket.read`."""
        return self.contents.get(path)


@dataclass
class MemoryDropStore:
    """Records of drops, by path."""

    _drops: dict[str, Drop] = field(default_factory=dict)

    def all(self) -> Mapping[str, Drop]:
        """See `DropStore.all`."""
        return dict(sorted(self._drops.items()))

    def put(self, drop: Drop, expect: Drop | None) -> bool:
        """See `DropStore.put`."""
        if self._drops.get(drop.path) != expect:
            return False
        self._drops[drop.path] = drop
        return True

    def remove(self, expect: Drop) -> bool:
        """See `DropStore.remove`."""
        if self._drops.get(expect.path) != expect:
            return False
        del self._drops[expect.path]
        return True


@dataclass
class MemoryBundleStore:
    """Archives by name."""

    _archives: dict[str, bytes] = field(default_factory=dict)

    def put(self, bundle: str, archive: bytes) -> None:
        """See `BundleStore.put`."""
        self._archives.setdefault(bundle, archive)

    def get(self, bundle: str) -> bytes:
        """See `BundleStore.get`."""
        return self._archives[bundle]
