"""XComs in the state table, an item each; large ones are objects in S3 that the item points to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from leeward.contract import MAX_INLINE_XCOM_BYTES, PARTITION_KEY, SOME_TASKS, SORT_KEY
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

    def shipped(self, ref: RunRef, task_ids: Sequence[str]) -> list[list[Json]]:
        """All XComs of some tasks as rows of task id, map index, key, and the value or a signed address to fetch it `at`."""
        wanted = set(task_ids)
        prefixes = [f"x{task_id}#" for task_id in task_ids] if len(wanted) <= SOME_TASKS else ["x"]
        found: list[list[Json]] = []
        for row in (row for prefix in prefixes for row in self._rows(ref, prefix)):
            task_id, map_index, key = row[SORT_KEY]["S"][1:].split("#", 2)
            if task_id in wanted:
                found.append([task_id, int(map_index), key, self._shipped(row)])
        return found

    def _shipped(self, row: Mapping[str, Any]) -> Json:
        if "v" in row:
            return {"value": json.loads(row["v"]["S"])}
        place = {"Bucket": self.bucket, "Key": row["s3"]["S"]}
        return {"at": self.s3.generate_presigned_url("get_object", Params=place)}

    def _rows(self, ref: RunRef, prefix: str) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#p = :p AND begins_with(#s, :s)",
            ExpressionAttributeNames={"#p": PARTITION_KEY, "#s": SORT_KEY},
            ExpressionAttributeValues={":p": {"S": f"{ref.key}/x"}, ":s": {"S": prefix}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def clear(self, ref: RunRef, task_id: str, map_index: int, before_try: int) -> None:
        """See `XComStore.clear`."""
        for row in self._rows(ref, self._key(ref, task_id, map_index, "")[SORT_KEY]["S"]):
            self._forget(row, before_try)

    def pull(self, ref: RunRef, task_id: str, key: str, map_index: int) -> tuple[bool, Json]:
        """See `XComStore.pull`."""
        place = self._key(ref, task_id, map_index, key)
        item = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True).get("Item")
        return (False, None) if item is None else (True, self._value(item))

    def pull_all(self, ref: RunRef, task_id: str, key: str) -> Mapping[int, Json]:
        """See `XComStore.pull_all`."""
        found: dict[int, Json] = {}
        for row in self._rows(ref, f"x{task_id}#"):
            _, map_index, name = row[SORT_KEY]["S"].split("#", 2)
            if name == key:
                found[int(map_index)] = self._value(row)
        return {map_index: found[map_index] for map_index in sorted(found)}

    def _value(self, item: Mapping[str, Any]) -> Json:
        stored = item["v"]["S"] if "v" in item else self._object(item["s3"]["S"])
        value: Json = json.loads(stored)
        return value

    def _object(self, name: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return content

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
        name = f"xcom/{ref.key}/{sha256(text.encode()).hexdigest()}"
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=text.encode())
        return {"s3": {"S": name}}

    def _key(self, ref: RunRef, task_id: str, map_index: int, key: str) -> dict[str, Any]:
        sort = f"x{task_id}#{map_index}#{key}"
        return {PARTITION_KEY: {"S": f"{ref.key}/x"}, SORT_KEY: {"S": sort}}


def _refused(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
