"""Every AWS call of every function is a place where things go wrong: killed, throttled, timed out, sent twice, frozen.

Whatever happens, the run ends as a run without faults in which exactly the lost tries failed, no try's body is started
twice, and nothing is left behind.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from leeward.contract import FUNCTION_SECONDS
from leeward.engine import execute_task, record
from leeward.engine.ports import Write
from tests.crash import scenes
from tests.crash.calls import FIVE, SIX, Fault
from tests.crash.conftest import Tell
from tests.crash.explore import Found, explore

VISIBILITY = 6 * FUNCTION_SECONDS
"""Of the deployed queues: long after the sweep has found what a killed function left."""

SINGLES = {
    "chain with retry": scenes.CHAIN,
    "chain with retry, cold": replace(scenes.CHAIN, cold=True),
    "chain with retry, late redelivery": replace(scenes.CHAIN, visibility=VISIBILITY),
    "chain without retries": scenes.CHAIN.without_retries(),
    "diamond": scenes.DIAMOND,
    "diamond, bodies overlap": replace(scenes.DIAMOND, overlap=True),
    "diamond without retries": scenes.DIAMOND.without_retries(),
    "asynchronous worker": scenes.LONG_BODY,
    "asynchronous worker without retries": scenes.LONG_BODY.without_retries(),
    "late answer of a worker": scenes.LATE_BODY,
    "Glue job": scenes.JOB,
    "callbacks": scenes.TOLD,
    "callbacks without retries": scenes.TOLD.without_retries(),
}
FANS = {
    "fan-out 10": scenes.FAN_10,
    "fan-out 12, by invocation": scenes.FAN_12,
    "fan-out 12, four an invocation": scenes.GROUPS,
}
PAIRS = {"chain with retry": scenes.CHAIN, "diamond": scenes.DIAMOND}


def _violations(found: Found) -> str:
    return "\n".join(found.violations[:20])


@pytest.mark.parametrize("name", SINGLES)
def test_run_survives_any_fault_at_any_call(name: str, tell: Tell) -> None:
    found = explore(SINGLES[name], SIX, 1)
    tell(f"one fault: {name}", found)
    assert not found.violations, _violations(found)
    assert found.runs[0] == 1
    assert found.runs[1] > 4 * found.points


@pytest.mark.parametrize("name", FANS)
def test_fan_survives_any_fault_at_any_call(name: str, tell: Tell) -> None:
    found = explore(FANS[name], FIVE, 1, distinct=True)
    tell(f"one fault: {name}", found)
    assert not found.violations, _violations(found)
    assert found.runs[1] > 2 * found.points


@pytest.mark.parametrize("name", PAIRS)
def test_run_survives_any_two_faults(name: str, tell: Tell) -> None:
    found = explore(PAIRS[name], FIVE, 2, distinct=True)
    tell(f"two faults: {name}", found)
    assert not found.violations, _violations(found)
    assert found.runs[2] > found.runs[1] ** 2 / 2


def test_claim_without_its_condition_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute_task, "Write", partial(_unconditional, Write))
    found = explore(scenes.CHAIN, FIVE, 1, all_of_them=False)
    assert any("was started 2 times" in story for story in found.violations)


def test_record_without_its_fence_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "Write", partial(_unconditional, Write))
    found = explore(scenes.CHAIN, (Fault.FREEZE,), 1)
    assert any("was started 2 times" in story for story in found.violations)


def test_record_that_takes_its_own_lost_answer_for_a_refusal_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_took_effect", lambda item, plan: False)
    found = explore(scenes.CHAIN, (Fault.TWICE,), 1)
    assert any("was lost, and no fault hit it" in story for story in found.violations)


def _unconditional(write: type[Write], shard: int, *, expect: object, **rest: Any) -> Write:
    """A write that expects nothing of its entries."""
    return write(shard, **rest)


def test_exploration_repeats_itself() -> None:
    first, second = (explore(scenes.LATE_BODY, FIVE, 1) for _ in range(2))
    assert first == second
