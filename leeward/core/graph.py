"""The edges of a DAG between task indexes, and what follows from them alone.

Indexes are topological: every upstream index is smaller than its downstream one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Graph:
    """`upstream[i]` holds the indexes of the direct upstream tasks of task i."""

    upstream: tuple[tuple[int, ...], ...]

    @cached_property
    def downstream(self) -> tuple[tuple[int, ...], ...]:
        """Direct downstream indexes of every task, ascending."""
        found: list[list[int]] = [[] for _ in self.upstream]
        for index, ups in enumerate(self.upstream):
            for up in ups:
                found[up].append(index)
        return tuple(tuple(row) for row in found)

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Tasks without a downstream task: the run's state is theirs."""
        return tuple(index for index, downs in enumerate(self.downstream) if not downs)

    def ancestors(self, index: int) -> frozenset[int]:
        """Everything upstream of a task."""
        return _reach((index,), self.upstream)

    def descendants(self, start: Iterable[int]) -> frozenset[int]:
        """Everything downstream of the given tasks, without themselves unless they follow one another."""
        return _reach(start, self.downstream)


def _reach(start: Iterable[int], edges: Sequence[Sequence[int]]) -> frozenset[int]:
    seen: set[int] = set()
    todo = list(start)
    while todo:
        for found in edges[todo.pop()]:
            if found not in seen:
                seen.add(found)
                todo.append(found)
    return frozenset(seen)
