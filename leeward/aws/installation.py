"""An installation as somebody's own credentials see it: found by the name of its stack, read and steered from outside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from leeward.aws.attempt_store import DynamoAttemptStore
from leeward.aws.buckets import S3Bucket
from leeward.aws.run_store import DynamoRunStore
from leeward.aws.spec_store import DROPS, LIVE, DynamoDropStore, S3SpecStore
from leeward.aws.texts import TextRecords
from leeward.contract import (
    DAGS_PREFIX,
    OUTPUT_DAGS_BUCKET,
    OUTPUT_DATA_BUCKET,
    OUTPUT_EXECUTOR_LOGS,
    OUTPUT_SCHEDULER,
    OUTPUT_SCHEDULER_LOGS,
    OUTPUT_TABLE,
    OUTPUT_WORKER_LOGS,
)
from leeward.core.errors import UsageError


@dataclass(frozen=True)
class LogLine:
    """One line of a task's log. `at` is milliseconds since the epoch.

    `place` tells a line from an equal one: the stream, and how many equal ones of that moment stand before it there.
    """

    at: int
    place: tuple[str, int]
    task_id: str
    try_number: int
    text: str


@dataclass(frozen=True)
class Installation:
    """The clients of a session, and the stack's outputs by name."""

    session: Any
    outputs: Mapping[str, str]

    @cached_property
    def runs(self) -> DynamoRunStore:
        """The runs."""
        return DynamoRunStore(self._table, self.outputs[OUTPUT_TABLE])

    @cached_property
    def attempts(self) -> DynamoAttemptStore:
        """What tries left behind."""
        return DynamoAttemptStore(self._table, self.outputs[OUTPUT_TABLE])

    @cached_property
    def specs(self) -> S3SpecStore:
        """The DAGs."""
        records = TextRecords(self._table, self.outputs[OUTPUT_TABLE], LIVE)
        return S3SpecStore(self._s3, self.outputs[OUTPUT_DATA_BUCKET], records)

    @cached_property
    def drops(self) -> DynamoDropStore:
        """What became of the specs."""
        return DynamoDropStore(TextRecords(self._table, self.outputs[OUTPUT_TABLE], DROPS))

    @cached_property
    def bucket(self) -> S3Bucket:
        """What lies in the bucket of DAGs."""
        return S3Bucket(self._s3, self.outputs[OUTPUT_DAGS_BUCKET])

    def upload(self, path: str, content: bytes) -> None:
        """Drop a file."""
        self._s3.put_object(Bucket=self.outputs[OUTPUT_DAGS_BUCKET], Key=DAGS_PREFIX + path, Body=content)

    def remove(self, path: str) -> None:
        """Take a dropped file away."""
        self._s3.delete_object(Bucket=self.outputs[OUTPUT_DAGS_BUCKET], Key=DAGS_PREFIX + path)

    def trigger(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have the scheduler start a run (see `leeward.engine.trigger_run`). Raises UsageError for what it refuses."""
        return self._ask({"trigger": request})

    def set_paused(self, dag_id: str, *, paused: bool) -> bool:
        """Have the scheduler pause or resume a DAG; whether that changed anything. Raises UsageError for what it refuses."""
        return bool(self._ask({"pause": {"dag_id": dag_id, "paused": paused}})["changed"])

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        functions = self.session.client("lambda")
        answer = functions.invoke(FunctionName=self.outputs[OUTPUT_SCHEDULER], Payload=json.dumps(request).encode())
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise UsageError("LW310", f"the scheduler failed: {found.get('errorMessage', found)}")
        if "error" in found:
            code, _, message = str(found["error"]).partition(" ")
            raise UsageError(code, message)
        return found

    def log_lines(self, dag_id: str, run_id: str, since: int) -> Iterator[LogLine]:
        """The lines of a run's tasks that were logged since then (milliseconds since the epoch), of both functions."""
        wanted = {"leeward": "log", "dag_id": dag_id, "run_id": run_id}
        equal: Counter[tuple[str, int, str]] = Counter()
        for group in (OUTPUT_WORKER_LOGS, OUTPUT_EXECUTOR_LOGS):
            for event in self._logged(group, wanted, since):
                yield from _lines(event, wanted, equal)

    def event_lines(self, dag_id: str, run_id: str, since: int) -> Iterator[Mapping[str, Any]]:
        """The lines of a run's event log from then on (milliseconds since the epoch), as far as CloudWatch has them."""
        wanted = {"leeward": "event", "dag_id": dag_id, "run_id": run_id}
        for group in (OUTPUT_SCHEDULER_LOGS, OUTPUT_EXECUTOR_LOGS):
            for event in self._logged(group, wanted, since):
                yield from (found for found, _ in _objects(event, wanted))

    def _logged(self, group: str, wanted: Mapping[str, str], since: int) -> Iterator[Mapping[str, Any]]:
        """The events of a log that hold objects with those members. Raises UsageError LW309 for one that is not there."""
        if group not in self.outputs:
            raise UsageError("LW309", f"the installation has no output {group}: deploy it again")
        pattern = " && ".join(f"($.{name} = {json.dumps(value)})" for name, value in wanted.items())
        pages = self.session.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.outputs[group], filterPattern=f"{{ {pattern} }}", startTime=since):
            yield from page["events"]

    @cached_property
    def _table(self) -> Any:
        return self.session.client("dynamodb")

    @cached_property
    def _s3(self) -> Any:
        return self.session.client("s3")


def _lines(
    event: Mapping[str, Any], wanted: Mapping[str, str], equal: Counter[tuple[str, int, str]]
) -> Iterator[LogLine]:
    """The lines in one event."""
    for found, text in _objects(event, wanted):
        stream, at = event["logStreamName"], event["timestamp"]
        place = (stream, equal[stream, at, text])
        equal[stream, at, text] += 1
        yield LogLine(at, place, found["task_id"], found["try_number"], found["line"])


def _objects(event: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects in one event, with their texts; where several were written at once, one event may hold them all."""
    for text in event["message"].splitlines():
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and wanted.items() <= found.items():
            yield found, text


def installation(stack: str, profile: str | None, region: str | None) -> Installation:
    """The installation of that stack. Raises UsageError LW309 if it can't be found."""
    import boto3

    try:
        session = boto3.session.Session(profile_name=profile, region_name=region)
        answer = session.client("cloudformation").describe_stacks(StackName=stack)
    except (BotoCoreError, ClientError) as error:
        raise UsageError("LW309", f"the stack {stack} can't be read: {error}") from error
    outputs = {row["OutputKey"]: row["OutputValue"] for row in answer["Stacks"][0].get("Outputs", [])}
    if OUTPUT_TABLE not in outputs:
        raise UsageError("LW309", f"the stack {stack} is no installation of Leeward")
    return Installation(session, outputs)
