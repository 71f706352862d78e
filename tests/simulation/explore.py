"""Every order of every call of a tiny DAG's run, with a crash and a duplicate anywhere: all of them, not a sample.

A world can't be copied, so each path is run anew from its choices. What was seen before is not gone through again: a state is
what is stored, what is on its way, and, of every invocation that lives, its message and the answers that it has had, which
together determine all that it will do. Time stands still while anything can be done.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.start_run import start_run
from tests.simulation.bodies import Script
from tests.simulation.chance import GENTLE
from tests.simulation.oracle import faults
from tests.simulation.twins import Sender
from tests.simulation.world import START, Installation, Invocation, everything_until, shards_of

DATE = "2024-01-15T00:00:00+00:00"
EXECUTORS = 2


class SeenError(Exception):
    """This state was gone through before."""


@dataclass
class Choices:
    """Implements `tests.simulation.chance.Chance`: the choices so far are given, and from there the first one each time.

    `left` says how often each fault may still strike; `many` is how many possibilities there were at each choice. `settled`
    worlds only wait for time: the same state has come twice, and what is left goes one way.
    """

    given: list[int]
    left: dict[str, int]
    many: list[int] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)
    settled: bool = False

    def pick(self, many: int) -> int:
        if many == 1 or self.settled:
            return 0
        place = len(self.many)
        self.many.append(many)
        if place == len(self.given):
            self.given.append(0)
        return self.given[place]

    def happens(self, fault: str) -> bool:
        if not self.left.get(fault) or self.settled or not self.pick(2):
            return False
        self.left[fault] -= 1
        self.struck[fault] = 1
        return True

    def lasts(self) -> float:
        raise NotImplementedError

    @property
    def new(self) -> bool:
        """Whether nobody has chosen so before."""
        return len(self.many) >= len(self.given)

    @property
    def gentle(self) -> bool:
        return self.struck.keys() <= set(GENTLE)


@dataclass(frozen=True)
class Explored:
    """How many states and paths there were, and what was wrong at the end of any."""

    states: int
    paths: int
    wrong: tuple[str, ...]


def explore(dag: Dag, script: Script, shard: int, faults_left: Mapping[str, int]) -> Explored:
    """Go through all that can happen to one run of a DAG, or until something goes wrong."""
    seen: set[Hashable] = set()
    wrong: list[str] = []
    given: list[int] = []
    paths = 0
    while True:
        paths += 1
        choices = Choices(given, dict(faults_left))
        with shards_of(shard):
            wrong += _path(dag, script, choices, seen)
        given = _next(choices)
        if wrong or not given:
            return Explored(len(seen), paths, tuple(wrong))


def _path(dag: Dag, script: Script, choices: Choices, seen: set[Hashable]) -> list[str]:
    """One path to its end, or to a state that was seen before; what is wrong at its end."""
    world = Installation(script, choices, traced=True, call_seconds=0.0, most_awake=EXECUTORS)
    world.minute, world.hour = START + 60.0, float("inf")
    _start(world, dag)
    own: set[Hashable] = set()

    def look() -> None:
        state = _state(world, choices)
        if choices.new and state in seen:
            raise SeenError
        choices.settled = choices.settled or (choices.new and state in own)
        if not choices.settled:
            own.add(state)

    try:
        everything_until(world, look)
    except SeenError:
        found = [*world.wrong, *(f"body of {key} started twice" for key, many in world.started.items() if many > 1)]
    else:
        found = list(faults(world, ["r"]))
    seen |= own
    return [f"{choices.given}: {story}" for story in found]


def _start(world: Installation, dag: Dag) -> None:
    """Start a run, without anything going wrong yet."""
    world.specs.put("v", dag)
    starter = Invocation(None, {}, START, None, "starter")  # type: ignore[arg-type]
    info = RunInfo(RunRef(dag.dag_id, "r", "v"), RunType.MANUAL, DATE, DATE, DATE, DATE, START)
    dispatch = Sender(world, starter)
    ports = replace(world.ports(starter), runs=world.runs, specs=world.specs, dispatch=dispatch, log=world.log)
    start_run(ports, info)


def _next(choices: Choices) -> list[int]:
    """The next path, depth first; none if there is no more."""
    given = choices.given[: len(choices.many)]
    while given:
        place = len(given) - 1
        if given[place] + 1 < choices.many[place]:
            return [*given[:place], given[place] + 1]
        given.pop()
    return []


def _state(world: Installation, choices: Choices) -> Hashable:
    cloud = world.cloud
    waiting = sorted(
        (m.queue, m.function, m.body, m.receives, m.due - world.clock.now()) for m in cloud.waiting.values()
    )
    alive = sorted((i.name, i.wakes - world.clock.now(), tuple(i.answers)) for i in world.alive)
    stored = sorted(map(repr, world.runs.items()))
    counts = (sorted(choices.left.items()), sorted(world.called.items()))
    return hash((repr(waiting), repr(alive), repr(stored), repr(counts), world.clock.now()))
