"""An account in which a run takes time: the real functions over the real adapters and clients, at the speed of AWS.

Handlers are those that are deployed. Their requests are taken where botocore would send them, answered by small services in
this process, billed, and answered as late as AWS would; meanwhile the rest of the account goes on. So what is counted is
what a run really asks for, races that are lost included, and what is modelled is how long each step takes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import meter
import tasks
from fleet import Fleet
from fleet import Mapping as QueueMapping
from greenlet import getcurrent
from hops import Hops
from loop import Loop
from meter import Bill

import lambdas.executor.handler as executor_handler
import lambdas.worker.handler as worker_handler
from lambdas.executor.handler import respond as execute
from lambdas.scheduler.handler import respond as schedule
from leeward.aws import dispatcher, wiring
from leeward.aws.spec_store import S3SpecStore
from leeward.contract import ENV_FAN_LIMIT
from leeward.core.dag import Dag
from leeward.core.states import RunState, TaskState
from leeward.engine.ports import Ports
from leeward.local.clock import SeededIds, VirtualClock
from tests.crash.account import Account
from tests.crash.installation import CONTEXT, ENVIRONMENT, VERSION, Printed, installed
from tests.crash.pump import FUNCTION, _record
from tests.crash.scenes import Scene
from tests.crash.state import Message
from tests.ports.wire import Answer, Request, Service

MOMENT: Final = datetime(2029, 1, 1, 0, 0, 5, tzinfo=UTC).timestamp()
"""The yearly run is due; times have as many digits in items as they will have for long."""

COMPUTE_SECONDS: Final = 0.002
"""What a function computes for each call that it makes, besides the client, which measured latencies have in them: half a
millisecond of a whole core (decisions, entries as text, lines of the log), of which 512 MB have 0.29."""

CLIENT_SECONDS: Final = 0.0044
"""What a client computes for an invocation: 1.3 ms of a core, of which 512 MB have 0.29. Threads of one function wait for
each other, which no latency that was measured call by call has in it."""

PROCESS_SECONDS: Final = 0.005
"""What the worker takes to give a body to its process and to hand the answer back: 2 ms of a core; 1 GB has 0.58 of one."""

MEMORY_GB: Final = {"executor": 0.5, "scheduler": 0.5, "worker": 1.0}
FAN_LIMIT: Final = "200"
"""As many as the installation sets by default."""


@dataclass
class Running:
    """An invocation of a function, and when its share of a core is free again: its threads wait for each other."""

    function: str
    free: float = 0.0


@dataclass(frozen=True)
class Ran:
    """One run: what starting it took and what its tasks took, and when it had ended, in seconds after it was asked for."""

    start: Bill
    tasks: Bill
    seconds: float


@dataclass
class _Log:
    """Counts the bytes that functions write to their logs, to whoever writes them."""

    account: Timed
    write: Callable[[str], int]

    def __call__(self, text: str) -> int:
        self.account.bill.logged += len(text)
        return self.write(text)


@dataclass
class Timed(Account):
    """One installation with one DAG. Tasks take `seconds`, by their ids; `own_seconds` is added to every cold start."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    cold: bool = False
    seed: int = 0
    own_seconds: float = 0.0
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(MOMENT))
    started: Bill = field(default_factory=Bill)
    worked: Bill = field(default_factory=Bill)
    ended: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.state.now = self.clock.now()
        self.loop, self.hops, self.ids = Loop(self.clock), Hops(self.seed), SeededIds(self.seed)
        self.doing: dict[Any, list[Running]] = {}
        self.first = True

    def token(self) -> str:
        """See `Ids.token`."""
        return self.ids.token()

    def secret(self) -> str:
        """See `Ids.secret`. As long as real ones: they are stored."""
        return "".join(self.ids.token() for _ in range(4))[:20]

    @property
    def bill(self) -> Bill:
        """Who pays for what happens now: the start of the run, or its tasks."""
        running = self.doing.get(getcurrent())
        return self.started if not running or running[-1].function == "scheduler" else self.worked

    def body(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a Python task."""
        self.loop.sleep(PROCESS_SECONDS + self.seconds.get(order["task_id"], 0.0))
        return {"result": {"ended": "returned", "value": None}, "xcoms": {}}

    def invoke(self, function: str, event: str) -> Mapping[str, Any]:
        """Run a function in an environment of its own; its answer."""
        environment, _ = self.fleets[function].take()
        self.doing.setdefault(getcurrent(), []).append(Running(function))
        self.bill.calls += 1
        begun = self.clock.now()
        try:
            return self.handlers[function](environment, json.loads(event))
        finally:
            self.bill.gb_seconds += (self.clock.now() - begun) * MEMORY_GB[function]
            self.doing[getcurrent()].pop()
            self.fleets[function].give_back(environment)

    def compute(self, seconds: float) -> None:
        """Take the function's share of a core for so long, once its other threads leave it."""
        running = self.doing.get(getcurrent())
        if running:
            here = running[-1]
            here.free = max(here.free, self.clock.now()) + seconds
            self.loop.sleep(here.free - self.clock.now())

    def connect(self) -> None:
        """Put handlers into environments, and what takes time between services and functions."""
        here = wiring.account()
        ports = replace(wiring.ports.__wrapped__(), clock=self.clock, ids=self)
        ports.specs.get(VERSION)

        def made(warm: bool) -> Ports:
            specs = ports.specs
            assert isinstance(specs, S3SpecStore)  # noqa: S101
            return ports if warm else replace(ports, specs=S3SpecStore(specs.s3, specs.bucket, specs.records))

        self.handlers: dict[str, Callable[[Any, Any], Mapping[str, Any]]] = {
            "executor": lambda own, event: execute(own, here.sqs, event, CONTEXT),
            "scheduler": lambda own, event: schedule(own, here.sqs, event, CONTEXT),
            "worker": lambda _, event: worker_handler.handler(event, CONTEXT),
        }
        self.fleets = {
            name: Fleet(self.loop, self.hops, name == "scheduler" or not self.cold, made, self.own_seconds)
            for name in self.handlers
        }
        self.mappings = {queue: QueueMapping(self.loop, self._receive) for queue in FUNCTION}
        services = {**self.calls.services, "sts": tasks.call(self.loop)}
        self.calls.services = {name: self._late(name, service) for name, service in services.items()}

    def _late(self, name: str, service: Service) -> Service:
        """The service, as far away as AWS's."""

        def answer(operation: str, request: Request) -> Answer:
            away = self.hops.draw(_hop(name, operation)) / 2
            self.compute(COMPUTE_SECONDS + (CLIENT_SECONDS if operation == "InvokeEvent" else 0.0))
            self.loop.sleep(away)
            self.state.now = self.clock.now()
            found = self._billed(name, operation, request, service)
            self.deliver()
            self.loop.sleep(away)
            return found

        return answer

    def _billed(self, name: str, operation: str, request: Request, service: Service) -> Answer:
        bill, table, body = self.bill, self.state.table, tasks.content(request.body)
        asked = meter.dynamodb_request(body) if name == "dynamodb" else {}
        keys = [meter.key_of(write) for write in meter.writes_of(operation, asked)] if asked else []
        before = [table.items.get(key, {}) for key in keys]
        found = service(operation, request)
        if name != "sts":
            meter.charge(bill, name, operation, body, found.body)
        for key, held in zip(keys, before, strict=True):
            after = table.items.get(key, {})
            meter.charge_write(bill, held, after, meter.WRITES[operation])
            self._note(after)
        if name == "dynamodb" and not keys:
            meter.charge_read(bill, asked, json.loads(found.body))
        return found

    def _note(self, item: meter.Item) -> None:
        """Remember when the end of the run was stored."""
        if not self.ended and item.get("hr", {}).get("S") == RunState.SUCCESS:
            self.ended = self.clock.now()

    def deliver(self) -> None:
        """Send what was put into queues, or is to be invoked, on its way."""
        for message in self.state.messages:
            late = self.hops.draw("sqs_standard_to_handler") + max(0.0, message.due - self.clock.now())
            self.loop.spawn(self.mappings[message.queue].put, message, after=late)
        for invocation in self.state.invocations:
            late = self.hops.draw("async_invoke_to_handler")
            self.loop.spawn(self.invoke, invocation.function, invocation.payload, after=late)
        self.state.messages, self.state.invocations = (), ()

    def _receive(self, message: Message) -> None:
        """A message is received, answered, deleted. The first of an executor's belongs to the start."""
        function = FUNCTION[message.queue]
        starts = function == "scheduler" or self.first
        self.first = self.first and function == "scheduler"
        (self.started if starts else self.worked).queue += meter.chunks(message.body) + 1
        answer = self.invoke(function, json.dumps({"Records": [_record(message)]}))
        if answer["batchItemFailures"]:
            raise RuntimeError(f"a message failed: {message.body}")

    def pool(self) -> type:
        """Stands for a pool of threads in a function."""
        account = self

        class Lanes:
            def __init__(self, threads: int) -> None:
                self.threads = threads

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
                running = account.doing[getcurrent()][-1:]

                def counted(item: Any) -> Any:
                    account.doing[getcurrent()] = [*running]
                    return work(item)

                return account.loop.in_lanes(self.threads, counted, items)

        return Lanes


def _hop(name: str, operation: str) -> str:
    if name == "dynamodb":
        return "dynamodb_write"
    if name == "s3":
        return "s3_object"
    return "sync_invoke" if name == "lambda" and operation == "Invoke" else "api_call"


def ran(
    dag: Dag,
    seconds: Mapping[str, float] | None = None,
    *,
    cold: bool = False,
    seed: int = 0,
    own_seconds: float = 0.0,
    by_hand: bool = False,
) -> Ran:
    """Have a rule, or a person, ask for a run, and let it run to its end."""
    account = Timed(Scene(dag, by_hand=by_hand), seconds=seconds or {}, cold=cold, seed=seed, own_seconds=own_seconds)
    with ExitStack() as stack:
        stack.enter_context(patch.dict(ENVIRONMENT, {ENV_FAN_LIMIT: FAN_LIMIT}))
        printed = stack.enter_context(installed(account))
        stack.enter_context(patch.object(printed, "write", _Log(account, printed.write)))
        for module in (dispatcher, executor_handler):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", account.pool()))
        account.connect()
        account.started.queue += not by_hand
        account.deliver()
        account.loop.run()
    _check(account, printed)
    return Ran(account.started, account.worked, account.ended - MOMENT)


def _check(account: Timed, printed: Printed) -> None:
    from leeward.aws.items import entries_of

    states = [e.state for item in account.state.table.items.values() for _, e in entries_of(item)]
    if printed.unexplained or states != [TaskState.SUCCESS] * len(account.scene.dag.tasks) or not account.ended:
        raise RuntimeError(f"{account.scene.dag.dag_id} did not succeed: {printed.unexplained}")
