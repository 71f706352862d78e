"""The same stores thrice: the twins, and the adapters on DynamoDB and S3 of moto's and of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from leeward.aws.attempt_store import DynamoAttemptStore
from leeward.aws.buckets import S3BundleStore
from leeward.aws.gates import DynamoGates
from leeward.aws.run_store import DynamoRunStore
from leeward.aws.spec_store import DROPS, LIVE, DynamoDropStore, S3SpecStore
from leeward.aws.texts import TextRecords
from leeward.aws.xcom_store import DynamoXComStore
from leeward.contract import (
    ACTIVE_ATTRIBUTE,
    ACTIVE_INDEX,
    CREATED_ATTRIBUTE,
    DAG_ATTRIBUTE,
    PARTITION_KEY,
    RECENT_INDEX,
    SORT_KEY,
)
from leeward.engine.ports import AttemptStore, BundleStore, DropStore, Gates, RunStore, SpecStore, XComStore
from leeward.local.gates import MemoryGates
from leeward.local.run_store import MemoryAttemptStore, MemoryRunStore, MemoryXComStore
from leeward.local.spec_store import MemoryBundleStore, MemoryDropStore, MemorySpecStore
from tests.ports.table import Table
from tests.ports.wire import answered, dynamodb
from tests.ports.wire import s3 as wire_s3
from tests.world import World

TABLE, BUCKET = "state", "leeward-data"
_TEXTS = (PARTITION_KEY, SORT_KEY, ACTIVE_ATTRIBUTE, DAG_ATTRIBUTE)
_MOTO = RLock()


@dataclass(frozen=True)
class Stores:
    """Everything that is stored."""

    runs: RunStore
    attempts: AttemptStore
    xcoms: XComStore
    specs: SpecStore
    drops: DropStore
    bundles: BundleStore
    gates: Gates


@contextmanager
def stores(kind: str) -> Iterator[Stores]:
    """The twins (`memory`), the adapters on moto (`aws`), or on our own small AWS (`wire`)."""
    if kind == "memory":
        specs = MemorySpecStore()
        yield Stores(
            MemoryRunStore(specs),
            MemoryAttemptStore(),
            MemoryXComStore(),
            specs,
            MemoryDropStore(),
            MemoryBundleStore(),
            MemoryGates(),
        )
        return
    if kind == "wire":
        yield adapters(answered("dynamodb", dynamodb(Table())), answered("s3", wire_s3({})))
        return
    with locked_moto():
        yield adapters(*clients())


def adapters(client: Any, s3: Any) -> Stores:
    """The adapters over clients of DynamoDB and S3."""
    return Stores(
        DynamoRunStore(client, TABLE),
        DynamoAttemptStore(client, TABLE),
        DynamoXComStore(client, s3, TABLE, BUCKET),
        S3SpecStore(s3, BUCKET, TextRecords(client, TABLE, LIVE)),
        DynamoDropStore(TextRecords(client, TABLE, DROPS)),
        S3BundleStore(s3, BUCKET),
        DynamoGates(client, TABLE),
    )


@contextmanager
def locked_moto() -> Iterator[None]:
    """moto, which is not thread-safe, with one call at a time: eight threads would lose updates and have two winners."""
    real = BaseClient._make_api_call

    def one_at_a_time(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        with _MOTO:
            return real(self, operation, parameters)

    with mock_aws(), patch.object(BaseClient, "_make_api_call", one_at_a_time):
        yield


def clients() -> tuple[Any, Any]:
    """Clients of an account with the state table and the data bucket."""
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    client, s3 = session.client("dynamodb"), session.client("s3")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            *({"AttributeName": name, "AttributeType": "S"} for name in _TEXTS),
            {"AttributeName": CREATED_ATTRIBUTE, "AttributeType": "N"},
        ],
        KeySchema=_schema(PARTITION_KEY, SORT_KEY),
        GlobalSecondaryIndexes=[
            {
                "IndexName": ACTIVE_INDEX,
                "KeySchema": _schema(ACTIVE_ATTRIBUTE, PARTITION_KEY),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": RECENT_INDEX,
                "KeySchema": _schema(DAG_ATTRIBUTE, CREATED_ATTRIBUTE),
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    )
    s3.create_bucket(Bucket=BUCKET)
    return client, s3


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def put_in(world: World, found: Stores) -> World:
    """A world that stores in these."""
    found.specs.put("w1", world.dag)
    world.info = replace(world.info, ref=replace(world.info.ref, version="w1"))
    world.ports = replace(
        world.ports,
        runs=found.runs,
        attempts=found.attempts,
        xcoms=found.xcoms,
        specs=found.specs,
        gates=found.gates,
    )
    return world
