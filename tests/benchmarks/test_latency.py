"""What the model of latency is made of, and how close runs come to their critical path in it."""

from __future__ import annotations

from random import Random
from statistics import median, quantiles

import pytest
import traced
from hops import ASSUMED, Hops, percentiles
from latency import OWN, Workload, makespans, parallel, published
from loop import Loop
from tasks import AWS_CALL, PYTHON, dag_of

from leeward.local.clock import VirtualClock

RUNS = 3
CHAIN = Workload("chain 10", tuple((task, task + 1) for task in range(9)), (10.0,) * 10)
FAN = parallel("parallel 125", 1, 125)
JOBS = [work for work, row in published() if row["shape"].startswith("alibaba")]


def _overhead(work: Workload, state: str, body: str) -> float:
    return median(makespans(work, state, body, RUNS)) - work.critical_path


@pytest.mark.parametrize("body", [AWS_CALL, PYTHON])
def test_warm_chain_takes_half_a_second_more_than_its_tasks(body: str) -> None:
    assert _overhead(CHAIN, "warm", body) <= 0.5


@pytest.mark.parametrize("body", [AWS_CALL, PYTHON])
@pytest.mark.parametrize(("state", "bound"), [("warm", 0.5), ("cold", 2.5)])
def test_fan_of_125_takes_half_a_second_more_than_its_tasks_and_two_more_when_cold(
    state: str, bound: float, body: str
) -> None:
    assert _overhead(FAN, state, body) <= bound


@pytest.mark.parametrize("work", JOBS, ids=lambda work: work.name)
def test_job_of_a_real_trace_takes_a_second_more_than_its_critical_path(work: Workload) -> None:
    assert _overhead(work, "warm", PYTHON) <= 1.0


def test_critical_paths_are_those_that_were_published() -> None:
    rows = [(work.critical_path, row["optimum"]) for work, row in published()]
    assert [ours for ours, _ in rows] == pytest.approx([theirs for _, theirs in rows], abs=0.01)


def test_modelled_run_repeats_itself() -> None:
    dag = dag_of("d", 4, [(0, 1), (0, 2), (0, 3)], PYTHON)
    assert traced.ran(dag, seed=7) == traced.ran(dag, seed=7) != traced.ran(dag, seed=8)


def test_cold_start_of_own_imports_comes_on_top() -> None:
    one = Workload("one", (), (1.0,))
    cold, own = (median(makespans(one, state, AWS_CALL, RUNS)) for state in ("cold", OWN))
    assert own - cold == pytest.approx(0.5)


@pytest.mark.parametrize("hop", [*ASSUMED, "sqs_standard_to_handler", "async_invoke_to_handler", "dynamodb_write"])
def test_drawn_latencies_have_the_percentiles_that_they_are_made_of(hop: str) -> None:
    hops, known = Hops(1), percentiles(hop)
    found = quantiles([1000 * hops.draw(hop) for _ in range(20_000)], n=100)
    assert {p: found[int(p[1:]) - 1] for p in known if p[0] == "p"} == pytest.approx(
        {p: known[p] for p in known if p[0] == "p"}, rel=0.1
    )


def test_queue_wakes_five_executors_at_once_and_five_more_a_second() -> None:
    ten = Workload("ten", (), (10.0,) * 10)
    assert 1.0 <= _overhead(ten, "warm", PYTHON) <= 1.4


def test_works_that_wait_for_the_same_moment_go_on_in_the_order_of_asking() -> None:
    seen: list[int] = []
    loop = Loop(VirtualClock())
    numbers = list(range(20))
    Random(3).shuffle(numbers)
    for number in numbers:
        loop.spawn(seen.append, number, after=1.0)
    loop.run()
    assert (seen, loop.clock.now()) == (numbers, 1.0)


def test_lanes_share_work() -> None:
    loop = Loop(VirtualClock())
    found: list[list[int]] = []

    def work(number: int) -> int:
        loop.sleep(1.0)
        return number * 2

    loop.spawn(lambda: found.append(loop.in_lanes(4, work, range(10))))
    loop.run()
    assert found == [[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]]
    assert 3.0 <= loop.clock.now() < 3.01
