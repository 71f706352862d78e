"""The ports of a deployed installation, from the environment of its functions: the one place that reads it.

Clients are made when they are first used, because each costs a cold start some 30 ms; for the same reason the compiler and
the dashboard are imported only by the functions that are one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from leeward.aws.attempt_store import DynamoAttemptStore
from leeward.aws.buckets import S3Bucket, S3BundleStore
from leeward.aws.calls import BotoAws
from leeward.aws.dispatcher import AwsDispatcher
from leeward.aws.gates import DynamoGates
from leeward.aws.observers import EmfMetrics, StreamEventLog
from leeward.aws.rules import AwsRules
from leeward.aws.run_store import DynamoRunStore
from leeward.aws.secrets import SecretsManager
from leeward.aws.spec_store import DROPS, LIVE, DynamoDropStore, S3SpecStore
from leeward.aws.texts import TextRecords
from leeward.aws.user_code import WorkerCode, worker_plan
from leeward.aws.xcom_store import DynamoXComStore
from leeward.contract import (
    ANSWER_GRACE_SECONDS,
    ENV_DAGS_BUCKET,
    ENV_DATA_BUCKET,
    ENV_DEAD_LETTERS_ARN,
    ENV_EXECUTOR,
    ENV_EXECUTOR_QUEUE,
    ENV_FAN_LIMIT,
    ENV_POOLS,
    ENV_RULE_PREFIX,
    ENV_SCHEDULE_ROLE,
    ENV_SCHEDULER_QUEUE,
    ENV_SCHEDULER_QUEUE_ARN,
    ENV_TABLE,
    ENV_TASK_ROLE,
    ENV_WORKER,
    INSTANCES_PER_BLOCK,
    METRICS_NAMESPACE,
    SHORT_BODY_SECONDS,
)
from leeward.core.run import RunInfo
from leeward.engine.bodies import OperatorBodies
from leeward.engine.history import previous_success
from leeward.engine.ports import Ports
from leeward.engine.system import RandomIds, SystemClock
from leeward.operators.base import Attempt

if TYPE_CHECKING:
    from leeward.engine.reconcile import Dropping
    from leeward.engine.see_dags import Watched


@dataclass
class LazyClient:
    """A client of boto3 that is made when it is first used. `waits` makes one that repeats nothing and waits for bodies."""

    service: str
    waits: bool = False
    _client: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._client is None:
            self._client = self._made()
        return getattr(self._client, name)

    def _made(self) -> Any:
        import boto3
        from botocore.config import Config

        patient = Config(
            read_timeout=SHORT_BODY_SECONDS + ANSWER_GRACE_SECONDS,
            retries={"total_max_attempts": 1},
            max_pool_connections=32,
        )
        return boto3.client(self.service, config=patient if self.waits else None)


@dataclass(frozen=True, slots=True)
class Account:
    """The clients and names of an installation."""

    env: Mapping[str, str]
    table: Any
    s3: Any
    sqs: Any
    functions: Any
    events: Any
    metrics: Any
    schedules: Any


@cache
def account() -> Account:
    """What this function's environment names."""
    return Account(
        os.environ,
        LazyClient("dynamodb"),
        LazyClient("s3"),
        LazyClient("sqs"),
        LazyClient("lambda", waits=True),
        LazyClient("events"),
        LazyClient("cloudwatch"),
        LazyClient("scheduler"),
    )


@cache
def ports() -> Ports:
    """The ports of schedulers, executors and the compiler."""
    here = account()
    clock = SystemClock()
    xcoms = _xcoms(here)
    aws = BotoAws(_task_session)
    runs = DynamoRunStore(here.table, here.env[ENV_TABLE])
    specs = S3SpecStore(here.s3, here.env[ENV_DATA_BUCKET], _records(here, LIVE))
    before = partial(previous_success, runs, specs)
    return Ports(
        runs=runs,
        attempts=DynamoAttemptStore(here.table, here.env[ENV_TABLE]),
        xcoms=xcoms,
        specs=specs,
        rules=AwsRules(
            here.events,
            here.schedules,
            here.env.get(ENV_RULE_PREFIX, ""),
            here.env.get(ENV_SCHEDULER_QUEUE_ARN, ""),
            here.env.get(ENV_DEAD_LETTERS_ARN, ""),
            here.env.get(ENV_SCHEDULE_ROLE, ""),
        ),
        dispatch=AwsDispatcher(
            here.sqs,
            here.functions,
            here.env.get(ENV_EXECUTOR_QUEUE, ""),
            here.env.get(ENV_SCHEDULER_QUEUE, ""),
            here.env.get(ENV_EXECUTOR) or here.env.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            int(here.env.get(ENV_FAN_LIMIT, "0")),
            here.metrics,
        ),
        bodies=OperatorBodies(
            aws, user_code, SecretsManager(aws), xcoms, log_line, worker_plan, before, INSTANCES_PER_BLOCK
        ),
        clock=clock,
        ids=RandomIds(),
        metrics=EmfMetrics(sys.stdout, clock, METRICS_NAMESPACE),
        log=StreamEventLog(sys.stdout),
        gates=DynamoGates(here.table, here.env[ENV_TABLE]),
        pools=json.loads(here.env.get(ENV_POOLS, "{}")),
    )


@cache
def dropping() -> Dropping:
    """What the compiler stands on."""
    from leeward.engine.reconcile import Dropping

    here = account()
    return Dropping(
        ports(),
        S3Bucket(here.s3, here.env[ENV_DAGS_BUCKET]),
        DynamoDropStore(_records(here, DROPS)),
        _bundles(here),
        SecretsManager(BotoAws()).variable,
    )


@cache
def watched() -> Watched:
    """What the dashboard shows."""
    from leeward.engine.see_dags import Watched

    here = account()
    return Watched(
        DynamoRunStore(here.table, here.env[ENV_TABLE]),
        S3SpecStore(here.s3, here.env[ENV_DATA_BUCKET], _records(here, LIVE)),
        DynamoDropStore(_records(here, DROPS)),
    )


def user_code(attempt: Attempt) -> WorkerCode:
    """Where the user code of a try runs."""
    here = account()
    bucket = here.env[ENV_DATA_BUCKET]
    worker = here.env.get(ENV_WORKER, "")
    return WorkerCode(here.functions, worker, here.s3, bucket, _bundles(here), _xcoms(here), attempt, _before)


def _before(info: RunInfo) -> Mapping[str, str | None] | None:
    stores = ports()
    return previous_success(stores.runs, stores.specs, info)


def log_line(attempt: Attempt, line: str) -> None:
    """Write one line of a task's log where CloudWatch Logs keeps it."""
    ref = attempt.run.ref
    about = {"dag_id": ref.dag_id, "run_id": ref.run_id, "task_id": attempt.name}
    sys.stdout.write(json.dumps({"leeward": "log", **about, "try_number": attempt.try_number, "line": line}) + "\n")


def _records(here: Account, partition: str) -> TextRecords:
    return TextRecords(here.table, here.env[ENV_TABLE], partition)


def _xcoms(here: Account) -> DynamoXComStore:
    return DynamoXComStore(here.table, here.s3, here.env[ENV_TABLE], here.env[ENV_DATA_BUCKET])


def _bundles(here: Account) -> S3BundleStore:
    return S3BundleStore(here.s3, here.env[ENV_DATA_BUCKET])


def _task_session() -> Any:
    """A session with the rights of tasks; its credentials are fetched anew before they end."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import get_session

    role = account().env.get(ENV_TASK_ROLE)
    own = get_session()
    if role:
        fetcher = AssumeRoleCredentialFetcher(
            own.create_client, own.get_credentials(), role, extra_args={"RoleSessionName": "leeward-tasks"}
        )
        session = get_session()
        session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001
        return boto3.session.Session(botocore_session=session)
    return boto3.session.Session(botocore_session=own)
