"""What a body did: the outcomes that an executor reports, in the past tense.

An outcome is a value that crosses process and network boundaries as plain JSON; it changes nothing by itself. `name` is what
`map_index_template` made of a mapped instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from leeward.core.dag import Json


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The body returned. `xcoms` maps XCom keys (`return_value` among them) to values; an absent key was not pushed.

    `skip` are the full ids of the tasks that a branch or short-circuit asks to be skipped.
    """

    xcoms: Mapping[str, Json] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """By which import paths an exception's class is known (`exactly`), and the classes above it (`also`)."""

    exactly: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The body raised. `retryable` is false for AirflowFailException and for a task that can never succeed.

    `xcoms` holds what the body pushed before it raised, as in Airflow. `raised` is None where nobody saw an exception: a
    process or function was lost.
    """

    error: str
    retryable: bool = True
    xcoms: Mapping[str, Json] = field(default_factory=dict)
    name: str = ""
    raised: Raised | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The body raised AirflowSkipException, or Bash ended with the skip code."""

    reason: str = ""
    xcoms: Mapping[str, Json] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The body started a job and handed back its id: it is to be polled after `poll_seconds`.

    `job` is stored with the attempt and given to every poll.
    """

    job: Json
    poll_seconds: float


Outcome: TypeAlias = Succeeded | Failed | Skipped | Deferred
