"""The states of task instances and DAG runs, in Airflow's words.

Only names and the sets that rules speak of; which state may follow which stands in `transitions`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """State of one task instance.

    `QUEUED` is stored when the dependencies are met, a slot is held and the task is dispatched, in one
    write; Airflow's `scheduled` (dependencies met, no slot yet) is therefore never stored.
    """

    NONE = "none"
    QUEUED = "queued"
    EXPANDED = "expanded"
    """A mapped task whose instances are under way; Airflow keeps no state of it as a whole."""
    RUNNING = "running"
    DEFERRED = "deferred"
    UP_FOR_RETRY = "up_for_retry"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    REMOVED = "removed"


class RunState(StrEnum):
    """State of one DAG run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


FINISHED: Final = frozenset(
    {
        TaskState.SUCCESS,
        TaskState.FAILED,
        TaskState.SKIPPED,
        TaskState.UPSTREAM_FAILED,
        TaskState.REMOVED,
    }
)
"""A task instance in one of these changes only by a verb (clear, mark) or a branch's skip request."""

FAILURES: Final = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})
"""Airflow's failed_states: a leaf in one of these fails the run."""

RUN_FINISHED: Final = frozenset({RunState.SUCCESS, RunState.FAILED})
