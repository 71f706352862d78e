"""What follows a failed try: another try and when, or the end.

The backoff is Airflow's, to the second: its jitter is a hash of the task instance's name, so it needs no randomness.
"""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import sha1
from typing import Final

from leeward.contract import MAX_RETRY_DELAY_SECONDS
from leeward.core.dag import RetryAction, RetryPolicy, RetryRule
from leeward.core.facts import Raised
from leeward.core.run import Entry
from leeward.core.states import TaskState

_AS_USUAL: Final = RetryRule((), RetryAction.DEFAULT)


def delay_seconds(policy: RetryPolicy, seed: str, exponent: int) -> float:
    """Seconds to wait after try number `exponent + 1`.

    `seed` is `dag_id#task_id#logical_date#try_number`. With a multiplier m other than 0 and 1, Airflow
    waits b + (sha1(seed) mod b) with b = ceil(delay * m**exponent), at least 1, capped by a day and by
    `max_retry_delay` (`TaskInstance.next_retry_datetime` of Airflow 3.3).
    """
    if policy.multiplier in (0.0, 1.0):
        return policy.delay_seconds
    base = max(1, math.ceil(_backoff(policy, exponent)))
    digest = int(sha1(seed.encode(), usedforsecurity=False).hexdigest(), 16)
    delay = min(float(base + digest % base), MAX_RETRY_DELAY_SECONDS)
    return delay if policy.max_delay_seconds is None else min(delay, policy.max_delay_seconds)


def _backoff(policy: RetryPolicy, exponent: int) -> float:
    try:
        raw = policy.delay_seconds * policy.multiplier**exponent
    except OverflowError:
        return MAX_RETRY_DELAY_SECONDS
    return min(raw, MAX_RETRY_DELAY_SECONDS)


def ruling(policy: RetryPolicy, raised: Raised | None) -> RetryRule:
    """The rule that decides over a failure: the first that matches, else one that says what the policy does otherwise.

    Where nobody saw an exception no rule is asked, as in Airflow, whose policies run where the task does.
    """
    if raised is None:
        return _AS_USUAL
    for rule in policy.rules:
        known = (*raised.exactly, *raised.also) if rule.match_subclasses else raised.exactly
        found = next((path for path in rule.exceptions if path in known), None)
        if found is not None:
            return rule if rule.reason else replace(rule, reason=f"matched rule for {found}")
    return RetryRule((), policy.otherwise)


def after_failure(
    policy: RetryPolicy, entry: Entry, seed: str, now: float, *, retryable: bool, rule: RetryRule | None = None
) -> Entry:
    """The entry after its try failed at `now`: up_for_retry with a due time, or failed for good.

    Tries are counted from the last clear (`entry.base`), as Airflow's `max_tries` are. A rule may end them early or set the
    delay; it can't add tries.
    """
    rule = rule or _AS_USUAL
    if not retryable or rule.action is RetryAction.FAIL or entry.try_number - entry.base > policy.retries:
        return replace(entry, state=TaskState.FAILED, owner="", end=now, until=None)
    due = now + delay_seconds(policy, f"{seed}#{entry.try_number}", entry.try_number - 1)
    if rule.action is RetryAction.RETRY and rule.delay_seconds is not None:
        due = now + rule.delay_seconds
    return replace(entry, state=TaskState.UP_FOR_RETRY, owner="", end=now, until=due)
