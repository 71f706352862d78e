"""Builds DAGs from drawings: `a>b,c>d` is a before b and c, both before d; `;` separates several drawings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from leeward.core.dag import Dag, Task, TriggerRule


def draw(drawing: str, *, dag: Mapping[str, Any] | None = None, **tasks: Any) -> Dag:
    """A DAG of tasks with a body. `tasks` gives a task's trigger rule, or a mapping of its fields."""
    upstream: dict[str, list[str]] = {}
    for line in drawing.split(";"):
        before: list[str] = []
        for step in line.split(">"):
            names = [name.strip() for name in step.split(",") if name.strip()]
            for name in names:
                found = upstream.setdefault(name, [])
                found.extend(up for up in before if up not in found)
            before = names
    built = tuple(_task(name, upstream[name], tasks.get(name, {})) for name in _sorted(upstream))
    return replace(Dag("drawn", built), **(dag or {}))


def _task(name: str, upstream: list[str], extra: Any) -> Task:
    fields = {"trigger_rule": TriggerRule(extra)} if isinstance(extra, str) else dict(extra)
    return Task(name, "PythonOperator", upstream=tuple(upstream), **fields)


def _sorted(upstream: Mapping[str, list[str]]) -> list[str]:
    done: list[str] = []
    while len(done) < len(upstream):
        done += [n for n, ups in upstream.items() if n not in done and set(ups) <= set(done)]
    return done
