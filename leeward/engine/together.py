"""Runs the bodies of several tries at once, in threads, and hands over those that have ended together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from leeward.core.facts import Outcome
from leeward.operators.base import Attempt, HandedOver

Start = Callable[[Attempt], Outcome]


def together(start: Start, attempts: Sequence[Attempt], threads: int) -> Iterator[Sequence[tuple[Attempt, Outcome]]]:
    """See `Bodies.start_all`. What a body of ours raises is raised after all others have been handed over."""
    with ThreadPoolExecutor(min(threads, len(attempts))) as pool:
        left: dict[Future[Outcome], Attempt] = {pool.submit(start, attempt): attempt for attempt in attempts}
        broken: list[BaseException] = []
        while left:
            done, _ = wait(left, return_when=FIRST_COMPLETED)
            ended: list[tuple[Attempt, Outcome]] = []
            for future in done:
                attempt, error = left.pop(future), future.exception()
                if error is None:
                    ended.append((attempt, future.result()))
                elif not isinstance(error, HandedOver):
                    broken.append(error)
            if ended:
                yield ended
    if broken:
        raise broken[0]
