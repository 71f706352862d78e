"""Backoff to the second, and what a failed try becomes."""

from __future__ import annotations

from hashlib import sha1

import pytest

from leeward.core.dag import RetryAction, RetryPolicy, RetryRule
from leeward.core.facts import Raised
from leeward.core.retry import after_failure, delay_seconds, ruling
from leeward.core.run import Entry
from leeward.core.states import TaskState

DAY = 86_400.0
SEED = "dag#task#2024-01-15 00:00:00+00:00#1"


def _jitter(base: int) -> int:
    return int(sha1(SEED.encode(), usedforsecurity=False).hexdigest(), 16) % base


@pytest.mark.parametrize("multiplier", [0.0, 1.0])
def test_delay_is_constant_without_a_multiplier(multiplier: float) -> None:
    assert delay_seconds(RetryPolicy(3, 42.5, multiplier), SEED, 2) == 42.5


@pytest.mark.parametrize(("delay", "exponent", "base"), [(300.0, 0, 300), (300.0, 2, 1200), (0.0, 3, 1), (0.4, 0, 1)])
def test_backoff_doubles_and_adds_a_jitter_that_depends_on_the_name_alone(
    delay: float, exponent: int, base: int
) -> None:
    assert delay_seconds(RetryPolicy(9, delay, 2.0), SEED, exponent) == base + _jitter(base)


def test_backoff_is_capped_by_a_day_and_by_max_retry_delay() -> None:
    assert delay_seconds(RetryPolicy(99, 300.0, 2.0), SEED, 40) == DAY
    assert delay_seconds(RetryPolicy(99, 300.0, 10.0), SEED, 4000) == DAY
    assert delay_seconds(RetryPolicy(99, 300.0, 2.0, 600.0), SEED, 5) == 600.0


RUNNING = Entry(TaskState.RUNNING, 1, owner="me", start=0.0, until=99.0)


def test_failed_try_waits_for_its_retry_while_tries_are_left() -> None:
    after = after_failure(RetryPolicy(1, 10.0), RUNNING, "seed", 50.0, retryable=True)
    assert (after.state, after.until, after.end) == (TaskState.UP_FOR_RETRY, 60.0, 50.0)


def test_last_try_fails_for_good() -> None:
    after = after_failure(RetryPolicy(0), RUNNING, "seed", 50.0, retryable=True)
    assert (after.state, after.until) == (TaskState.FAILED, None)


def test_error_that_is_not_to_be_retried_ignores_the_tries_left() -> None:
    after = after_failure(RetryPolicy(5), RUNNING, "seed", 50.0, retryable=False)
    assert after.state is TaskState.FAILED


def test_tries_count_from_the_last_clear() -> None:
    entry = Entry(TaskState.RUNNING, 4, base=3, owner="me", until=99.0)
    assert after_failure(RetryPolicy(1), entry, "s", 1.0, retryable=True).state is TaskState.UP_FOR_RETRY


HTTP = RetryRule(("requests.exceptions.HTTPError",), delay_seconds=300.0, reason="rate limit")
FATAL = RetryRule(("m.Auth", "builtins.PermissionError"), RetryAction.FAIL)
EXACT = RetryRule(("builtins.OSError",), RetryAction.FAIL, match_subclasses=False)
POLICY = RetryPolicy(1, 10.0, rules=(HTTP, FATAL, EXACT))


def test_first_rule_that_matches_the_exception_or_a_class_above_it_decides() -> None:
    assert ruling(POLICY, Raised(("requests.exceptions.HTTPError",), ("builtins.OSError",))) == HTTP
    found = ruling(POLICY, Raised(("builtins.PermissionError",), ("builtins.OSError",)))
    assert (found.action, found.reason) == (RetryAction.FAIL, "matched rule for builtins.PermissionError")
    assert ruling(POLICY, Raised(("builtins.OSError",))).action is RetryAction.FAIL
    assert ruling(POLICY, Raised((), ("builtins.OSError",))).action is RetryAction.DEFAULT


def test_policy_says_what_follows_otherwise_unless_nobody_saw_an_exception() -> None:
    strict = RetryPolicy(1, otherwise=RetryAction.FAIL)
    assert ruling(strict, Raised()).action is RetryAction.FAIL
    assert ruling(strict, None).action is RetryAction.DEFAULT
    assert POLICY.exceptions == (
        "requests.exceptions.HTTPError",
        "m.Auth",
        "builtins.PermissionError",
        "builtins.OSError",
    )


@pytest.mark.parametrize(
    ("rule", "tries", "state", "due"),
    [
        (HTTP, 1, TaskState.UP_FOR_RETRY, 350.0),
        (HTTP, 2, TaskState.FAILED, None),
        (FATAL, 1, TaskState.FAILED, None),
        (RetryRule(("x.Y",)), 1, TaskState.UP_FOR_RETRY, 60.0),
        (RetryRule((), RetryAction.DEFAULT, 300.0), 1, TaskState.UP_FOR_RETRY, 60.0),
    ],
)
def test_rule_ends_tries_early_or_sets_the_delay_and_adds_none(
    rule: RetryRule, tries: int, state: TaskState, due: float | None
) -> None:
    entry = Entry(TaskState.RUNNING, tries, owner="me", start=1.0, until=9.0)
    after = after_failure(POLICY, entry, "seed", 50.0, retryable=True, rule=rule)
    assert (after.state, after.until) == (state, due)


def test_what_is_hopeless_asks_no_rule() -> None:
    entry = Entry(TaskState.RUNNING, 1, owner="me", start=1.0, until=9.0)
    assert after_failure(POLICY, entry, "seed", 50.0, retryable=False, rule=HTTP).state is TaskState.FAILED
