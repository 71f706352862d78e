"""Run state in one DynamoDB table: a few items of about 1 KB a run, written one at a time, conditionally.

A write is one UpdateItem that returns the whole image, and a refused one returns the image that refused it, so that no read
is needed to go on. Nothing here retries a refusal: whoever lost decides again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from leeward.aws.items import (
    base36,
    entries_of,
    entry_name,
    entry_text,
    header_of,
    header_values,
    info_of,
    info_text,
)
from leeward.contract import (
    ACTIVE_ATTRIBUTE,
    ACTIVE_INDEX,
    CREATED_ATTRIBUTE,
    DAG_ATTRIBUTE,
    INDEX_LAG_SECONDS,
    PARTITION_KEY,
    RECENT_INDEX,
    SHARDS_PER_KEY,
    SORT_KEY,
)
from leeward.core.address import STRIDE, is_block
from leeward.core.run import UNTOUCHED, Entry, Item, RunInfo, RunRef
from leeward.core.view import Layout
from leeward.engine.ports import HEADER, Write, Written, header_item

_INFO: Final = "i"
_NEVER: Final = 10**15
"""Later than any run, in milliseconds since the epoch."""


def key_of(ref: RunRef, shard: int) -> dict[str, Any]:
    """The primary key of an item of a run."""
    if shard == HEADER:
        return _key(ref, 0, "h")
    if shard >= STRIDE:
        return _mapped_key(ref, shard)
    return _key(ref, shard // SHARDS_PER_KEY, f"s{shard:04d}")


def _mapped_key(ref: RunRef, number: int) -> dict[str, Any]:
    """Blocks of a mapped task share a partition key by sixteen, too; its summary items have one of their own."""
    level, task = divmod(number, STRIDE)
    place = (level - 1) // 2
    name = f"{base36(task)}.{base36(place // SHARDS_PER_KEY)}" if is_block(number) else f"{base36(task)}.s"
    return {PARTITION_KEY: {"S": f"{ref.key}/m{name}"}, SORT_KEY: {"S": f"b{place:06d}"}}


def _key(ref: RunRef, part: int, sort: str) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": f"{ref.key}/{part}"}, SORT_KEY: {"S": sort}}


@dataclass
class _Expression:
    """Collects the names and values of one UpdateItem."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)

    def name(self, attribute: str) -> str:
        """A placeholder for an attribute."""
        placeholder = f"#{len(self.names)}"
        self.names[placeholder] = attribute
        return placeholder

    def value(self, value: Mapping[str, str]) -> str:
        """A placeholder for a value."""
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def expect(self, attribute: str, text: str | None) -> None:
        """The attribute must hold this text, or be absent."""
        name = self.name(attribute)
        if text is None:
            self.conditions.append(f"attribute_not_exists({name})")
        else:
            self.conditions.append(f"{name} = {self.value({'S': text})}")

    def put(self, attribute: str, text: str | None) -> None:
        """Store the text, or take the attribute away."""
        name = self.name(attribute)
        if text is None:
            self.removes.append(name)
        else:
            self.sets.append(f"{name} = {self.value({'S': text})}")

    def number(self, attribute: str, number: float) -> None:
        """Store a number."""
        self.sets.append(f"{self.name(attribute)} = {self.value({'N': str(number)})}")

    def request(self) -> dict[str, Any]:
        """The parameters of UpdateItem."""
        update = [f"SET {', '.join(self.sets)}"] if self.sets else []
        update += [f"REMOVE {', '.join(self.removes)}"] if self.removes else []
        found: dict[str, Any] = {
            "ExpressionAttributeNames": self.names,
            "UpdateExpression": " ".join(update),
        }
        if self.conditions:
            found["ConditionExpression"] = " AND ".join(self.conditions)
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found


@dataclass(frozen=True, slots=True)
class DynamoRunStore:
    """Implements `leeward.engine.ports.RunStore`. `client` is a DynamoDB client."""

    client: Any
    table: str

    def announce(self, info: RunInfo) -> RunInfo:
        """See `RunStore.announce`. By itself what is stored means nothing: no header, no run."""
        key = _key(info.ref, 0, _INFO)
        recent = {DAG_ATTRIBUTE: {"S": info.ref.dag_id}, CREATED_ATTRIBUTE: {"N": str(_milliseconds(info))}}
        try:
            self.client.put_item(
                TableName=self.table,
                Item={**key, **recent, "i": {"S": info_text(info)}},
                ConditionExpression="attribute_not_exists(i)",
            )
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            return self.info(info.ref.dag_id, info.ref.run_id) or info
        return info

    def create(self, info: RunInfo, item: Item, layout: Layout) -> bool:
        """See `RunStore.create`."""
        values = {} if item.header is None else header_values(item.header)
        stored = {name: {"S": text} for name, text in values.items() if text is not None}
        try:
            self.client.put_item(
                TableName=self.table,
                Item={**key_of(info.ref, header_item(layout)), **stored},
                ConditionExpression="attribute_not_exists(hr)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            return _sent_again(error) and header_of(error.response.get("Item", {})) == header_of(stored)
        return True

    def read(self, ref: RunRef, shards: Iterable[int]) -> Mapping[int, Item]:
        """See `RunStore.read`."""
        found: dict[int, Item] = {}
        parts: dict[str, dict[str, int]] = {}
        for shard in shards:
            key = key_of(ref, shard)
            parts.setdefault(key[PARTITION_KEY]["S"], {})[key[SORT_KEY]["S"]] = shard
        for part, names in parts.items():
            rows = {row[SORT_KEY]["S"]: row for row in self._range(part, min(names), max(names))}
            found.update((shard, _item(rows.get(name, {}), shard)) for name, shard in names.items())
        return found

    def read_runs(self, wanted: Mapping[RunRef, Iterable[int]]) -> Mapping[RunRef, Mapping[int, Item]]:
        """See `RunStore.read_runs`. A run's own items cost less by `read`, which pays for their sum."""
        keys = {ref: {shard: key_of(ref, shard) for shard in shards} for ref, shards in wanted.items()}
        rows = self._get([key for found in keys.values() for key in found.values()])
        return {
            ref: {shard: _item(rows.get(_plain(key), {}), shard) for shard, key in found.items()}
            for ref, found in keys.items()
        }

    def _range(self, part: str, first: str, last: str) -> Iterator[Mapping[str, Any]]:
        """The items of one partition between two sort keys, read consistently: a Query pays 4 KB of their sum."""
        if first == last:
            key = {PARTITION_KEY: {"S": part}, SORT_KEY: {"S": first}}
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
            yield from [answer["Item"]] if "Item" in answer else []
            return
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#p = :p AND #s BETWEEN :a AND :b",
            ExpressionAttributeNames={"#p": PARTITION_KEY, "#s": SORT_KEY},
            ExpressionAttributeValues={":p": {"S": part}, ":a": {"S": first}, ":b": {"S": last}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def write(self, ref: RunRef, write: Write) -> Written:
        """See `RunStore.write`."""
        expression = _expression(write)
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=key_of(ref, write.shard),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **expression.request(),
            )
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            image = _exact(_item(error.response.get("Item", {}), write.shard), write)
            return Written(_sent_again(error) and _holds_all(image, write), image)
        return Written(True, _exact(_item(answer["Attributes"], write.shard), write))

    def active(self) -> Sequence[RunInfo]:
        """See `RunStore.active`."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=ACTIVE_INDEX,
            KeyConditionExpression="#a = :a",
            ExpressionAttributeNames={"#a": ACTIVE_ATTRIBUTE},
            ExpressionAttributeValues={":a": {"S": "a"}},
        )
        keys = [{PARTITION_KEY: row[PARTITION_KEY], SORT_KEY: {"S": _INFO}} for page in pages for row in page["Items"]]
        return tuple(info_of(row["i"]["S"]) for row in self._get(keys).values())

    def info(self, dag_id: str, run_id: str) -> RunInfo | None:
        """See `RunStore.info`."""
        return self.named(RunRef(dag_id, run_id, "").key)

    def named(self, key: str) -> RunInfo | None:
        """See `RunStore.named`."""
        place = {PARTITION_KEY: {"S": f"{key}/0"}, SORT_KEY: {"S": _INFO}}
        answer = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True)
        return info_of(answer["Item"]["i"]["S"]) if "Item" in answer else None

    def recent(self, dag_id: str, limit: int) -> Sequence[RunInfo]:
        """See `RunStore.recent`. The index may lag a moment behind."""
        answer = self.client.query(
            TableName=self.table,
            IndexName=RECENT_INDEX,
            KeyConditionExpression="#d = :d",
            ExpressionAttributeNames={"#d": DAG_ATTRIBUTE},
            ExpressionAttributeValues={":d": {"S": dag_id}},
            ScanIndexForward=False,
            Limit=limit,
        )
        return tuple(info_of(row["i"]["S"]) for row in answer["Items"])

    def lag_seconds(self) -> float:
        """See `RunStore.lag_seconds`."""
        return INDEX_LAG_SECONDS

    def near(self, info: RunInfo, limit: int) -> Sequence[RunInfo]:
        """See `RunStore.near`. The index may lag a moment behind. One more is read, as the run itself is among them."""
        created = _milliseconds(info)
        before = self._created(info.ref.dag_id, (0, created), limit + 1, newest=True)
        others = [one for one in before if one.ref != info.ref]
        return (*reversed(others[:limit]), *self._created(info.ref.dag_id, (created + 1, _NEVER), limit, newest=False))

    def _created(self, dag_id: str, between: tuple[int, int], limit: int, *, newest: bool) -> list[RunInfo]:
        """The runs of a DAG that were created between two moments (in milliseconds), the newest first or last."""
        answer = self.client.query(
            TableName=self.table,
            IndexName=RECENT_INDEX,
            KeyConditionExpression="#d = :d AND #c BETWEEN :a AND :b",
            ExpressionAttributeNames={"#d": DAG_ATTRIBUTE, "#c": CREATED_ATTRIBUTE},
            ExpressionAttributeValues={
                ":d": {"S": dag_id},
                ":a": {"N": str(between[0])},
                ":b": {"N": str(between[1])},
            },
            ScanIndexForward=not newest,
            Limit=limit,
        )
        return [info_of(row["i"]["S"]) for row in answer["Items"]]

    def _get(self, keys: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The items of those keys, read consistently, a hundred a request (BatchGetItem's limit)."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        left = list(keys)
        while left:
            request = {self.table: {"Keys": left[:100], "ConsistentRead": True}}
            answer = self.client.batch_get_item(RequestItems=request)
            for item in answer["Responses"][self.table]:
                found[_plain(item)] = item
            left = [*answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", []), *left[100:]]
        return found


def _milliseconds(info: RunInfo) -> int:
    """When a run was created, as the index has it."""
    return round(info.created * 1000)


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _plain(item: Mapping[str, Any]) -> tuple[str, str]:
    return item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]


def _expression(write: Write) -> _Expression:
    found = _Expression()
    for index, entry in write.expect.items():
        found.expect(entry_name(index), None if entry == UNTOUCHED else entry_text(entry))
    if write.epoch is not None:
        name = found.name("e")
        text = f"{name} = {found.value({'N': str(write.epoch)})}"
        found.conditions.append(text if write.epoch else f"(attribute_not_exists({name}) OR {text})")
    if write.expect_header is not None:
        for attribute, value in header_values(write.expect_header).items():
            found.expect(attribute, value)
    for index, entry in write.put.items():
        found.put(entry_name(index), None if entry == UNTOUCHED else entry_text(entry))
    if write.put_header is not None:
        for attribute, value in header_values(write.put_header).items():
            found.put(attribute, value)
    for attribute, number in (("e", write.new_epoch), ("rs", write.resent), ("rn", write.resends)):
        if number is not None:
            found.number(attribute, number)
    return found


def _item(stored: Mapping[str, Any], number: int) -> Item:
    return Item(
        epoch=int(stored["e"]["N"]) if "e" in stored else 0,
        entries=dict(entries_of(stored, number)),
        header=header_of(stored),
        resent=float(stored["rs"]["N"]) if "rs" in stored else None,
        resends=int(stored["rn"]["N"]) if "rn" in stored else 0,
    )


def _sent_again(error: ClientError) -> bool:
    """Whether the client got no answer at first and repeated the request."""
    return bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts"))


def _holds_all(item: Item, write: Write) -> bool:
    """Whether all that was to be written is there.

    A repeated write that finds it so was refused by itself, or lost to one that meant the very same: that both dispatch what
    it owes costs a second message, that neither does, minutes.
    """
    header = write.put_header in (None, item.header)
    epoch = write.new_epoch in (None, item.epoch)
    return header and epoch and all(item.entry(index) == entry for index, entry in write.put.items())


def _exact(item: Item, write: Write) -> Item:
    """The image with the writer's own entries where it holds them, so that what was stored equals what was meant."""
    own: dict[int, Entry] = {
        index: entry
        for index, entry in write.put.items()
        if index in item.entries and entry_text(item.entries[index]) == entry_text(entry)
    }
    return Item(item.epoch, {**item.entries, **own}, item.header, item.resent, item.resends)
