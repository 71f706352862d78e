"""The DAG shapes to measure with, as specs of no-op Python tasks.

`layered200` is 20 layers of 10 tasks with three random parents each; its edges stand in `layered200.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

Edges = list[tuple[int, int]]


def chain(n: int) -> tuple[int, Edges]:
    """n tasks, one after the other."""
    return n, [(i, i + 1) for i in range(n - 1)]


def fan(n: int) -> tuple[int, Edges]:
    """One task, n after it, one after all of them."""
    return n + 2, [(0, i) for i in range(1, n + 1)] + [(i, n + 1) for i in range(1, n + 1)]


def layered() -> tuple[int, Edges]:
    """20 layers of 10."""
    edges = json.loads((HERE / "layered200.json").read_text())
    return 200, [(up, down) for up, down in edges]


SHAPES: Final = {"chain100": chain(100), "fan1000": fan(1000), "layered200": layered()}


def spec(name: str, tasks: int, edges: Iterable[tuple[int, int]]) -> str:
    """The spec of a shape, as JSON (which is YAML)."""
    upstream: dict[int, list[str]] = {i: [] for i in range(tasks)}
    for up, down in edges:
        upstream[down].append(f"t{up}")
    body = [
        {
            "task_id": f"t{i}",
            "operator": "airflow.providers.standard.operators.python.PythonOperator",
            "python_callable": "noop.noop",
            "dependencies": upstream[i],
        }
        for i in range(tasks)
    ]
    return json.dumps({name: {"schedule": None, "tasks": body}})
