"""How long runs take in AWS, as a model: makespans beside those that were published for sAirflow and MWAA.

Counted: the handlers are the deployed ones, and which calls each invocation makes, in which order, which invocations they
cause, and which races they lose come from running them (`traced.py`). Modelled: how long each step takes. Latencies are
drawn from published percentiles, or from assumed ones where nobody published any (`hops.py` says which, and how a
distribution is made of percentiles); cold starts and the scaling of Lambda and of queues are those of `fleet.py`; a
function computes 2 ms for each call and 4 more for each invocation of a wide fan, its threads one after the other, for they
share a fraction of a core; the worker computes 5 ms for each body. Draws are seeded; a figure is the median of 11 runs.

A makespan begins when a rule's message is sent to the queue and ends when the end of the run is stored. Tasks are Python
functions in the worker or, in a column of their own, AWS calls of that length in the executor; chains are folded into one
executor. `parallel` is an EmptyOperator and n tasks after it. The k DAGs of a `forest` are k trees of one DAG here, whose
roots have bodies. In a cold run executors and workers have no environment, and have read nothing;
the scheduler is woken every minute and is warm. `cold, own imports` adds to every cold start what the imports of these
functions take on a common machine, as if no published figure had any in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, Final

import traced  # first: it finds the project
from hops import ASSUMED, PUBLISHED
from shapes import chain
from tasks import AWS_CALL, PYTHON, dag_of

RUNS: Final = 11
BODY_SECONDS: Final = 10.0
OWN_IMPORT_SECONDS: Final = 0.5
OWN: Final = "cold, own imports"
OWN_ROW: Final = 125


@dataclass(frozen=True)
class Workload:
    """A DAG whose tasks take so many seconds."""

    name: str
    edges: tuple[tuple[int, int], ...]
    seconds: tuple[float, ...]

    @property
    def critical_path(self) -> float:
        """The shortest time in which it could be done: edges lead to higher numbers."""
        done = [0.0] * len(self.seconds)
        for task, own in enumerate(self.seconds):
            done[task] = own + max((done[up] for up, down in self.edges if down == task), default=0.0)
        return max(done)


def parallel(name: str, roots: int, leaves: int) -> Workload:
    """Trees of an instant root and some leaves.

    Roots of several trees have a body, of no length to speak of, so that the fan of each is sent by itself, as a DAG's is.
    """
    edges = tuple((root, roots + root * leaves + leaf) for root in range(roots) for leaf in range(leaves))
    return Workload(name, edges, (0.0 if roots == 1 else 0.001,) * roots + (BODY_SECONDS,) * roots * leaves)


def workload(row: Mapping[str, Any]) -> Workload:
    """The workload that a published row is about."""
    shape: str = row["shape"]
    if shape == "chain":
        return Workload(f"chain {row['n']}", tuple(chain(row["n"])[1]), (BODY_SECONDS,) * row["n"])
    if shape == "parallel":
        return parallel(f"parallel {row['n']}", 1, row["n"])
    if shape.startswith("forest"):
        return parallel(f"forest {row['k']} x parallel 8", row["k"], 8)
    job = next(job for job in PUBLISHED["alibaba"] if job["job"] == shape.removeprefix("alibaba "))
    edges = tuple((up, down) for up, down in job["edges"])
    return Workload(shape, edges, tuple(map(float, job["durations"])))


def published() -> Iterator[tuple[Workload, Mapping[str, Any]]]:
    """The published rows, each with its workload."""
    for row in PUBLISHED["makespan_seconds"]:
        yield workload(row), row


@cache
def makespans(work: Workload, state: str, body: str, runs: int) -> Sequence[float]:
    """Makespans of some runs, in order."""
    dag = dag_of("d", len(work.seconds), work.edges, body, work.seconds)
    seconds = {f"t{task}": own for task, own in enumerate(work.seconds)}
    own = OWN_IMPORT_SECONDS if state == OWN else 0.0
    found = (traced.ran(dag, seconds, cold=state != "warm", seed=seed, own_seconds=own) for seed in range(runs))
    return sorted(run.seconds for run in found)


HEAD: Final = (
    f"{'':<24}{'':<19}{'critical':>9} | {'Python tasks':^27} | {'AWS calls':^15} | {'published':^16}\n"
    f"{'workload':<24}{'state':<19}{'path':>9} | {'median':>9}{'fastest':>9}{'slowest':>9} | {'median':>15} | "
    f"{'sAirflow':>9}{'MWAA':>7}"
)


def line(work: Workload, state: str, row: Mapping[str, Any], runs: int = RUNS) -> str:
    """One row of the table, in seconds."""
    python, calls = (makespans(work, state, body, runs) for body in (PYTHON, AWS_CALL))
    ours = f"{median(python):>9.2f}{python[0]:>9.2f}{python[-1]:>9.2f} | {median(calls):>15.2f}"
    return f"{work.name:<24}{state:<19}{work.critical_path:>9.0f} | {ours} | {row['sairflow']:>9.1f}{row['mwaa']:>7.1f}"


def report(runs: int = RUNS) -> Iterator[str]:
    """The table."""
    yield f"seconds; medians of {runs} modelled runs, medians as published"
    yield HEAD
    for work, row in published():
        yield line(work, row["state"], row, runs)
        if row["state"] == "cold" and row["n"] == OWN_ROW:
            yield line(work, OWN, row, runs)


def hops() -> Iterator[str]:
    """What latencies are made of."""
    yield "milliseconds of a hop"
    used = ("sqs_standard_to_handler", "async_invoke_to_handler", "dynamodb_write", "python_cold_start")
    for name in used:
        known = PUBLISHED["hops_ms"][name]
        source = "assumed" if known.get("assumed") else "published"
        yield _hop(name, {key: value for key, value in known.items() if key[0] == "p"}, source)
    for name, known in ASSUMED.items():
        yield _hop(name, known, "assumed")


def _hop(name: str, known: Mapping[str, float], source: str) -> str:
    return f"{name:<26}{source:<11}" + ", ".join(f"{key} {value:g}" for key, value in known.items())


def main() -> None:
    """Print both tables."""
    for text in hops():
        print(text)
    print()
    for text in report():
        print(text, flush=True)


if __name__ == "__main__":
    main()
