"""What a run costs in DynamoDB: requests, write and read units, and the bytes of its items, from the adapter's real calls.

The engine runs over the adapters on moto, in one thread, and every call that leaves the client is counted. A write unit is
1 KB of the larger of an item's images before and after, a refused write costs one too; a consistent read unit is 4 KB.
Bodies do nothing. The items of the last column are those of the run's state. `limit16` is max_active_tasks; the pool has 16
slots, which all tasks of four runs want. What is written in a transaction costs twice as much.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shapes import chain, fan, layered

from leeward.core.dag import Dag, Task
from leeward.core.view import Layout
from leeward.engine.start_run import start_run
from tests.ports.stores import Stores, put_in, stores
from tests.world import World

SHAPES = {
    "chain10": chain(10),
    "chain100": chain(100),
    "fan125": fan(125),
    "layered200": layered(),
    "fan1000": fan(1000),
    "fan125_limit16": fan(125),
    "4xfan32_pool16": fan(32),
}
LIMITED: Mapping[str, Mapping[str, Any]] = {
    "fan125_limit16": {"max_active_tasks": 16},
    "4xfan32_pool16": {"pool": "narrow", "runs": 4},
}
"""The limits of shapes that have some, and how many runs share them."""

POOLS = {"narrow": 16}


def size(item: dict[str, Any]) -> int:
    """Bytes of an item as DynamoDB counts them: names, texts, about half a byte a digit of numbers."""
    return sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())


@dataclass
class Meter:
    """Counts the calls of a client. `sizes` remembers how large each item was."""

    requests: Counter[str] = field(default_factory=Counter)
    writes: float = 0.0
    reads: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)

    def attach(self, client: Any) -> None:
        """Count what leaves this client from now on."""
        client.meta.events.register("after-call.dynamodb", self.after)
        client.meta.events.register("provide-client-params.dynamodb", self.before)

    def before(self, params: dict[str, Any], **_: Any) -> None:
        """Remember which item a write is about."""
        self.key = str(params.get("Key") or {k: params.get("Item", {}).get(k) for k in ("pk", "sk")})
        self.item = params.get("Item")
        asked = params.get("TransactItems") or [k for t in params.get("RequestItems", {}).values() for k in t["Keys"]]
        self.several = len(asked)

    def after(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Count one call."""
        self.requests[model.name] += 1
        if model.name in ("PutItem", "UpdateItem"):
            image = parsed.get("Attributes") or self.item or {}
            now = size(image)
            self.writes += math.ceil(max(now, self.sizes.get(self.key, 1)) / 1024)
            self.sizes[self.key] = now
        if model.name == "TransactWriteItems":
            self.writes += 2 * self.several
        if model.name == "BatchGetItem":
            self.reads += self.several
        if model.name == "Query":
            self.reads += max(1, math.ceil(sum(map(size, parsed["Items"])) / 4096))
        if model.name == "GetItem":
            self.reads += max(1, math.ceil(size(parsed.get("Item", {})) / 4096))


def dag_of(name: str, tasks: int, edges: list[tuple[int, int]]) -> Dag:
    """A DAG of tasks with a body, with the limits of its shape."""
    limits = LIMITED.get(name, {})
    pool = limits.get("pool")
    upstream: list[list[str]] = [[] for _ in range(tasks)]
    for up, down in edges:
        upstream[down].append(f"t{up}")
    made = (Task(f"t{i}", "PythonOperator", upstream=tuple(ups), pool=pool) for i, ups in enumerate(upstream))
    return Dag(name, tuple(made), max_active_tasks=limits.get("max_active_tasks"))


def measure(dag: Dag, found: Stores) -> tuple[Meter, int]:
    """Run a DAG and count. Raises SystemExit if a task did not succeed."""
    meter = Meter()
    world = put_in(World(dag), found)
    world.ports = replace(world.ports, pools=POOLS)
    meter.attach(found.runs.client)  # type: ignore[attr-defined]
    world.start()
    refs = [
        world.info.ref,
        *(replace(world.info.ref, run_id=f"manual__{i}") for i in range(2, runs_of(dag.dag_id) + 1)),
    ]
    for ref in refs[1:]:
        start_run(world.ports, replace(world.info, ref=ref))
    world.drain()
    for ref in refs:
        world.info = replace(world.info, ref=ref)
        if set(world.states.values()) != {"success"}:
            raise SystemExit(f"the run of {dag.dag_id} did not succeed")
    return meter, Layout(len(dag.tasks)).shards


def runs_of(shape: str) -> int:
    """How many runs of a shape go on at once."""
    return int(LIMITED.get(shape, {}).get("runs", 1))


def main() -> None:
    """Print one row a shape."""
    print(
        f"{'shape':<15}{'tasks':>6}{'items':>7}{'largest B':>11}{'requests/task':>15}{'WCU/task':>10}{'RCU/task':>10}"
    )
    for name, (each, edges) in SHAPES.items():
        with stores("aws") as found:
            meter, shards = measure(dag_of(name, each, edges), found)
        total, tasks = sum(meter.requests.values()), each * runs_of(name)
        print(
            f"{name:<15}{tasks:>6}{shards:>7}{max(meter.sizes.values()):>11}"
            f"{total / tasks:>15.2f}{meter.writes / tasks:>10.2f}{meter.reads / tasks:>10.2f}"
        )


if __name__ == "__main__":
    main()
