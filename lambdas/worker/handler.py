"""The worker: runs Python and Bash of the user's, for one order of an executor at a time.

Its role may write its own log and send to the queue of results, and has whatever rights the tasks were given; nothing else
of the installation is within its reach.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from leeward.aws.calls import BotoAws
from leeward.aws.messages import result_text
from leeward.aws.secrets import SecretsManager
from leeward.aws.wiring import LazyClient
from leeward.contract import ENV_RESULTS_QUEUE, MAX_ANSWER_BYTES
from leeward.engine.hints import Result
from leeward.worker.serve import Worker, bounded, parts

RESERVE_SECONDS: Final = 10.0
"""What a body that takes too long leaves of the invocation, to tell so."""


@cache
def _worker() -> Worker:
    secrets = SecretsManager(BotoAws())

    def lookup(what: str, arguments: list[Any]) -> Any:
        return secrets.variable(*arguments) if what == "variable" else secrets.connection(*arguments)

    return Worker(Path(tempfile.mkdtemp(prefix="leeward-")), dict(os.environ), lookup, _log)


@cache
def _sqs() -> LazyClient:
    return LazyClient("sqs")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run an order's body, or callbacks; a body's answer goes back to whoever still waits, else to the queue of results."""
    worker = _worker()
    order = worker.opened(event)
    if not worker.may_start(order, time.time()):
        return {}
    left = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    if order["kind"] == "callbacks":
        _call(worker, order, left)
        return {}
    answer = worker.answer(order, left)
    sys.stdout.flush()
    if order["answer_by"] is not None and time.time() < order["answer_by"]:
        return {"answer": bounded(answer, order, MAX_ANSWER_BYTES, worker)}
    for one, told in zip(parts(order), answer.get("answers", [answer]), strict=True):
        text = result_text(Result(**one["try"], result=bounded(told, one, MAX_ANSWER_BYTES, worker)))
        _sqs().send_message(QueueUrl=os.environ[ENV_RESULTS_QUEUE], MessageBody=text)
    return {"later": True}


def _call(worker: Worker, order: Mapping[str, Any], left: float) -> None:
    """Call callbacks: nobody waits for an answer. Raises if they could not be called, so that Lambda tries again."""
    answer = worker.answer(order, left)
    sys.stdout.flush()
    if "result" not in answer:
        raise RuntimeError(f"callbacks were not called to their end: {answer}")


def _log(order: Mapping[str, Any], line: str) -> None:
    about = {name: order["try"][name] for name in ("dag_id", "run_id", "try_number")}
    sys.stdout.write(json.dumps({"leeward": "log", **about, "task_id": order["task_id"], "line": line}) + "\n")
