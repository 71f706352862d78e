"""Small records in the state table: one text under a key, replaced only if it is still the text that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from leeward.contract import PARTITION_KEY, SORT_KEY

_TEXT: Final = "x"


@dataclass(frozen=True, slots=True)
class TextRecords:
    """The records of one partition, by their sort keys."""

    client: Any
    table: str
    partition: str

    def get(self, name: str) -> str | None:
        """One text, read consistently, or None."""
        answer = self.client.get_item(TableName=self.table, Key=self._key(name), ConsistentRead=True)
        return str(answer["Item"][_TEXT]["S"]) if "Item" in answer else None

    def all(self) -> Mapping[str, str]:
        """Every text by its name, in order, read consistently."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": PARTITION_KEY},
            ExpressionAttributeValues={":p": {"S": self.partition}},
            ConsistentRead=True,
        )
        return {row[SORT_KEY]["S"]: row[_TEXT]["S"] for page in pages for row in page["Items"]}

    def put(self, name: str, text: str, expect: str | None) -> bool:
        """Store a text if `expect` is what is there (None = nothing); whether that held."""
        item = {**self._key(name), _TEXT: {"S": text}}
        return self._if(expect, self.client.put_item, Item=item)

    def delete(self, name: str, expect: str) -> bool:
        """Take a text away if it is this one; whether that held."""
        return self._if(expect, self.client.delete_item, Key=self._key(name))

    def _if(self, expect: str | None, call: Any, **request: Any) -> bool:
        if expect is None:
            condition: dict[str, Any] = {"ConditionExpression": f"attribute_not_exists({_TEXT})"}
        else:
            values = {":x": {"S": expect}}
            condition = {"ConditionExpression": f"{_TEXT} = :x", "ExpressionAttributeValues": values}
        try:
            call(TableName=self.table, **request, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _key(self, name: str) -> dict[str, Any]:
        return {PARTITION_KEY: {"S": self.partition}, SORT_KEY: {"S": name}}
