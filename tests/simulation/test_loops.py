"""Lambda stops a chain of requests that keeps coming to one function, unless the function says that it means to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leeward.core.states import RunState
from leeward.engine.see_run import see_run
from leeward.local.cloud import MAX_PASSES, Function
from tests.deployed.assembly import resources
from tests.simulation.bodies import Doing
from tests.simulation.chance import Seeded
from tests.simulation.run import MANUAL
from tests.simulation.specs import DAG_ID, spec
from tests.simulation.world import CALM, FUNCTIONS, Installation, everything

LENGTH = 40


def _chain(functions: Mapping[str, Function]) -> tuple[Installation, RunState]:
    """A chain of bodies in the worker, so that every task is another pass of the executor; how far the run has come."""
    names = [f"t{number}" for number in range(LENGTH)]
    tasks = [
        {"task_id": name, "operator": "PythonOperator", "python_callable": "a.b", "dependencies": []} for name in names
    ]
    for task, before in zip(tasks[1:], names, strict=False):
        task["dependencies"] = [before]
    world = Installation({name: [Doing("worker")] for name in names}, Seeded(0, CALM.rates), functions=functions)
    world.bucket.contents["chain.yml"] = spec(tasks).encode()
    world.cloud.invoke("compiler", {"Records": []})
    everything(world)
    world.cloud.invoke("scheduler", {"trigger": {"dag_id": DAG_ID, "run_id": MANUAL}})
    for _ in range(20 * LENGTH * MAX_PASSES):
        if not world.step():
            break
    info = world.runs.info(DAG_ID, MANUAL)
    assert info is not None
    seen = see_run(world.runs, world.specs, info)
    assert seen is not None
    return world, seen.header.state


def _of_the_template() -> Mapping[str, Function]:
    """The functions as the template has them: which may loop."""
    loops = {
        row["Handler"].split(".")[1]: row.get("RecursiveLoop") == "Allow"
        for row in resources("AWS::Lambda::Function").values()
        if str(row.get("Handler")).startswith("lambdas.")
    }
    return {name: replace(each, loops=loops.get(name, False)) for name, each in FUNCTIONS.items()}


def test_chain_of_forty_passes_its_functions_as_often_as_the_template_lets_it() -> None:
    world, state = _chain(_of_the_template())
    assert (state, world.cloud.dead, world.wrong) == (RunState.SUCCESS, [], [])


def test_without_the_property_the_chain_is_stopped_at_its_sixteenth_pass() -> None:
    world, state = _chain({name: replace(each, loops=False) for name, each in _of_the_template().items()})
    assert state is not RunState.SUCCESS
    stopped = world.cloud.dead[0]
    assert stopped.passes[stopped.function] == MAX_PASSES
