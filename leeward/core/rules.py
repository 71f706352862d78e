"""Airflow's trigger rules, as the rows of one truth table.

A row says when the task runs and, else, which state it takes and when; what no row settles waits. The formulas are
those of Airflow 3.3's `ti_deps/deps/trigger_rule_dep.py`. A row may only speak of upstream instances that have
finished: an unfinished one can delay a verdict and never reverse it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from leeward.core.dag import TriggerRule
from leeward.core.states import TaskState


@dataclass(frozen=True, slots=True)
class Tally:
    """How many direct upstream task instances are in each finished state; `total` counts all of them.

    `setups` counts upstream setup tasks, `setups_succeeded` and `setups_skipped` those of them in that state.
    """

    total: int
    success: int = 0
    failed: int = 0
    upstream_failed: int = 0
    skipped: int = 0
    removed: int = 0
    setups: int = 0
    setups_succeeded: int = 0
    setups_skipped: int = 0

    @property
    def failures(self) -> int:
        """Instances that failed, themselves or through their upstream."""
        return self.failed + self.upstream_failed

    @property
    def done(self) -> bool:
        """Whether every upstream instance has finished."""
        return self.success + self.failures + self.skipped + self.removed >= self.total


Test: TypeAlias = Callable[[Tally], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One trigger rule. `otherwise` is read in order; a test with `done` in it waits for all upstream instances."""

    runs: Test
    otherwise: tuple[tuple[Test, TaskState], ...] = ()


def _any_failed(t: Tally) -> bool:
    return t.failures > 0


def _any_skipped(t: Tally) -> bool:
    return t.skipped > 0


def _all_skipped(t: Tally) -> bool:
    return t.skipped == t.total


def _no_success(t: Tally) -> bool:
    return t.done and t.success == 0


_FAIL: Final = TaskState.UPSTREAM_FAILED
_SKIP: Final = TaskState.SKIPPED

TABLE: Final[Mapping[TriggerRule, Row]] = MappingProxyType(
    {
        TriggerRule.ALL_SUCCESS: Row(
            lambda t: t.success + t.removed == t.total,
            ((_any_failed, _FAIL), (_any_skipped, _SKIP)),
        ),
        TriggerRule.ALL_FAILED: Row(
            lambda t: t.failures + t.removed == t.total,
            ((lambda t: t.success > 0 or t.skipped > 0, _SKIP),),
        ),
        TriggerRule.ALL_DONE: Row(lambda t: t.done),
        TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: Row(
            lambda t: t.skipped == 0 and t.success >= 1 and t.success + t.failures >= t.total - t.removed,
            ((_any_skipped, _SKIP), (_no_success, _FAIL)),
        ),
        TriggerRule.ALL_DONE_SETUP_SUCCESS: Row(
            lambda t: t.done and (t.setups == 0 or t.setups_succeeded > 0),
            (
                (lambda t: t.done and t.setups_skipped == t.setups > 0, _SKIP),
                (lambda t: t.done and t.setups_succeeded == 0, _FAIL),
            ),
        ),
        TriggerRule.ONE_SUCCESS: Row(
            lambda t: t.success >= 1,
            ((_all_skipped, _SKIP), (_no_success, _FAIL)),
        ),
        TriggerRule.ONE_FAILED: Row(
            _any_failed,
            ((lambda t: t.done and t.failures == 0, _SKIP),),
        ),
        TriggerRule.ONE_DONE: Row(
            lambda t: t.success + t.failed >= 1,
            ((lambda t: t.done and t.success + t.failed == 0, _SKIP),),
        ),
        TriggerRule.NONE_FAILED: Row(
            lambda t: t.success + t.skipped + t.removed == t.total,
            ((_any_failed, _FAIL),),
        ),
        TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: Row(
            lambda t: t.success >= 1 and t.success + t.skipped + t.removed == t.total,
            ((_any_failed, _FAIL), (_all_skipped, _SKIP), (_no_success, _FAIL)),
        ),
        TriggerRule.NONE_SKIPPED: Row(
            lambda t: t.done and t.skipped == 0,
            ((_any_skipped, _SKIP),),
        ),
        TriggerRule.ALL_SKIPPED: Row(
            _all_skipped,
            ((lambda t: t.success + t.failures > 0, _SKIP),),
        ),
        TriggerRule.ALWAYS: Row(lambda _: True),
    }
)


UNGUARDED: Final = Tally(0)
"""The setups of a task that is in no scope."""


def verdict(rule: TriggerRule, tally: Tally, guards: Tally = UNGUARDED) -> TaskState | None:
    """QUEUED if the task may run, the state that it takes otherwise, None while it waits.

    A task without upstream tasks runs, whatever its rule. `guards` are the setups in whose scope a task is without being
    right after them: it runs only after they have all succeeded, and what became of one of them comes before its own rule.
    """
    if guards.failures:
        return TaskState.UPSTREAM_FAILED
    if guards.skipped:
        return TaskState.SKIPPED
    row = TABLE[rule]
    if tally.total == 0 or row.runs(tally):
        return TaskState.QUEUED if guards.success == guards.total else None
    return next((state for test, state in row.otherwise if test(tally)), None)
