"""What tries leave behind, beside run state: jobs and errors, an item each in the same table, written only when needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from leeward.aws.items import base36
from leeward.contract import MAX_ERROR_CHARACTERS, PARTITION_KEY, SORT_KEY
from leeward.core.dag import Json
from leeward.core.run import RunRef


@dataclass(frozen=True, slots=True)
class DynamoAttemptStore:
    """Implements `leeward.engine.ports.AttemptStore`."""

    client: Any
    table: str

    def put_job(self, ref: RunRef, index: int, try_number: int, job: Json) -> None:
        """See `AttemptStore.put_job`."""
        self._put(ref, index, try_number, "j", json.dumps(job))

    def job(self, ref: RunRef, index: int, try_number: int) -> Json:
        """See `AttemptStore.job`."""
        text = self._get(ref, index, try_number, "j")
        found: Json = None if text is None else json.loads(text)
        return found

    def put_error(self, ref: RunRef, index: int, try_number: int, error: str) -> None:
        """See `AttemptStore.put_error`. A long error keeps its beginning."""
        self._put(ref, index, try_number, "er", error[:MAX_ERROR_CHARACTERS])

    def error(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """See `AttemptStore.error`."""
        return self._get(ref, index, try_number, "er")

    def put_instance_name(self, ref: RunRef, index: int, try_number: int, name: str) -> None:
        """See `AttemptStore.put_instance_name`."""
        self._put(ref, index, try_number, "nm", name[:MAX_ERROR_CHARACTERS])

    def instance_name(self, ref: RunRef, index: int, try_number: int) -> str | None:
        """See `AttemptStore.instance_name`."""
        return self._get(ref, index, try_number, "nm")

    def _key(self, ref: RunRef, index: int, try_number: int) -> dict[str, Any]:
        sort = f"a{base36(index)}.{try_number}"
        return {PARTITION_KEY: {"S": f"{ref.key}/x"}, SORT_KEY: {"S": sort}}

    def _put(self, ref: RunRef, index: int, try_number: int, name: str, text: str) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=self._key(ref, index, try_number),
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": {"S": text}},
        )

    def _get(self, ref: RunRef, index: int, try_number: int, name: str) -> str | None:
        answer = self.client.get_item(TableName=self.table, Key=self._key(ref, index, try_number), ConsistentRead=True)
        value = answer.get("Item", {}).get(name)
        return None if value is None else str(value["S"])
