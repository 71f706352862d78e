"""What the installation costs in a month in which nothing runs, line by line from its template, and what a task costs.

Every line is counted at list price, and once more with what an account has for nothing. The one allowance that both count
is the three free dashboards: a fourth one of the account costs 3 USD a month. What no template says is a constant here.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from prices import DATE, PRICES, REGION

from tests.deployed.assembly import resources
from tests.deployed.wiring import functions, one, readers, short

MONTH_SECONDS: Final = 730 * 3600.0
POLLERS: Final = 5
"""Lambda polls a standard queue with five batches at once; it goes down to two in quiet times, but not where a maximum
concurrency is set (Lambda developer guide, "Configuring scaling behavior for SQS event source mappings")."""
POLL_SECONDS: Final = 20.0
"""SQS's longest long poll; queues that nobody writes to show 15 empty receives a minute, which is five times three."""
EXTRA_POLLS: Final = 0.5
"""What a message adds to these: on average it cuts one poll in half."""
SECONDS: Final[Mapping[str, float]] = {"scheduler": 0.05, "compiler": 1.5}
"""How long an invocation lasts that finds nothing to do: two queries; a cold start, a query and a list."""
COLD_STARTS: Final[Mapping[str, float]] = {"scheduler": 365.0, "compiler": 0.0}
"""A month, where they are not in SECONDS: Lambda replaces an environment that is always warm about every two hours."""
COLD_START_SECONDS: Final = 1.0
READ_UNITS: Final[Mapping[str, float]] = {"scheduler": 1.5, "compiler": 1.0}
"""The index of active runs (half a unit: eventually consistent) and the live DAGs, some 15 in 4 KB; the records of drops."""
LISTS: Final[Mapping[str, float]] = {"scheduler": 0.0, "compiler": 1.0}


@dataclass(frozen=True, slots=True)
class Line:
    """Units of something that has a price."""

    what: str
    price: str
    units: float

    @property
    def usd(self) -> float:
        """At list price."""
        return self.units * PRICES[self.price].usd


def idle() -> list[Line]:
    """The lines of a month in which no run is active and nothing is dropped."""
    return [*_polling(), *_rules(), *_watching()]


def _polling() -> Iterator[Line]:
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        queue = _plain(one(mapping["EventSourceArn"]))
        yield Line(f"polls of an empty queue: {queue}", "sqs_request", POLLERS * MONTH_SECONDS / POLL_SECONDS)


def _rules() -> Iterator[Line]:
    for name, rule in resources("AWS::Events::Rule").items():
        times = MONTH_SECONDS / _seconds(rule["ScheduleExpression"])
        for target in rule["Targets"]:
            yield from _target(_plain(name), one(target["Arn"]), times)


def _target(rule: str, target: str, times: float) -> Iterator[Line]:
    """A rule costs nothing; its message is sent, received and deleted, its function invoked."""
    woken = readers(target)
    if woken:
        yield Line(f"{rule}: messages", "sqs_request", times * (2 + EXTRA_POLLS))
    (function,) = woken or {target}
    yield from _invocations(rule, function, times)


def _invocations(rule: str, function: str, times: float) -> Iterator[Line]:
    name, row = short(function), functions()[function]
    seconds = times * SECONDS[name] + COLD_STARTS[name] * COLD_START_SECONDS
    yield Line(f"{rule}: invocations of {name}", "lambda_request", times)
    yield Line(f"{rule}: {name}", f"lambda_gb_second_{row['Architectures'][0]}", seconds * row["MemorySize"] / 1024)
    yield Line(f"{rule}: reads of the table", "dynamodb_read_unit", times * READ_UNITS[name])
    if LISTS[name]:
        yield Line(f"{rule}: lists of the bucket", "s3_put_or_list", times * LISTS[name])


def _watching() -> Iterator[Line]:
    """Metrics of AWS's services cost nothing; idle functions write no log and no metric of their own."""
    yield Line("alarms", "alarm_month", len(resources("AWS::CloudWatch::Alarm")))
    beyond = max(0.0, len(resources("AWS::CloudWatch::Dashboard")) - PRICES["dashboard_month"].free)
    yield Line("dashboards beyond the free three", "dashboard_month", beyond)


def task(seconds: float, *, executor_mb: int = 512, worker_mb: int = 1024, log_kb: float = 1.0) -> list[Line]:
    """The lines of one task of user code that is waited for, sent through the queue: the dearer way, beside the fold.

    Writes and reads are those of `billed.py` at their worst, a message is sent, received and deleted.
    """
    arm = "lambda_gb_second_arm64"
    return [
        Line("messages", "sqs_request", 3),
        Line("invocations", "lambda_request", 2),
        Line("executor", arm, (seconds + 0.1) * executor_mb / 1024),
        Line("worker", arm, (seconds + 0.05) * worker_mb / 1024),
        Line("writes", "dynamodb_write_unit", 2.3),
        Line("reads", "dynamodb_read_unit", 1.4),
        Line("logs", "logs_gb", log_kb / 2**20),
    ]


def with_allowances(lines: Iterable[Line]) -> float:
    """What an account pays that runs nothing else."""
    units: dict[str, float] = defaultdict(float)
    for line in lines:
        units[line.price] += line.units
    return sum(max(0.0, count - PRICES[price].free) * PRICES[price].usd for price, count in units.items())


def table(lines: Iterable[Line]) -> str:
    """The lines for people."""
    rows = [f"{line.what:<44}{line.units:>13,.1f}  {line.usd:>8.4f}" for line in lines]
    return "\n".join([f"{'a month, ' + REGION + ', ' + DATE:<44}{'units':>13}  {'USD':>8}", *rows])


def report() -> str:
    """The idle month, its sums, and tasks."""
    lines = idle()
    sums = [
        ("at list price", sum(line.usd for line in lines)),
        ("with an account's allowances", with_allowances(lines)),
    ]
    tasks = [(f"1,000 tasks of {s:g} s", 1000 * sum(line.usd for line in task(s))) for s in (0.1, 1, 60)]
    return "\n".join([table(lines), *(f"{what:<59}{usd:>8.4f}" for what, usd in (*sums, *tasks))])


def _seconds(expression: str) -> float:
    """The period of `rate(5 minutes)`."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if found is None:
        raise ValueError(f"no rate: {expression}")
    return int(found[1]) * {"minute": 60.0, "hour": 3600.0, "day": 86400.0}[found[2]]


def _plain(logical_id: str) -> str:
    """A logical id without the hash that the CDK puts at its end."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id).removeprefix("Queues").lower()


def main() -> None:
    """Print the table."""
    print(report())


if __name__ == "__main__":
    main()
