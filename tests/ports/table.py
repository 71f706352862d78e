"""A small DynamoDB in this process: one table, the requests that the adapters make, and their answers as JSON.

The suite of stores runs on it and on moto alike, so that it can't drift. An item is never changed in place: a copy of
`items` is a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from leeward.contract import (
    ACTIVE_ATTRIBUTE,
    ACTIVE_INDEX,
    CREATED_ATTRIBUTE,
    DAG_ATTRIBUTE,
    PARTITION_KEY,
    RECENT_INDEX,
    SORT_KEY,
)
from tests.ports.expressions import Expression, Item

KEYS: Final[Mapping[str | None, tuple[str, str]]] = {
    None: (PARTITION_KEY, SORT_KEY),
    ACTIVE_INDEX: (ACTIVE_ATTRIBUTE, PARTITION_KEY),
    RECENT_INDEX: (DAG_ATTRIBUTE, CREATED_ATTRIBUTE),
}
PROJECTED: Final[Mapping[str | None, tuple[str, ...]]] = {ACTIVE_INDEX: (PARTITION_KEY, SORT_KEY, ACTIVE_ATTRIBUTE)}
"""What an index holds of an item, where that is not all of it."""


class RefusedError(Exception):
    """A condition did not hold; `item` is what it was asked of, or None if that is not wanted."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class CancelledError(Exception):
    """A transaction took no effect, as one of its conditions did not hold; `refused` says of which items."""

    def __init__(self, refused: Sequence[bool]) -> None:
        super().__init__("Transaction cancelled, please refer cancellation reasons for specific reasons")
        self.refused = refused


@dataclass
class Table:
    """The items by their keys."""

    items: dict[tuple[str, str], Item] = field(default_factory=dict)

    def answer(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request. Raises RefusedError or CancelledError."""
        return _OPERATIONS[operation](self, request)

    def _put_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        key = _key(request["Item"])
        self._check(request, key)
        self.items[key] = request["Item"]
        return {}

    def _update_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        key = _key(request["Key"])
        self._check(request, key)
        before = self.items.get(key, request["Key"])
        after = Expression(request["UpdateExpression"], request, before).updated()
        self.items[key] = after
        return {"Attributes": after} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _transact_write_items(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        updates = [item["Update"] for item in request["TransactItems"]]
        refused = [not self._passes(update, _key(update["Key"])) for update in updates]
        if any(refused):
            raise CancelledError(refused)
        for update in updates:
            self._update_item(update)
        return {}

    def _delete_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        key = _key(request["Key"])
        self._check(request, key)
        self.items.pop(key, None)
        return {}

    def _get_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        found = self.items.get(_key(request["Key"]))
        return {} if found is None else {"Item": found}

    def _batch_get_item(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        found = (self.items.get(_key(key)) for key in wanted["Keys"])
        return {"Responses": {table: [item for item in found if item is not None]}, "UnprocessedKeys": {}}

    def _query(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        index = request.get("IndexName")
        names, text = KEYS[index], request["KeyConditionExpression"]
        held = (item for item in self.items.values() if all(name in item for name in names))
        found = [item for item in held if Expression(text, request, item).holds()]
        found.sort(key=lambda item: _order(item[names[1]]), reverse=not request.get("ScanIndexForward", True))
        kept = PROJECTED.get(index)
        rows = [item if kept is None else {name: item[name] for name in kept} for item in found]
        return {"Items": rows[: request.get("Limit")], "Count": len(rows)}

    def _check(self, request: Mapping[str, Any], key: tuple[str, str]) -> None:
        if not self._passes(request, key):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise RefusedError(self.items.get(key) if wanted else None)

    def _passes(self, request: Mapping[str, Any], key: tuple[str, str]) -> bool:
        text = request.get("ConditionExpression")
        return text is None or Expression(text, request, self.items.get(key, {})).holds()


def _key(item: Item) -> tuple[str, str]:
    return item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]


def _order(value: Mapping[str, str]) -> Any:
    return Decimal(value["N"]) if "N" in value else value["S"]


_OPERATIONS: Final[Mapping[str, Callable[[Table, Mapping[str, Any]], Mapping[str, Any]]]] = {
    "PutItem": Table._put_item,
    "UpdateItem": Table._update_item,
    "TransactWriteItems": Table._transact_write_items,
    "DeleteItem": Table._delete_item,
    "GetItem": Table._get_item,
    "BatchGetItem": Table._batch_get_item,
    "Query": Table._query,
}
