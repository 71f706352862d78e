"""Names and numbers that the orchestrator, its functions and its infrastructure must agree on.

Nothing here computes. A number carries its unit in its name and the source of its value in a comment.
"""

from __future__ import annotations

from typing import Final

TASKS_PER_SHARD: Final = 36
"""Task entries in one run-state item: the item stays below 1 KB, one DynamoDB write unit."""

LEASE_MARGIN_SECONDS: Final = 30.0
"""A lease ends this long after its invocation's own deadline, when Lambda has killed the environment."""

RESEND_AFTER_SECONDS: Final = 120.0
"""The sweeper re-sends a queued task no sooner than this, doubled with every re-send."""

RESENDS_PER_SWEEP: Final = 100
"""Hints that one sweep may re-send for one run, so that it cannot make a backlog permanent."""

STALE_INTENT_SECONDS: Final = 10.0
"""An intent that is older than this is rolled forward by whoever meets it."""

MAX_HINT_DELAY_SECONDS: Final = 900.0
"""SQS delays a message by at most 15 minutes; a longer wait is re-armed."""

EARLY_VERDICT_SECONDS: Final = 1.0
"""How long a failed or skipped upstream task waits for unfinished ones before its successor is given up: Airflow's
scheduler sleeps a second between its looks (`scheduler_idle_sleep_time`), so it too sees them together."""

SHORTEST_WAIT_SECONDS: Final = 0.01
"""Stored times have hundredths of a second: a shorter wait could end before the time that it waits for."""

MAX_RETRY_DELAY_SECONDS: Final = 24 * 60 * 60.0
"""Airflow's MAX_RETRY_DELAY: no retry waits longer than a day."""

SHARDS_PER_KEY: Final = 16
"""Shards of a run that share one partition key, so that a wide run does not sit on one key range (1,000 writes a second)."""

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
ACTIVE_ATTRIBUTE: Final = "act"
ACTIVE_INDEX: Final = "active"
"""Sparse index of the state table: the headers of runs that have not ended or still owe something."""

MAX_ERROR_CHARACTERS: Final = 8_000
"""What is kept of a try's error; all of it is in the task's log."""

MAX_INLINE_XCOM_BYTES: Final = 64 * 1024
"""A larger XCom is an object in S3: a DynamoDB item holds 400 KB, and every read of it is paid by size."""
