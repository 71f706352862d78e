"""XComs in the state table, an item each; large ones are objects in S3 that the item points to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from leeward.aws.run_store import run_key
from leeward.contract import MAX_INLINE_XCOM_BYTES, PARTITION_KEY, SORT_KEY
from leeward.core.dag import Json
from leeward.core.run import RunRef

_OLDER = "attribute_not_exists(n) OR n <= :n"


@dataclass(frozen=True, slots=True)
class DynamoXComStore:
    """Implements `leeward.engine.ports.XComStore`. `bucket` is where large values go."""

    client: Any
    s3: Any
    table: str
    bucket: str

    def push(self, ref: RunRef, task_id: str, map_index: int, try_number: int, values: Mapping[str, Json]) -> None:
        """See `XComStore.push`."""
        for key, value in values.items():
            stored = self._stored(ref, json.dumps(value))
            names = {**self._key(ref, task_id, map_index, key), "n": {"N": str(try_number)}, **stored}
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=names,
                    ConditionExpression=_OLDER,
                    ExpressionAttributeValues={":n": {"N": str(try_number)}},
                )
            except ClientError as error:
                if not _refused(error):
                    raise

    def clear(self, ref: RunRef, task_id: str, map_index: int, before_try: int) -> None:
        """See `XComStore.clear`."""
        prefix = self._key(ref, task_id, map_index, "")
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#p = :p AND begins_with(#s, :s)",
            ExpressionAttributeNames={"#p": PARTITION_KEY, "#s": SORT_KEY},
            ExpressionAttributeValues={":p": prefix[PARTITION_KEY], ":s": prefix[SORT_KEY]},
            ConsistentRead=True,
        )
        for row in (row for page in pages for row in page["Items"]):
            self._forget(row, before_try)

    def pull(self, ref: RunRef, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """See `XComStore.pull`."""
        place = self._key(ref, task_id, map_index, key)
        item = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True).get("Item")
        if item is None:
            return False, None
        if "v" in item:
            return True, json.loads(item["v"]["S"])
        body = self.s3.get_object(Bucket=self.bucket, Key=item["s3"]["S"])["Body"].read()
        return True, json.loads(body)

    def _forget(self, row: Mapping[str, Any], before_try: int) -> None:
        key = {name: row[name] for name in (PARTITION_KEY, SORT_KEY)}
        try:
            self.client.delete_item(
                TableName=self.table,
                Key=key,
                ConditionExpression="n < :n",
                ExpressionAttributeValues={":n": {"N": str(before_try)}},
            )
        except ClientError as error:
            if not _refused(error):
                raise

    def _stored(self, ref: RunRef, text: str) -> dict[str, Any]:
        """The value in the item, or a pointer to the object that holds it, named by its content."""
        if len(text.encode()) <= MAX_INLINE_XCOM_BYTES:
            return {"v": {"S": text}}
        name = f"xcom/{run_key(ref)}/{sha256(text.encode()).hexdigest()}"
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=text.encode())
        return {"s3": {"S": name}}

    def _key(self, ref: RunRef, task_id: str, map_index: int, key: str) -> dict[str, Any]:
        sort = f"x{task_id}#{map_index}#{key}"
        return {PARTITION_KEY: {"S": f"{run_key(ref)}/x"}, SORT_KEY: {"S": sort}}


def _refused(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
