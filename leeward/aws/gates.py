"""Gates in the state table: one item each, whose slots, tokens and waiters are written together, conditionally.

The tokens and the number of slots that they use lie in one item, so that they can't part. What needs slots of several gates
takes them in one transaction, so that nothing is ever held while something else is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from leeward.contract import PARTITION_KEY, SORT_KEY
from leeward.core.gates import Gate, GateWrite, Hold, Taken, Waiter

_HOLD: Final = "h"
_WAITER: Final = "w"
_USED: Final = "u"
_REFUSALS: Final = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)
_LOST: Final = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})
"""Why an item may have cancelled a transaction that is to be judged anew."""


@dataclass(frozen=True, slots=True)
class DynamoGates:
    """Implements `leeward.engine.ports.Gates`. `client` is a DynamoDB client."""

    client: Any
    table: str

    def read(self, gates: Iterable[Gate]) -> Mapping[Gate, Taken]:
        """See `Gates.read`. A hundred gates a request (BatchGetItem's limit)."""
        wanted = list(gates)
        found: dict[str, Mapping[str, Any]] = {}
        left = [_key(gate) for gate in wanted]
        while left:
            request = {self.table: {"Keys": left[:100], "ConsistentRead": True}}
            answer = self.client.batch_get_item(RequestItems=request)
            found.update((item[PARTITION_KEY]["S"], item) for item in answer["Responses"][self.table])
            left = [*answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", []), *left[100:]]
        return {gate: _taken(found.get(_name(gate), {})) for gate in wanted}

    def write(self, writes: Sequence[GateWrite]) -> Mapping[Gate, Taken] | None:
        """See `Gates.write`. One gate is one UpdateItem; several are a transaction, which costs twice as much and a read."""
        try:
            if len(writes) == 1:
                answer = self.client.update_item(ReturnValues="ALL_NEW", **self._update(writes[0]))
                return {writes[0].gate: _taken(answer["Attributes"])}
            self.client.transact_write_items(TransactItems=[{"Update": self._update(write)} for write in writes])
        except ClientError as error:
            if not _refused(error):
                raise
            return None
        return self.read([write.gate for write in writes])

    def _update(self, write: GateWrite) -> dict[str, Any]:
        names: dict[str, str] = {}
        values: dict[str, Any] = {}

        def name(attribute: str) -> str:
            names[f"#{len(names)}"] = attribute
            return f"#{len(names) - 1}"

        def value(kind: str, of: object) -> str:
            values[f":{len(values)}"] = {kind: str(of)}
            return f":{len(values) - 1}"

        conditions = [f"attribute_exists({name(_HOLD + token)})" for token in sorted(write.held)]
        for attribute, text in _texts(write.expect, write.expect_waiters).items():
            there = name(attribute)
            conditions.append(f"attribute_not_exists({there})" if text is None else f"{there} = {value('S', text)}")
        used = name(_USED)
        if write.size is not None:
            room = f"{used} <= {value('N', write.size - write.change)}"
            conditions.append(f"(attribute_not_exists({used}) OR {room})" if write.change <= write.size else room)
        if write.used is not None:
            same = f"{used} = {value('N', write.used)}"
            conditions.append(same if write.used else f"(attribute_not_exists({used}) OR {same})")
        put = _texts(write.put, write.put_waiters)
        sets = [f"{name(attribute)} = {value('S', text)}" for attribute, text in put.items() if text is not None]
        gone = [name(attribute) for attribute, text in put.items() if text is None]
        update = [f"ADD {used} {value('N', write.change)}"]
        update += [f"SET {', '.join(sets)}"] if sets else []
        update += [f"REMOVE {', '.join(gone)}"] if gone else []
        return {
            "TableName": self.table,
            "Key": _key(write.gate),
            "UpdateExpression": " ".join(update),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            **({"ConditionExpression": " AND ".join(conditions)} if conditions else {}),
        }


def _refused(error: ClientError) -> bool:
    """Whether a condition did not hold, or somebody wrote at the same time; anything else is an outage."""
    reasons = {str(reason.get("Code")) for reason in error.response.get("CancellationReasons", ())}
    return str(error.response["Error"]["Code"]) in _REFUSALS and reasons <= _LOST


def _name(gate: Gate) -> str:
    return f"gate/{gate.limit}/{gate.name}"


def _key(gate: Gate) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": _name(gate)}, SORT_KEY: {"S": "g"}}


def _texts(holds: Mapping[str, Hold | None], waiters: Mapping[str, Waiter | None]) -> dict[str, str | None]:
    """The attributes of holds and waiters; None for one that is to be absent."""
    found = {_HOLD + token: None if hold is None else f"{hold.count}.{hold.epoch}" for token, hold in holds.items()}
    return found | {_WAITER + run: None if each is None else _waiter_text(each) for run, each in waiters.items()}


def _waiter_text(waiter: Waiter) -> str:
    weight, due, run = waiter.rank
    return f"{waiter.count} {weight} {run} {due}"


def _taken(item: Mapping[str, Any]) -> Taken:
    texts = {name: value["S"] for name, value in item.items() if "S" in value and name not in (PARTITION_KEY, SORT_KEY)}
    return Taken(
        int(item[_USED]["N"]) if _USED in item else 0,
        {name[1:]: Hold(*map(int, text.split("."))) for name, text in texts.items() if name[0] == _HOLD},
        {name[1:]: _waiter_of(text) for name, text in texts.items() if name[0] == _WAITER},
    )


def _waiter_of(text: str) -> Waiter:
    count, weight, run, due = text.split(" ", 3)
    return Waiter((int(weight), due, run), int(count))
