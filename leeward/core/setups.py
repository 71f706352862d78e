"""What setups and teardowns say about the tasks between them. It follows from the edges alone; states are `decide`'s.

A setup is a task that others need to have succeeded, however far behind it they come; its teardowns are the teardown tasks
directly after it. Its scope is what lies between them, or all that follows a setup without a teardown. The rules are those
of Airflow 3.3 (`get_upstreams_only_setups` of its DAG nodes, `_tis_for_dagrun_state` of its DAG runs).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leeward.core.graph import Graph


@dataclass(frozen=True)
class Scopes:
    """The edges of a DAG, and which of its tasks are setups and teardowns."""

    graph: Graph
    setups: frozenset[int]
    teardowns: frozenset[int]

    def teardowns_of(self, setup: int) -> frozenset[int]:
        """The teardowns of a setup."""
        return self.teardowns.intersection(self.graph.downstream[setup])

    def members(self, setup: int) -> frozenset[int]:
        """What is in the scope of a setup."""
        after = self.graph.descendants((setup,))
        ends = self.teardowns_of(setup)
        if not ends:
            return after
        return after & frozenset().union(*(self.graph.ancestors(end) for end in ends))

    def guards(self, free: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """For every task, the setups in whose scope it is, without those right above it: its trigger rule sees to these.

        Teardowns have none, and neither have the tasks in `free`.
        """
        found: list[list[int]] = [[] for _ in self.graph.upstream]
        for setup in sorted(self.setups):
            direct = self.graph.downstream[setup]
            for task in self.members(setup) - self.teardowns - free.union(direct):
                found[task].append(setup)
        return tuple(map(tuple, found))

    def leaves(self, counted: frozenset[int]) -> tuple[int, ...]:
        """The tasks after which nothing comes that counts for the run. Of the teardowns, only those in `counted` do.

        In a DAG of nothing but teardowns they all count.
        """
        ignored = self.teardowns - counted
        if not ignored:
            return self.graph.leaves
        open_ends = (i for i, downs in enumerate(self.graph.downstream) if ignored.issuperset(downs))
        return tuple(i for i in open_ends if i not in ignored) or self.graph.leaves

    def cleared(self, tasks: Iterable[int]) -> frozenset[int]:
        """The tasks that are cleared together with some: the setups in whose scope they are, and the teardowns of all."""
        chosen = frozenset(tasks)
        work = chosen - self.setups - self.teardowns
        setups = {setup for setup in self.setups if setup in chosen or not work.isdisjoint(self.members(setup))}
        return chosen.union(setups, *map(self.teardowns_of, setups))
