"""What AWS bills of a call: DynamoDB's units from the items before and after, SQS's chunks, requests to S3 and Lambda.

A write unit is 1 KB of the larger image, refused conditions included; an index that projects a changed item takes one more,
and what is written in a transaction twice as much. A read unit is 4 KB, half of one where a read is eventually consistent;
a batch of reads costs what its items would by themselves. SQS bills 64 KB of a request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leeward.contract import ACTIVE_ATTRIBUTE, DAG_ATTRIBUTE, PARTITION_KEY, SORT_KEY
from tests.ports.table import KEYS, PROJECTED

CHUNK: Final = 64 * 1024
Item = Mapping[str, Any]


@dataclass
class Bill:
    """Counts of what is paid for. `requests` are those that functions made, by service and operation."""

    calls: int = 0
    queue: int = 0
    writes: int = 0
    index_writes: int = 0
    reads: float = 0.0
    puts: int = 0
    gets: int = 0
    sent: int = 0
    received: int = 0
    logged: int = 0
    gb_seconds: float = 0.0
    requests: dict[str, int] = field(default_factory=dict)

    @property
    def billed(self) -> float:
        """Everything that is paid by its number."""
        return self.calls + self.queue + self.writes + self.index_writes + self.reads + self.puts + self.gets

    @property
    def asked(self) -> int:
        """Requests that the functions made, and their invocations: what no index and no poller adds to."""
        return self.calls + sum(n for name, n in self.requests.items() if not name.startswith("lambda"))


def size(item: Item) -> int:
    """Bytes of an item as DynamoDB counts them: names, texts, about half a byte a digit of numbers."""
    return sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())


def chunks(text: str | bytes) -> int:
    """Requests that SQS bills for a message, or for a batch of them."""
    return max(1, math.ceil(len(text) / CHUNK))


def charge_write(bill: Bill, before: Item, after: Item, times: int = 1) -> None:
    """A write, whether it took effect or was refused, and how many times over it is billed."""
    bill.writes += times * max(1, math.ceil(max(size(before), size(after)) / 1024))
    for index in (ACTIVE_ATTRIBUTE, DAG_ATTRIBUTE):
        bill.index_writes += _projected(index, before) != _projected(index, after)


def _projected(attribute: str, item: Item) -> Item:
    """What an index holds of an item."""
    if attribute not in item:
        return {}
    name = next(index for index, keys in KEYS.items() if attribute in keys and index is not None)
    kept = PROJECTED.get(name)
    return item if kept is None else {key: item[key] for key in kept if key in item}


def charge_read(bill: Bill, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """A Get, a Query, or a batch of Gets."""
    if "RequestItems" in request:
        for table, wanted in request["RequestItems"].items():
            found = answer["Responses"][table]
            absent = len(wanted["Keys"]) - len(found)
            units = absent + sum(max(1, math.ceil(size(item) / 4096)) for item in found)
            bill.reads += units if wanted.get("ConsistentRead") else units / 2
        return
    found = answer.get("Items", [answer["Item"]] if "Item" in answer else [])
    units = max(1, math.ceil(sum(map(size, found)) / 4096))
    bill.reads += units if request.get("ConsistentRead") else units / 2


WRITES: Final[Mapping[str, int]] = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1, "TransactWriteItems": 2}
"""How many times over each write is billed."""


def writes_of(operation: str, request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The writes of single items that a request asks for."""
    if operation == "TransactWriteItems":
        return [write for item in request["TransactItems"] for write in item.values()]
    return [request] if operation in WRITES else []


def key_of(request: Mapping[str, Any]) -> tuple[str, str]:
    """The key that a write is about."""
    found = request.get("Key") or request["Item"]
    return found[PARTITION_KEY]["S"], found[SORT_KEY]["S"]


def charge(bill: Bill, service: str, operation: str, body: bytes, answer: bytes) -> None:
    """A call of another service than DynamoDB; that it invokes something is counted where that is invoked."""
    name = f"{service}.{operation}"
    bill.requests[name] = bill.requests.get(name, 0) + 1
    bill.sent, bill.received = bill.sent + len(body), bill.received + len(answer)
    if service == "sqs":
        bill.queue += chunks(body)
    if service == "s3":
        bill.puts, bill.gets = bill.puts + (operation != "GetObject"), bill.gets + (operation == "GetObject")


def dynamodb_request(body: bytes) -> Mapping[str, Any]:
    """What a call of DynamoDB says."""
    found: Mapping[str, Any] = json.loads(body)
    return found
