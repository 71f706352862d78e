"""Every place for one fault, or for two, in a run: each is tried, and the account judged when it has come to rest.

A run is a line of steps, each the delivery of one message and all that it causes. A fault happens in a step, at the number
of a call; what follows then is a line of its own. Where two lines meet in equal accounts, they go on as one: nothing but the
account decides what comes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.crash.account import Account
from tests.crash.calls import Call, Fault
from tests.crash.installation import installed
from tests.crash.judge import verdicts
from tests.crash.pump import TURNS, EndlessError, Pump
from tests.crash.scenes import Scene
from tests.crash.services import Services
from tests.crash.state import State
from tests.ports.stores import Stores, adapters
from tests.ports.wire import answered

Counts = tuple[int, ...]
"""How many runs there are with no fault, with one, with two."""

Faults = Mapping[int, Fault]


@dataclass
class Found:
    """What an exploration came to."""

    runs: Counts = ()
    points: int = 0
    calls: int = 0
    steps: int = 0
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """A fault, and where it happened."""

    step: int
    number: int
    call: Call
    fault: Fault

    def __str__(self) -> str:
        return f"step {self.step}, call {self.number} ({self.call.service} {self.call.operation}): {self.fault}"


@dataclass
class Explorer:
    """Explores one scene with faults of some kinds.

    Where only `distinct` ones are tried, faults are left out that leave the same account as another one. Without
    `all_of_them`, it stops at the first violation.
    """

    account: Account
    pump: Pump
    stores: Stores
    kinds: tuple[Fault, ...]
    all_of_them: bool = True
    distinct: bool = False
    found: Found = field(default_factory=Found)
    _known: dict[Hashable, tuple[int, Counts]] = field(default_factory=dict)

    def explore(self, state: State, left: int, trail: tuple[Place, ...], step: int = 0) -> Counts:
        """Judge every run that goes on from here with at most so many faults; how many they are.

        The line without more faults comes first, then what leaves it, from its end on: most of that comes back to the line.
        """
        line: list[tuple[State, list[Call]]] = []
        while (tail := self._seen(state, left)) is None:
            self.account.go_back(state)
            if self.pump.quiet or step + len(line) > TURNS:
                tail = self._judged(trail, step + len(line))
                self._known[state.key()] = (left, tail)
                break
            calls, after = self._step(state, {})
            line.append((state, calls))
            state = after
        while line:
            state, calls = line.pop()
            tail = _sum(tail, self._faulty(state, left, trail, step + len(line), {}, calls))
            self._known[state.key()] = (left, tail)
        return tail

    def _seen(self, state: State, left: int) -> Counts | None:
        """The counts for an account that was explored with as many faults, or more."""
        known, counts = self._known.get(state.key(), (-1, ()))
        return counts[: left + 1] if known >= left else None

    def _faulty(
        self, state: State, left: int, trail: tuple[Place, ...], step: int, faults: Faults, calls: list[Call]
    ) -> Counts:
        """Every way for one fault more to happen in a step, later in it than those that happen already."""
        counts: Counts = (0,)
        if not left or self.done:
            return counts
        for number in range(max(faults, default=-1) + 1, len(calls)):
            for fault in self._kinds(calls, number, faults):
                place = Place(step, number, calls[number], fault)
                counts = _sum(counts, (0, *self._with(state, left - 1, trail, place, faults)))
        return counts

    def _kinds(self, calls: list[Call], number: int, faults: Faults) -> tuple[Fault, ...]:
        if not self.distinct:
            return calls[number].fitting(self.kinds)
        return calls[number].distinct(self.kinds, calls[number - 1] if number and number - 1 not in faults else None)

    def _with(self, state: State, left: int, trail: tuple[Place, ...], place: Place, faults: Faults) -> Counts:
        more = {**faults, place.number: place.fault}
        trail = (*trail, place)
        try:
            calls, after = self._step(state, more)
        except EndlessError:
            self._violated(trail, "it does not come to rest")
            return (1,)
        inside = self._faulty(state, left, trail, place.step, more, calls)
        return _sum(inside, self.explore(after, left, trail, place.step + 1))

    def _step(self, state: State, faults: Faults) -> tuple[list[Call], State]:
        """One step from an account; its calls, and the account after it."""
        self.account.go_back(state)
        self.account.calls.begin(faults)
        self.pump.turn()
        self.found.steps += 1
        return self.account.calls.made, self.account.state

    def _judged(self, trail: tuple[Place, ...], step: int) -> Counts:
        if step > TURNS:
            self._violated(trail, "it does not come to rest")
        for verdict in verdicts(self.account.scene, self.account.state, self.stores):
            self._violated(trail, verdict)
        return (1,)

    def _violated(self, trail: tuple[Place, ...], what: str) -> None:
        self.found.violations.append("; ".join([*map(str, trail), what]))

    @property
    def done(self) -> bool:
        """Whether nothing more is asked for."""
        return bool(self.found.violations) and not self.all_of_them


def explore(
    scene: Scene, kinds: tuple[Fault, ...], faults: int, *, distinct: bool = False, all_of_them: bool = True
) -> Found:
    """Explore a scene with at most so many faults."""
    with explorer(scene, kinds, all_of_them=all_of_them) as made:
        start = made.account.state.copy()
        made.found.points = _points(made, start)
        made.distinct = distinct
        made.found.runs = made.explore(start, faults, ())
        made.found.calls = made.account.calls.total
    return made.found


@contextmanager
def explorer(scene: Scene, kinds: tuple[Fault, ...], *, all_of_them: bool) -> Iterator[Explorer]:
    """An explorer of a scene that is about to begin."""
    account = Account(scene)
    pump = Pump(account)
    with installed(account) as printed:
        made = Explorer(account, pump, _stores(account), kinds, all_of_them)
        yield made
    made.found.violations += printed.unexplained


def _stores(account: Account) -> Stores:
    """What the account has stored, by calls that don't count."""
    services = Services(lambda: account.state, account.invoke)
    return adapters(answered("dynamodb", services.dynamodb), answered("s3", services.s3))


def _points(made: Explorer, start: State) -> int:
    """The calls of the run without faults."""
    made.account.go_back(start)
    made.account.calls.begin({})
    made.pump.settle()
    return len(made.account.calls.made)


def _sum(one: Counts, other: Counts) -> Counts:
    width = max(len(one), len(other))
    left, right = ((*counts, *(0,) * (width - len(counts))) for counts in (one, other))
    return tuple(a + b for a, b in zip(left, right, strict=True))
