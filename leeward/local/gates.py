"""The twin of the gates, in memory: conditional writes of several gates that take effect together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from leeward.core.errors import EngineError
from leeward.core.gates import Gate, GateWrite, Taken


@dataclass
class MemoryGates:
    """The gates of this process."""

    _gates: dict[Gate, Taken] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def read(self, gates: Iterable[Gate]) -> Mapping[Gate, Taken]:
        """See `Gates.read`."""
        with self._lock:
            return {gate: self._gates.get(gate, Taken()) for gate in gates}

    def write(self, writes: Sequence[GateWrite]) -> Mapping[Gate, Taken] | None:
        """See `Gates.write`. Raises EngineError if the number of slots used would not be what tokens hold."""
        with self._lock:
            found = {write.gate: self._gates.get(write.gate, Taken()) for write in writes}
            if not all(_holds(found[write.gate], write) for write in writes):
                return None
            after = {write.gate: _applied(found[write.gate], write) for write in writes}
            for gate, taken in after.items():
                if taken.used != sum(hold.count for hold in taken.holds.values()):
                    raise EngineError(f"{gate}: {taken.used} slots used, held {dict(taken.holds)}")
            self._gates.update(after)
            return after

    def all(self) -> Mapping[Gate, Taken]:
        """Everything that is stored."""
        with self._lock:
            return dict(self._gates)


def _holds(taken: Taken, write: GateWrite) -> bool:
    return (
        (write.used is None or write.used == taken.used)
        and (write.size is None or taken.used + write.change <= write.size)
        and write.held <= taken.holds.keys()
        and all(taken.holds.get(name) == hold for name, hold in write.expect.items())
        and all(taken.waiters.get(run) == waiter for run, waiter in write.expect_waiters.items())
    )


def _applied(taken: Taken, write: GateWrite) -> Taken:
    holds = {**taken.holds, **write.put}
    waiters = {**taken.waiters, **write.put_waiters}
    return Taken(
        taken.used + write.change,
        {name: hold for name, hold in holds.items() if hold is not None},
        {run: waiter for run, waiter in waiters.items() if waiter is not None},
    )
