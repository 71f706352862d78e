"""Every trigger rule over every tally of up to four upstream tasks, against a second reading of Airflow's formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from leeward.core.dag import TriggerRule
from leeward.core.rules import TABLE, Tally, verdict
from leeward.core.states import TaskState

RUN, FAIL, SKIP, WAIT = TaskState.QUEUED, TaskState.UPSTREAM_FAILED, TaskState.SKIPPED, None


def _tallies() -> Iterator[Tally]:
    for total in range(1, 5):
        for counts in product(range(total + 1), repeat=4):
            if sum(counts) <= total:
                success, failed, upstream_failed, skipped = counts
                yield Tally(total, success, failed, upstream_failed, skipped)


def _all_success(t: Tally) -> TaskState | None:
    if t.success == t.total:
        return RUN
    return FAIL if t.failed or t.upstream_failed else SKIP if t.skipped else WAIT


def _all_failed(t: Tally) -> TaskState | None:
    if t.failed + t.upstream_failed == t.total:
        return RUN
    return SKIP if t.success or t.skipped else WAIT


def _all_done_min_one_success(t: Tally) -> TaskState | None:
    if t.skipped:
        return SKIP
    if _open(t):
        return WAIT
    return RUN if t.success else FAIL


def _one_success(t: Tally) -> TaskState | None:
    if t.success:
        return RUN
    if _open(t):
        return WAIT
    return SKIP if t.skipped == t.total else FAIL


def _one_failed(t: Tally) -> TaskState | None:
    if t.failed or t.upstream_failed:
        return RUN
    return WAIT if _open(t) else SKIP


def _one_done(t: Tally) -> TaskState | None:
    if t.success or t.failed:
        return RUN
    return WAIT if _open(t) else SKIP


def _none_failed(t: Tally) -> TaskState | None:
    if t.failed or t.upstream_failed:
        return FAIL
    return WAIT if _open(t) else RUN


def _none_failed_min_one_success(t: Tally) -> TaskState | None:
    if t.failed or t.upstream_failed:
        return FAIL
    if _open(t):
        return WAIT
    return RUN if t.success else SKIP


def _none_skipped(t: Tally) -> TaskState | None:
    if t.skipped:
        return SKIP
    return WAIT if _open(t) else RUN


def _all_skipped(t: Tally) -> TaskState | None:
    if t.success or t.failed or t.upstream_failed:
        return SKIP
    return RUN if t.skipped == t.total else WAIT


def _all_done(t: Tally) -> TaskState | None:
    return WAIT if _open(t) else RUN


def _open(t: Tally) -> int:
    return t.total - t.success - t.failed - t.upstream_failed - t.skipped


AIRFLOW: dict[TriggerRule, Callable[[Tally], TaskState | None]] = {
    TriggerRule.ALL_SUCCESS: _all_success,
    TriggerRule.ALL_FAILED: _all_failed,
    TriggerRule.ALL_DONE: _all_done,
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: _all_done_min_one_success,
    TriggerRule.ALL_DONE_SETUP_SUCCESS: _all_done,
    TriggerRule.ONE_SUCCESS: _one_success,
    TriggerRule.ONE_FAILED: _one_failed,
    TriggerRule.ONE_DONE: _one_done,
    TriggerRule.NONE_FAILED: _none_failed,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: _none_failed_min_one_success,
    TriggerRule.NONE_SKIPPED: _none_skipped,
    TriggerRule.ALL_SKIPPED: _all_skipped,
    TriggerRule.ALWAYS: lambda _: RUN,
}


@pytest.mark.parametrize("rule", TriggerRule)
def test_verdict_is_airflows_for_every_tally(rule: TriggerRule) -> None:
    assert {t: verdict(rule, t) for t in _tallies()} == {t: AIRFLOW[rule](t) for t in _tallies()}


def test_table_has_a_row_for_every_rule() -> None:
    assert set(TABLE) == set(TriggerRule)


@pytest.mark.parametrize("rule", TriggerRule)
def test_task_without_upstream_runs_whatever_its_rule(rule: TriggerRule) -> None:
    assert verdict(rule, Tally(0)) is RUN


@pytest.mark.parametrize(
    ("tally", "state"),
    [
        (Tally(2, success=1), WAIT),
        (Tally(2, success=1, failed=1, setups=1, setups_succeeded=1), RUN),
        (Tally(2, success=1, failed=1, setups=1), FAIL),
        (Tally(2, success=1, skipped=1, setups=1, setups_skipped=1), SKIP),
        (Tally(3, success=1, failed=1, setups=2, setups_skipped=1), WAIT),
    ],
)
def test_teardown_runs_unless_no_setup_succeeded(tally: Tally, state: TaskState | None) -> None:
    assert verdict(TriggerRule.ALL_DONE_SETUP_SUCCESS, tally) is state


def test_removed_instances_count_for_all_success_and_none_failed() -> None:
    assert verdict(TriggerRule.ALL_SUCCESS, Tally(2, success=1, removed=1)) is RUN
    assert verdict(TriggerRule.NONE_FAILED, Tally(2, skipped=1, removed=1)) is RUN
    assert verdict(TriggerRule.ALL_FAILED, Tally(2, failed=1, removed=1)) is RUN
    assert verdict(TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, Tally(2, success=1, removed=1)) is RUN
