"""What a task costs in requests stays within its bounds."""

from __future__ import annotations

import pytest
from billed import SHAPES, counted


def _by_task(shape: str, body: str) -> tuple[float, float, float]:
    """Calls, requests that functions make, and everything billed, by the task."""
    bill, (tasks, _) = counted(shape, body).tasks, SHAPES[shape]
    return bill.calls / tasks, bill.asked / tasks, bill.billed / tasks


@pytest.mark.parametrize("shape", ["chain10", "chain100"])
def test_chain_in_the_executor_costs_1_3_requests_and_0_15_calls_a_task(shape: str) -> None:
    calls, _, billed = _by_task(shape, "executor")
    assert (calls <= 0.15, billed <= 1.3) == (True, True)


def test_fan_in_the_executor_costs_3_3_requests_a_task() -> None:
    assert _by_task("fan125", "executor")[2] <= 3.3


@pytest.mark.parametrize("shape", ["chain10", "chain100"])
def test_chain_in_the_worker_costs_4_requests_and_1_2_calls_a_task(shape: str) -> None:
    calls, _, billed = _by_task(shape, "worker")
    assert (calls <= 1.2, billed <= 4.0) == (True, True)


def test_starting_a_run_asks_for_8_requests() -> None:
    assert counted("chain10", "executor").start.asked <= 8


def test_no_task_of_these_shapes_needs_s3() -> None:
    bills = [counted(shape, body).tasks for shape in ("chain10", "fan125") for body in ("executor", "worker")]
    assert [(bill.puts, bill.gets) for bill in bills] == [(0, 0)] * 4
