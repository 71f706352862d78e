"""The same stores twice: the twins, and the adapters on moto's DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
from moto import mock_aws

from leeward.aws.attempt_store import DynamoAttemptStore
from leeward.aws.run_store import DynamoRunStore
from leeward.aws.spec_store import S3SpecStore
from leeward.aws.xcom_store import DynamoXComStore
from leeward.contract import ACTIVE_ATTRIBUTE, ACTIVE_INDEX, PARTITION_KEY, SORT_KEY
from leeward.engine.ports import AttemptStore, RunStore, SpecStore, XComStore
from leeward.local.run_store import MemoryAttemptStore, MemoryRunStore, MemoryXComStore
from leeward.local.spec_store import MemorySpecStore
from tests.world import World

TABLE, BUCKET = "state", "leeward-data"


@dataclass(frozen=True)
class Stores:
    """Everything that is stored."""

    runs: RunStore
    attempts: AttemptStore
    xcoms: XComStore
    specs: SpecStore


@contextmanager
def stores(kind: str) -> Iterator[Stores]:
    """The twins (`memory`) or the adapters (`aws`)."""
    if kind == "memory":
        specs = MemorySpecStore()
        yield Stores(MemoryRunStore(specs), MemoryAttemptStore(), MemoryXComStore(), specs)
        return
    with mock_aws():
        client, s3 = clients()
        yield Stores(
            DynamoRunStore(client, TABLE),
            DynamoAttemptStore(client, TABLE),
            DynamoXComStore(client, s3, TABLE, BUCKET),
            S3SpecStore(s3, client, BUCKET, TABLE),
        )


def clients() -> tuple[Any, Any]:
    """Clients of an account with the state table and the data bucket."""
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    client, s3 = session.client("dynamodb"), session.client("s3")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (PARTITION_KEY, SORT_KEY, ACTIVE_ATTRIBUTE)
        ],
        KeySchema=_schema(PARTITION_KEY, SORT_KEY),
        GlobalSecondaryIndexes=[
            {
                "IndexName": ACTIVE_INDEX,
                "KeySchema": _schema(ACTIVE_ATTRIBUTE, PARTITION_KEY),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
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
    world.ports = replace(world.ports, runs=found.runs, attempts=found.attempts, xcoms=found.xcoms, specs=found.specs)
    return world
