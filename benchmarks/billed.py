"""Billed AWS requests a task, counted from what the deployed handlers really ask for, and what they cost.

A run's functions work beside each other at the modelled speed of AWS (`traced.py`), so that writes which lose a race are
in the count; every request is taken at botocore's boundary. Counting starts with the first task's claim: what it takes
to start a run stands in a table of its own. A task's own AWS call (here `sts GetAccessKeyInfo`) is the user's and not
counted. Tasks push no XCom; one costs a write more. Billed is the sum of

* invocations of functions;
* SQS: a request each 64 KB to send (up to ten messages at once), to receive and to delete;
* DynamoDB: write units (1 KB; refused conditions too, and what an index takes for itself) and read units (4 KB);
* requests to S3.

`asked` are invocations and requests that functions make, without units of indexes and without the receiving and deleting
that Lambda does for a queue. Dollars are list prices: requests and logs as counted, GB-seconds from modelled hops, with
bodies that take no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

import traced  # first: it finds the project
from cold import rows as cold_rows
from meter import Bill
from prices import DATE, PRICES, REGION
from shapes import Edges, chain, layered
from tasks import AWS_CALL, PYTHON, dag_of


def spread(n: int) -> tuple[int, Edges]:
    """One task, n after it."""
    return n + 1, [(0, i) for i in range(1, n + 1)]


SHAPES: Final[Mapping[str, tuple[int, Edges]]] = {
    "chain10": chain(10),
    "chain100": chain(100),
    "fan125": spread(125),
    "layered200": layered(),
    "fan125_limit16": spread(125),
}
LIMITS: Final = {"fan125_limit16": 16}
"""The max_active_tasks of shapes that have one."""

MODELLED: Final = {"fan125_limit16": (4.00, 5.02)}
"""Write units and everything billed a task, as a model of the engine counted them before it was built."""

BODIES: Final = {"executor": AWS_CALL, "worker": PYTHON}
WORDS: Final = {
    "executor": "Tasks that run in the executor: an AWS call",
    "worker": "Tasks that run in the worker: a Python function",
}


@cache
def counted(shape: str, body: str) -> traced.Ran:
    """One run of a shape."""
    tasks, edges = SHAPES[shape]
    return traced.ran(dag_of(shape, tasks, edges, BODIES[body], most=LIMITS.get(shape)))


def requests_usd(bill: Bill) -> float:
    """What requests and logs cost at list price."""
    units = {
        "lambda_request": bill.calls,
        "sqs_request": bill.queue,
        "dynamodb_write_unit": bill.writes + bill.index_writes,
        "dynamodb_read_unit": bill.reads,
        "s3_put_or_list": bill.puts,
        "s3_get": bill.gets,
        "logs_gb": bill.logged / 2**30,
    }
    return sum(count * PRICES[price].usd for price, count in units.items())


def time_usd(bill: Bill) -> float:
    """What the functions' time costs at list price."""
    return bill.gb_seconds * PRICES["lambda_gb_second_arm64"].usd


COLUMNS: Final = (
    f"{'':<15}{'calls':>7}{'SQS':>6}{'writes':>8}{'index':>7}{'reads':>7}{'S3':>5}{'billed':>8}{'asked':>7}"
    f"{'sent B':>8}{'got B':>8}{'log B':>7}"
)


def row(name: str, bill: Bill, tasks: int) -> str:
    """What a bill comes to, by the task."""
    counts = (bill.calls, bill.queue, bill.writes, bill.index_writes, bill.reads, bill.puts + bill.gets)
    widths = (7, 6, 8, 7, 7, 5)
    parts = [f"{count / tasks:>{width}.2f}" for count, width in zip(counts, widths, strict=True)]
    sums = f"{bill.billed / tasks:>8.2f}{bill.asked / tasks:>7.2f}"
    sizes = (bill.sent / tasks, bill.received / tasks, bill.logged / tasks)
    return f"{name:<15}{''.join(parts)}{sums}{sizes[0]:>8.0f}{sizes[1]:>8.0f}{sizes[2]:>7.0f}"


def table(body: str) -> Iterator[str]:
    """One table: a row a shape, with dollars for a million tasks."""
    yield f"{WORDS[body]}; by the task, and USD for a million of them (requests and logs, functions' time)"
    yield f"{COLUMNS}{'USD':>7}{'+ time':>8}"
    for shape, (tasks, _) in SHAPES.items():
        bill = counted(shape, body).tasks
        usd = (1e6 / tasks * cost(bill) for cost in (requests_usd, time_usd))
        yield row(shape, bill, tasks) + "".join(
            f"{price:>{width}.2f}" for price, width in zip(usd, (7, 8), strict=True)
        )
    if body == "executor":
        for shape, (writes, billed) in MODELLED.items():
            yield f"{shape:<15} as the engine was modelled: {writes:.2f} write units, {billed:.2f} billed"


def start_table() -> Iterator[str]:
    """What starting a run takes, by the run."""
    yield "Starting a scheduled run, to the message of its first task; by the run"
    yield COLUMNS
    for shape in SHAPES:
        yield row(shape, counted(shape, "executor").start, 1)


def operations(shapes: Iterable[str]) -> Iterator[str]:
    """Requests by the names of the APIs."""
    yield "Requests by service and operation, by the run: executor's tasks | worker's tasks"
    for shape in shapes:
        for side in BODIES:
            found = sorted(counted(shape, side).tasks.requests.items())
            yield f"{shape:<15}{side:<10}" + ", ".join(f"{count} {name}" for name, count in found)


def report() -> str:
    """Everything but the cold starts."""
    parts = [*(table(body) for body in BODIES), start_table(), operations(SHAPES)]
    title = f"list prices of {REGION}, {DATE}"
    return "\n\n".join([title, *("\n".join(part) for part in parts)])


def main() -> None:
    """Print the tables."""
    print(report())
    print("\nCold start: import of the handler, and clients beside it; medians, on this machine")
    print("\n".join(cold_rows()))


if __name__ == "__main__":
    main()
