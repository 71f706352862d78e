"""Runs the bodies of several tries at once, in threads, and hands over those that have ended together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeAlias

from leeward.core.facts import Outcome
from leeward.operators.base import Attempt

Ended: TypeAlias = Sequence[tuple[Attempt, Outcome]]
Start: TypeAlias = Callable[[Sequence[Attempt]], Ended]
"""Runs the bodies of some tries in one call; those that go on elsewhere are left out."""


def together(start: Start, calls: Sequence[Sequence[Attempt]], threads: int) -> Iterator[Ended]:
    """See `Bodies.start_all`. What a body of ours raises is raised after all others have been handed over."""
    with ThreadPoolExecutor(min(threads, len(calls))) as pool:
        left: set[Future[Ended]] = {pool.submit(start, call) for call in calls}
        broken: list[BaseException] = []
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            broken += [error for future in done if (error := future.exception()) is not None]
            ended = [each for future in done if future.exception() is None for each in future.result()]
            if ended:
                yield ended
    if broken:
        raise broken[0]
