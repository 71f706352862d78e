"""Dropped specs that name pools: what an installation makes of them, and of a deployment that changes its pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leeward.engine.reconcile import Dropping, reconcile
from leeward.local.spec_store import MemoryBucket, MemoryBundleStore, MemoryDropStore
from tests.drawing import draw
from tests.world import World

SPEC = b"d: {tasks: {a: {operator: BashOperator, bash_command: x, pool: etl, pool_slots: 2}}}"
PLAIN = b"e: {tasks: {a: {operator: BashOperator, bash_command: x}}}"


@dataclass
class Installation:
    """A bucket with two specs, and what compiles them."""

    world: World = field(default_factory=lambda: World(draw("a")))
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    drops: MemoryDropStore = field(default_factory=MemoryDropStore)

    def look(self, pools: Mapping[str, int]) -> list[str]:
        """Look at the bucket, with these pools; the DAGs that are live."""
        ports = replace(self.world.ports, pools=pools)
        reconcile(Dropping(ports, self.bucket, self.drops, MemoryBundleStore(), lambda _: None))
        return sorted(live.dag_id for live in ports.specs.all_live())

    @property
    def errors(self) -> Mapping[str, tuple[str, ...]]:
        return {path: record.errors for path, record in self.drops.all().items() if record.errors}


def _dropped() -> Installation:
    found = Installation()
    found.bucket.contents["spec.yml"] = SPEC
    found.bucket.contents["plain.yml"] = PLAIN
    return found


def test_spec_with_an_unknown_pool_is_an_import_error_and_others_are_not() -> None:
    here = _dropped()
    assert here.look({}) == ["e"]
    assert list(here.errors) == ["spec.yml"]
    assert "LW150" in here.errors["spec.yml"][0]
    assert "the pool 'etl', which is not there" in here.errors["spec.yml"][0]


def test_spec_becomes_live_once_its_pool_is_there_and_large_enough_without_a_new_drop() -> None:
    here = _dropped()
    here.look({})
    assert here.look({"etl": 1}) == ["e"]
    assert "which has 1 slots" in here.errors["spec.yml"][0]
    assert here.look({"etl": 2}) == ["d", "e"]
    assert here.errors == {}


def test_spec_whose_pool_has_gone_stays_live_until_it_is_dropped_again() -> None:
    here = _dropped()
    here.look({"etl": 2})
    assert here.look({}) == ["d", "e"]
    here.bucket.contents["spec.yml"] = SPEC + b"\n"
    assert here.look({}) == ["d", "e"]
    assert "LW150" in here.errors["spec.yml"][0]
