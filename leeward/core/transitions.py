"""Which state of a task instance may follow which, why, and who writes it: a table that is printed as the state diagram.

The table says what is legal; `decide` says when it is due. Whatever is not in it is a defect, and the invariant
`legal_transition` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from leeward.core.fail_fast import STOPPED
from leeward.core.run import ENDS
from leeward.core.states import FINISHED, TaskState

S = TaskState


class Actor(StrEnum):
    """Who writes a transition."""

    ADVANCE = "advance"
    EXECUTOR = "executor"
    SWEEPER = "sweeper"
    VERB = "verb"


@dataclass(frozen=True, slots=True)
class Transition:
    """A legal change of one task instance's state. A None-to-None row is no transition and never stands here."""

    before: TaskState
    after: TaskState
    cause: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Impossible:
    """States that a state never follows, and why."""

    after: TaskState
    befores: tuple[TaskState, ...]
    reason: str


_UNFINISHED: Final = tuple(state for state in TaskState if state not in FINISHED)
_FINISHED: Final = tuple(state for state in TaskState if state in FINISHED)
_SKIPPABLE: Final = (S.NONE, S.QUEUED, S.UP_FOR_RETRY, S.UPSTREAM_FAILED)

TABLE: Final[tuple[Transition, ...]] = (
    Transition(S.NONE, S.QUEUED, "trigger rule met", Actor.ADVANCE),
    Transition(S.NONE, S.SUCCESS, "trigger rule met, no body", Actor.ADVANCE),
    Transition(S.NONE, S.UPSTREAM_FAILED, "trigger rule can't be met", Actor.ADVANCE),
    Transition(S.NONE, S.SKIPPED, "trigger rule can't be met", Actor.ADVANCE),
    Transition(S.NONE, S.REMOVED, "instance no longer exists", Actor.ADVANCE),
    Transition(S.NONE, S.EXPANDED, "trigger rule met, expanded", Actor.ADVANCE),
    *(Transition(S.EXPANDED, state, "instances ended", Actor.ADVANCE) for state in ENDS if state is not S.REMOVED),
    Transition(S.UP_FOR_RETRY, S.QUEUED, "retry due", Actor.ADVANCE),
    Transition(S.QUEUED, S.RUNNING, "claimed", Actor.EXECUTOR),
    Transition(S.NONE, S.RUNNING, "trigger rule met, claimed at once", Actor.EXECUTOR),
    Transition(S.UP_FOR_RETRY, S.RUNNING, "retry due, claimed at once", Actor.EXECUTOR),
    Transition(S.RUNNING, S.SUCCESS, "body returned", Actor.EXECUTOR),
    Transition(S.RUNNING, S.SKIPPED, "body skipped itself", Actor.EXECUTOR),
    Transition(S.RUNNING, S.FAILED, "body failed, no try left", Actor.EXECUTOR),
    Transition(S.RUNNING, S.UP_FOR_RETRY, "body failed, tries left", Actor.EXECUTOR),
    Transition(S.RUNNING, S.DEFERRED, "job started, waiting", Actor.EXECUTOR),
    Transition(S.RUNNING, S.FAILED, "lease expired, no try left", Actor.SWEEPER),
    Transition(S.RUNNING, S.UP_FOR_RETRY, "lease expired, tries left", Actor.SWEEPER),
    Transition(S.DEFERRED, S.SUCCESS, "job returned", Actor.EXECUTOR),
    Transition(S.DEFERRED, S.SKIPPED, "job skipped itself", Actor.EXECUTOR),
    Transition(S.DEFERRED, S.FAILED, "job failed, no try left", Actor.EXECUTOR),
    Transition(S.DEFERRED, S.UP_FOR_RETRY, "job failed, tries left", Actor.EXECUTOR),
    *(
        Transition(state, S.SKIPPED, "skipped by a branch", Actor.ADVANCE)
        for state in _SKIPPABLE
        if state is not S.NONE
    ),
    *(Transition(state, S.SKIPPED, "run stopped", Actor.VERB) for state in _UNFINISHED),
    *(
        Transition(state, after, "marked", Actor.VERB)
        for state in TaskState
        for after in (S.SUCCESS, S.FAILED)
        if state is not after
    ),
    Transition(S.RUNNING, S.FAILED, STOPPED, Actor.VERB),
    *(
        Transition(state, S.SKIPPED, STOPPED, Actor.VERB)
        for state in (S.NONE, S.QUEUED, S.DEFERRED, S.UP_FOR_RETRY, S.UPSTREAM_FAILED)
    ),
    *(Transition(state, S.EXPANDED, "instances changed", Actor.VERB) for state in ENDS if state is not S.REMOVED),
    *(Transition(state, S.NONE, "cleared", Actor.VERB) for state in TaskState if state is not S.NONE),
)

LEGAL: Final = frozenset((row.before, row.after) for row in TABLE)

IMPOSSIBLE: Final[tuple[Impossible, ...]] = (
    Impossible(
        S.QUEUED,
        (S.RUNNING, S.DEFERRED, *_FINISHED),
        "a try is queued once; a task gets another only after a failure that is to be repeated, or a clear",
    ),
    Impossible(
        S.RUNNING,
        (S.DEFERRED, *_FINISHED),
        "a claim takes a try that is queued, or that it queues in the same write; a job is polled, not claimed again",
    ),
    Impossible(
        S.DEFERRED,
        tuple(state for state in TaskState if state not in (S.RUNNING, S.DEFERRED)),
        "only a body that runs starts a job",
    ),
    Impossible(
        S.UP_FOR_RETRY,
        (S.NONE, S.QUEUED, *_FINISHED),
        "only a try that has begun and has not ended can fail and be repeated",
    ),
    Impossible(
        S.UPSTREAM_FAILED,
        tuple(state for state in TaskState if state not in (S.NONE, S.EXPANDED, S.UPSTREAM_FAILED)),
        "a trigger rule judges only what has not begun",
    ),
    Impossible(
        S.REMOVED,
        tuple(state for state in TaskState if state not in (S.NONE, S.REMOVED)),
        "what a run was expanded over is known before an instance begins",
    ),
    *(
        Impossible(after, (S.EXPANDED,), "what is expanded has no try of its own: its instances have theirs")
        for after in (S.QUEUED, S.RUNNING, S.UP_FOR_RETRY)
    ),
    Impossible(
        S.EXPANDED,
        (S.QUEUED, S.RUNNING, S.DEFERRED, S.UP_FOR_RETRY, S.REMOVED),
        "a mapped task expands before it has a try, and its instances have theirs",
    ),
    Impossible(
        S.SKIPPED,
        (S.SUCCESS, S.FAILED, S.REMOVED),
        "a branch and a stop spare what has ended",
    ),
)
"""Every pair of different states that is not in the table."""

SKIPPABLE: Final = frozenset(_SKIPPABLE)
"""What a branch's skip request changes: Airflow skips whatever isn't running, success or failed yet."""


def diagram() -> str:
    """The table as a Mermaid state diagram, verbs left out (they lead from any state to their own)."""
    rows: dict[tuple[TaskState, TaskState], list[str]] = {}
    for row in TABLE:
        if row.actor is not Actor.VERB:
            rows.setdefault((row.before, row.after), []).append(row.cause)
    lines = ["stateDiagram-v2", f"    [*] --> {S.NONE}"]
    for (before, after), causes in rows.items():
        lines.append(f"    {before} --> {after}: {' / '.join(dict.fromkeys(causes))}")
    return "\n".join(lines)
