"""User code in the worker function: orders go out, answers come back or are awaited elsewhere.

A body that may be short is waited for; if it turns out long, the wait ends and its answer comes through the queue of results
instead. A body that says it is long (`execution_timeout`) is invoked asynchronously from the start. Either way it is started
once: a call that may have reached the worker is never repeated, and of an asynchronous order, which Lambda may deliver
twice, one delivery takes the claim.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from botocore.exceptions import ClientError, ReadTimeoutError

from leeward.aws.buckets import bundle_name
from leeward.aws.xcom_store import DynamoXComStore
from leeward.contract import (
    ANSWER_GRACE_SECONDS,
    FUNCTION_SECONDS,
    MAX_ANSWER_BYTES,
    MAX_EVENT_AGE_SECONDS,
    SHORT_BODY_SECONDS,
)
from leeward.core.address import task_of
from leeward.core.dag import Json, Task
from leeward.core.facts import Outcome
from leeward.core.run import RunInfo
from leeward.engine.bundle import member
from leeward.engine.ports import BundleStore, Plan
from leeward.operators.answers import ended_of, outcome_of
from leeward.operators.base import Attempt, HandedOver, RenderFirst, XComs
from leeward.worker.bash import Ended

_THROTTLED = ("TooManyRequestsException", "EC2ThrottledException", "ServiceUnavailable", "ServiceUnavailableException")


def is_long(task: Task) -> bool:
    """Whether a task says that it may take longer than an executor waits."""
    return (task.execution_timeout_seconds or 0.0) > SHORT_BODY_SECONDS


def _upstream(attempt: Attempt) -> list[str]:
    """The tasks before this one that may have pushed something."""
    dag = attempt.dag
    ancestors = (dag.tasks[index] for index in sorted(dag.graph.ancestors(task_of(attempt.index))))
    return [task.task_id for task in ancestors if not task.instant]


def worker_plan(task: Task) -> Plan:
    """How long a task of user code may take: the worker's own life, and before it the wait for free concurrency."""
    if is_long(task):
        return Plan(0.0, MAX_EVENT_AGE_SECONDS + FUNCTION_SECONDS)
    return Plan(SHORT_BODY_SECONDS + ANSWER_GRACE_SECONDS, SHORT_BODY_SECONDS + FUNCTION_SECONDS)


@dataclass(frozen=True, slots=True)
class WorkerCode:
    """Implements `leeward.operators.base.UserCode` for one try.

    `functions` is a Lambda client that repeats nothing and waits for an answer as long as an executor does. `bucket` holds
    archives of modules, large orders and large answers. `history` looks up the run before one.
    """

    functions: Any
    worker: str
    s3: Any
    bucket: str
    bundles: BundleStore
    xcoms: DynamoXComStore
    attempt: Attempt
    history: Callable[[RunInfo], Mapping[str, str | None] | None] = lambda _: None

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> Outcome:
        """See `leeward.operators.base.UserCode.run`. A try begins without XComs of its own: there are none to ship."""
        del xcoms, log
        return outcome_of(self._order({"kind": "python", "job": job, **self._readable(attempt)}))

    def run_all(
        self,
        jobs: Sequence[tuple[Attempt, Mapping[str, Json]]],
        xcoms: XComs,
        log: Callable[[Attempt, str], None],
    ) -> Sequence[Mapping[str, Any]]:
        """See `leeward.operators.base.UserCode.run_all`: one order, which holds what each try needs to answer by itself."""
        del xcoms, log
        orders = [{"kind": "python", "job": job, **replace(self, attempt=attempt).about()} for attempt, job in jobs]
        answer = self._order({"kind": "several", "orders": orders, **self._readable(self.attempt)})
        found: Sequence[Mapping[str, Any]] = answer.get("answers", ())
        return found if len(found) == len(jobs) else [answer] * len(jobs)

    def about(self) -> dict[str, Any]:
        """Which try it is, how long it may take, and where to put a large answer."""
        return {
            "try": self._address(),
            "task_id": self.attempt.name,
            "seconds": self.attempt.timeout_seconds or FUNCTION_SECONDS,
            "upload": self._signed("put_object", self._name("answer")),
        }

    def call(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> None:
        """See `leeward.operators.callbacks.CallingCode.call`: Lambda repeats a call that fails, and nobody waits."""
        del xcoms, log
        readable = [*_upstream(attempt), attempt.task.task_id]
        order = self._bare({"kind": "callbacks", "job": job, "upstream": readable})
        order["xcoms"] = self.xcoms.shipped(attempt.run.ref, readable)
        order["start_by"] = time.time() + MAX_EVENT_AGE_SECONDS
        self._send(order)

    def _readable(self, attempt: Attempt) -> dict[str, Any]:
        """The XComs that a job may ask for: those of the tasks upstream, read unless they are known."""
        upstream = _upstream(attempt)
        known = [
            [task_id, -1, key, {"value": value}]
            for task_id in upstream
            for key, value in attempt.left.get(task_id, {}).items()
        ]
        read = self.xcoms.shipped(attempt.run.ref, [task_id for task_id in upstream if task_id not in attempt.left])
        return {"upstream": [*upstream, attempt.task.task_id], "xcoms": known + read}

    def bash(
        self,
        command: str,
        environment: Mapping[str, str],
        attempt: Attempt,
        log: Callable[[str], None],
        *,
        cwd: str | None,
        encoding: str,
        inherit: bool,
        first: RenderFirst | None = None,
    ) -> Ended:
        """See `leeward.operators.base.UserCode.bash`."""
        del log
        body = {"command": command, "environment": dict(environment), "cwd": cwd, "encoding": encoding}
        render = {} if first is None else {"render": first.job, **self._readable(attempt)}
        return ended_of(self._order({"kind": "bash", **body, "inherit": inherit, **render}))

    def read(self, name: str) -> str | None:
        """See `leeward.operators.base.UserCode.read`."""
        bundle = self.attempt.dag.bundle
        return member(self.bundles.get(bundle), name) if bundle else None

    def answered(self, result: Json) -> Json:
        """A result as it came, fetched if it was uploaded; where to is known here, whatever the message says."""
        if not (isinstance(result, Mapping) and result.get("uploaded")):
            return result
        body = self.s3.get_object(Bucket=self.bucket, Key=self._name("answer"))["Body"].read()
        found: Json = json.loads(body)
        return found

    def _bare(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """An order that nobody waits for."""
        attempt = self.attempt
        order = {**body, **self.about(), "bundle": attempt.dag.bundle}
        if attempt.dag.asks_history:
            order["previous"] = self.history(attempt.run)
        if attempt.dag.bundle:
            order["modules"] = self._signed("get_object", bundle_name(attempt.dag.bundle))
        return order

    def _order(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        attempt, long = self.attempt, is_long(self.attempt.task)
        order = {
            **self._bare(body),
            "start_by": attempt.until - FUNCTION_SECONDS,
            "answer_by": None if long else time.time() + SHORT_BODY_SECONDS,
        }
        if long:
            order["claim"] = self._signed("put_object", self._name("claim"), IfNoneMatch="*")
            self._hand_over(order)
        return self._invoke(order)

    def _send(self, order: Mapping[str, Any]) -> None:
        """Have the worker invoked for an order, without waiting."""
        self.functions.invoke(FunctionName=self.worker, InvocationType="Event", Payload=self._payload(order))

    def _hand_over(self, order: Mapping[str, Any]) -> NoReturn:
        self._send(order)
        raise HandedOver

    def _invoke(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Wait for the answer of a body that may be short."""
        try:
            answer = self.functions.invoke(FunctionName=self.worker, Payload=self._payload(order))
        except ReadTimeoutError:
            raise HandedOver from None
        except ClientError as error:
            if error.response["Error"]["Code"] not in _THROTTLED:
                raise
            claimed = {
                **order,
                "answer_by": None,
                "claim": self._signed("put_object", self._name("claim"), IfNoneMatch="*"),
            }
            self._hand_over(claimed)
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return {"lost": str(found.get("errorMessage", answer["FunctionError"]))}
        if "later" in found:
            raise HandedOver
        result = self.answered(found.get("answer", {"lost": "the order came too late to be started"}))
        return result if isinstance(result, Mapping) else {"lost": "its answer can't be read"}

    def _payload(self, order: Mapping[str, Any]) -> bytes:
        text = json.dumps(order).encode()
        if len(text) <= MAX_ANSWER_BYTES:
            return text
        name = self._name("order")
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=text)
        return json.dumps({"at": self._signed("get_object", name), "try": self._address()}).encode()

    def _address(self) -> dict[str, Any]:
        ref, attempt = self.attempt.run.ref, self.attempt
        place = {"dag_id": ref.dag_id, "run_id": ref.run_id, "index": attempt.index}
        return {**place, "try_number": attempt.try_number, "owner": attempt.owner}

    def _name(self, what: str) -> str:
        """The key of an object of this try's; it expires with the others of its kind."""
        attempt = self.attempt
        return f"tries/{attempt.run.ref.key}/{attempt.index}.{attempt.try_number}.{attempt.owner}.{what}"

    def _signed(self, operation: str, name: str, **more: str) -> str:
        parameters = {"Bucket": self.bucket, "Key": name, **more}
        life = int(MAX_EVENT_AGE_SECONDS + 2 * FUNCTION_SECONDS)
        url: str = self.s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=life)
        return url
