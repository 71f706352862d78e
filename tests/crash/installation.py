"""Puts the deployed functions into an account: the ports of `leeward.aws.wiring`, with another clock and other tokens."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self
from unittest.mock import patch

import lambdas.executor.handler as executor_handler
import lambdas.worker.handler as worker_handler
from lambdas.executor.handler import respond as execute
from lambdas.scheduler.handler import respond as schedule
from leeward.aws import dispatcher, user_code, wiring
from leeward.aws.spec_store import S3SpecStore
from leeward.contract import (
    ENV_DATA_BUCKET,
    ENV_EXECUTOR,
    ENV_EXECUTOR_QUEUE,
    ENV_FAN_LIMIT,
    ENV_RESULTS_QUEUE,
    ENV_SCHEDULER_QUEUE,
    ENV_TABLE,
    ENV_WORKER,
    FUNCTION_SECONDS,
)
from leeward.engine.create_due import moved_on
from leeward.engine.ports import Live, Ports
from leeward.worker.serve import Worker
from tests.crash.account import Account
from tests.ports.wire import object_name

VERSION: Final = "v1"
QUEUES: Final = "https://sqs.us-east-1.amazonaws.com/123456789012/"
ENVIRONMENT: Final = {
    ENV_TABLE: "state",
    ENV_DATA_BUCKET: "leeward-data",
    ENV_EXECUTOR_QUEUE: f"{QUEUES}executor",
    ENV_SCHEDULER_QUEUE: f"{QUEUES}scheduler",
    ENV_RESULTS_QUEUE: f"{QUEUES}results",
    ENV_EXECUTOR: "executor",
    ENV_WORKER: "worker",
    ENV_FAN_LIMIT: "100",
}
Respond = Callable[[Ports, Any, Mapping[str, Any], Any], Mapping[str, Any]]
CONTEXT: Final = SimpleNamespace(get_remaining_time_in_millis=lambda: FUNCTION_SECONDS * 1000)


EXPLAINED: Final = (
    "botocore.exceptions.",
    "botocore.errorfactory.",
    "OSError: S3 answered",
    "visibility was not changed",
)
"""Errors that faults make."""


class Printed(io.TextIOBase):
    """What functions print: nothing is kept but errors that no fault explains."""

    def __init__(self) -> None:
        self.unexplained: list[str] = []

    def write(self, text: str) -> int:
        """Take some text."""
        if '"leeward": "error"' in text and not any(word in text for word in EXPLAINED):
            self.unexplained.append(json.loads(text)["error"].strip().rpartition("\n")[2])
        return len(text)


@dataclass
class ScriptedWorker(Worker):
    """The worker, with the account's script instead of a process of user code."""

    account: Account = field(kw_only=True)

    def answer(self, order: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """See `Worker.answer`."""
        return self.account.body(order) if order["kind"] != "callbacks" else self.account.told(order)


class Serial:
    """Stands for a pool of threads: one call after the other, so that each has its number."""

    def __init__(self, threads: int) -> None:
        """Need no thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for nothing."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Do all; an error does not keep the others from being done, a kill does."""
        found, errors = [], []
        for item in items:
            try:
                found.append(work(item))
            except Exception as error:  # noqa: BLE001 - the first one is raised in the end
                errors.append(error)
        if errors:
            raise errors[0]
        return found


@contextmanager
def installed(account: Account) -> Iterator[Printed]:
    """Give an account its functions and its DAG; what they print."""
    client, printed = account.calls.client, Printed()
    here = wiring.Account(
        ENVIRONMENT,
        *(client(name) for name in ("dynamodb", "s3", "sqs", "lambda", "events", "cloudwatch", "scheduler")),
    )
    time = SimpleNamespace(time=account.clock.now)
    with ExitStack() as stack:
        for module in (user_code, worker_handler):
            stack.enter_context(patch.object(module, "time", time))
        stack.enter_context(patch.object(wiring, "account", lambda: here))
        stack.enter_context(patch.object(wiring, "_task_session", lambda: account.calls))
        for module in (dispatcher, executor_handler):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", Serial))
        stack.enter_context(patch.object(dispatcher, "FAN_THREADS", account.scene.threads))
        stack.enter_context(patch.object(worker_handler, "_worker", lambda: _worker(account)))
        stack.enter_context(patch.object(worker_handler, "_sqs", lambda: here.sqs))
        stack.enter_context(patch.dict("os.environ", ENVIRONMENT))
        stack.enter_context(redirect_stdout(printed))
        _connect(account, here)
        yield printed


def _worker(account: Account) -> Worker:
    def fetch(url: str) -> bytes:
        return account.state.objects[object_name(url)]

    nothing: Any = None
    return ScriptedWorker(Path(), {}, nothing, lambda *_: None, fetch, account.claim, account=account)


def _connect(account: Account, here: wiring.Account) -> None:
    ports = replace(wiring.ports.__wrapped__(), clock=account.clock, ids=account)
    specs = ports.specs
    assert isinstance(specs, S3SpecStore)

    def started(respond: Respond, event: Mapping[str, Any]) -> Mapping[str, Any]:
        if account.scene.cold:
            specs._read.clear()
        return respond(ports, here.sqs, event, CONTEXT)

    account.functions["executor"] = partial(started, execute)
    account.functions["scheduler"] = partial(started, schedule)
    account.functions["worker"] = lambda event: worker_handler.handler(event, CONTEXT)
    _drop(account, ports)
    specs.get(VERSION)


def _drop(account: Account, ports: Ports) -> None:
    """The DAG as the compiler leaves it, and what starts its run."""
    dag, state = account.scene.dag, account.state
    ports.specs.put(VERSION, dag)
    live = Live(dag.dag_id, VERSION, "d.yml")
    ports.specs.put_live(live if account.scene.by_hand else moved_on(dag, live, None, state.now), None)
    if account.scene.by_hand:
        asked = {"dag_id": dag.dag_id, "run_id": "by_hand", "logical_date": "2026-01-01"}
        state.invoke("scheduler", json.dumps({"trigger": asked}))
    else:
        state.send("scheduler", json.dumps({"tick": dag.dag_id}))
