"""One seed: a random DAG is dropped and run in a world with that seed's weather, and judged when all is at rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from random import Random

from leeward.core.run import IntentKind
from leeward.engine.see_run import see_run
from tests.simulation.bodies import Doing
from tests.simulation.chance import Chance, Seeded
from tests.simulation.oracle import faults
from tests.simulation.specs import DAG_ID, Case, random_case
from tests.simulation.world import Installation, Verb, everything, shards_of

MANUAL = "manual__1"
SCHEDULED = ("scheduled__2027-01-15T08:00:00+00:00", "scheduled__2027-01-15T09:00:00+00:00")
PATIENCE = 20
"""How often a person asks for a run before giving up: faults calm down long before."""


@dataclass(frozen=True)
class Verdict:
    """What came of one seed."""

    seed: int
    wrong: tuple[str, ...]
    steps: int
    struck: Counter[str]


def run_seed(seed: int) -> Verdict:
    """Simulate one seed."""
    return run_case(random_case(Random(seed)), seed)


def run_case(case: Case, seed: int) -> Verdict:
    """Simulate a case in the weather of a seed."""
    chance = Seeded(seed)
    world, wrong = simulate(case, chance)
    return Verdict(seed, wrong, world.steps, Counter(chance.struck))


def simulate(case: Case, chance: Chance) -> tuple[Installation, tuple[str, ...]]:
    """Drop a case's spec, ask for a run of it, and let everything come to rest; the world, and what is wrong with it."""
    with shards_of(case.shard):
        world = Installation(case.script, chance)
        world.bucket.contents["simulated.yml"] = case.text.encode()
        world.cloud.invoke("compiler", {"Records": [{"eventSource": "aws:s3"}]})
        everything(world)
        names = [f"manual__{number + 1}" for number in range(case.runs)]
        for _ in range(PATIENCE):
            left = [name for name in names if not _is_there(world, name)]
            if not left:
                break
            for name in left:
                world.cloud.invoke("scheduler", {"trigger": {"dag_id": DAG_ID, "run_id": name}})
            now = world.clock.now()
            world.verbs = [Verb(now + later, MANUAL, IntentKind(kind), tasks) for later, kind, tasks in case.verbs]
            everything(world)
        return world, tuple(faults(world, [*names, *(SCHEDULED if case.scheduled else ())]))


def _is_there(world: Installation, run_id: str) -> bool:
    """Whether a run was started."""
    info = world.runs.info(DAG_ID, run_id)
    return info is not None and see_run(world.runs, world.specs, info) is not None


def fixture(seed: int) -> str:
    """A seed as JSON, which says the same when seeds come to mean other cases."""
    return json.dumps({"seed": seed, **asdict(random_case(Random(seed)))}, indent=1)


def of_fixture(text: str) -> tuple[Case, int]:
    """The case that a fixture tells, and the seed of its weather."""
    found = json.loads(text)
    script = {
        task: [Doing(**{**each, "skip": tuple(each["skip"])}) for each in tries]
        for task, tries in found["script"].items()
    }
    verbs = tuple((at, kind, tuple(tasks)) for at, kind, tasks in found["verbs"])
    return Case(found["text"], script, found["shard"], found["scheduled"], verbs, found.get("runs", 1)), found["seed"]
