"""Tiny DAGs, gone through whole: in every order of every call, with a crash or a duplicate anywhere, a run ends right.

Where no function dies, it ends without a sweep.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from leeward.core.dag import Callback, CallbackEvent, Dag, RetryPolicy, SkipScope
from tests.drawing import draw
from tests.simulation.bodies import Doing, Script
from tests.simulation.explore import explore
from tests.simulation.mutants import MUTANTS

CRASH, DUPLICATE = {"kill": 1}, {"duplicate": 1}
FAILS, SKIPS = [Doing("here", "hopeless")], [Doing("here", "skipped")]


@dataclass(frozen=True)
class Tiny:
    """A DAG, how many entries one item of its run holds, and what may go wrong how often."""

    dag: Dag
    shard: int
    faults: Mapping[str, int] = field(default_factory=dict)
    script: Script = field(default_factory=dict)


JOIN, DIAMOND = draw("a,b>c"), draw("a>b,c>d")
RETRY = draw("a>b", a={"retry": RetryPolicy(1, 0.0)})
BRANCH = draw("a,b>c", a={"skip_scope": SkipScope.DIRECT}, c="all_done")
TINY = {
    "a chain, a crash and a duplicate": Tiny(draw("a>b"), 1, CRASH | DUPLICATE),
    "a chain with a retry, a crash": Tiny(RETRY, 36, CRASH, {"a": [Doing("here", "failed"), Doing()]}),
    "a join in one item, a crash": Tiny(JOIN, 36, CRASH),
    "a join over two items, a crash": Tiny(JOIN, 2, CRASH),
    "a join over two items, a duplicate": Tiny(JOIN, 2, DUPLICATE),
    "a failure and a skip meet": Tiny(JOIN, 2, {}, {"a": FAILS, "b": SKIPS}),
    "one success is enough": Tiny(draw("a,b>c", c="one_success"), 2, {}, {"a": FAILS}),
    "a branch skips over an item": Tiny(BRANCH, 2, {}, {"a": [Doing("here", skip=("c",))]}),
    "a diamond over two items": Tiny(DIAMOND, 2),
    "a diamond over two items, a crash": Tiny(DIAMOND, 2, CRASH),
}


@pytest.mark.parametrize("name", TINY)
def test_whatever_can_happen_ends_well(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = TINY[name]
    found = explore(tiny.dag, tiny.script, tiny.shard, tiny.faults)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {found.states} states, {found.paths} paths\n")
    assert found.wrong == ()


NAIVE = {
    "fold_what_follows": Tiny(JOIN, 36),
    "claim_whatever_is_there": Tiny(draw("a>b"), 36, DUPLICATE),
    "end_owes_nothing": Tiny(draw("a>b", dag={"callbacks": {CallbackEvent.SUCCESS: (Callback("m.f"),)}}), 36, CRASH),
}


@pytest.mark.parametrize("mutant", NAIVE)
def test_naive_engine_is_found_out(mutant: str) -> None:
    tiny = NAIVE[mutant]
    with MUTANTS[mutant]():
        assert explore(tiny.dag, tiny.script, tiny.shard, tiny.faults).wrong
