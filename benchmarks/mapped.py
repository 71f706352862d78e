"""What instances of a mapped task cost in DynamoDB: items, bytes and requests an instance, from the adapter's real calls.

A task pushes a list of so many numbers and another one is mapped over it; bodies do nothing. `apart`: each instance is
recorded by itself, as bodies that end one by one are. `together`: those of one hint end at once, as a call's instances do.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dynamo_items import Meter

from leeward.core.dag import Dag, Expansion, Task
from leeward.core.facts import Succeeded
from leeward.core.states import RunState
from tests.ports.stores import Stores, put_in, stores
from tests.world import World


@dataclass(frozen=True)
class Cost:
    """What a run cost, all in all."""

    instances: int
    items: int
    largest: int
    total_bytes: int
    requests: int
    write_units: float
    read_units: float
    hints: int

    def each(self, number: float) -> float:
        """So much an instance."""
        return number / self.instances

    def __str__(self) -> str:
        shape = f"{self.instances} instances: {self.items} items, {self.total_bytes} bytes, the largest {self.largest}"
        units = f"{self.each(self.write_units):.3f} write units, {self.each(self.read_units):.3f} read units"
        return (
            f"{shape}; an instance: {self.each(self.requests):.3f} requests, {units}, {self.each(self.hints):.3f} hints"
        )


def dag_of(instances: int) -> Dag:
    """A list, a task mapped over it, and one after that."""
    source = {"__xcom__": "a", "key": "return_value"}
    tasks = (
        Task("a", "PythonOperator"),
        Task("m", "PythonOperator", upstream=("a",), expand=Expansion((("x", source),))),
        Task("z", "PythonOperator", upstream=("m",)),
    )
    return Dag("mapped", tasks, max_map_length=instances)


def measure(instances: int, found: Stores, *, apart: bool) -> Cost:
    """Run so many instances and count. Raises SystemExit if one of them did not succeed."""
    meter = Meter()
    world = put_in(World(dag_of(instances), {"a": [Succeeded({"return_value": list(range(instances))})]}), found)
    world.bodies.apart = apart
    meter.attach(found.runs.client)  # type: ignore[attr-defined]
    hints = 0
    world.start()
    while waiting := world.queue.take():
        hints += len(waiting)
        for hint in waiting:
            world.handle(hint)
    mapped = world.entries["m"].mapped
    header = world.ports.runs.read(world.info.ref, (0,))[0].header
    if mapped is None or mapped.counts[0] != instances or header is None or header.state is not RunState.SUCCESS:
        raise SystemExit(f"the run of {instances} instances did not succeed: {mapped}")
    sizes = {key: size for key, size in meter.sizes.items() if "/x" not in key}
    requests = sum(meter.requests.values())
    return Cost(
        instances, len(sizes), max(sizes.values()), sum(sizes.values()), requests, meter.writes, meter.reads, hints
    )


def main() -> None:
    """Print both ways, for a few sizes."""
    for instances in (36, 1000, 10_000):
        for apart in (True, False):
            with stores("wire") as found:
                print(f"{'apart' if apart else 'together':<9}{measure(instances, found, apart=apart)}")


if __name__ == "__main__":
    main()
