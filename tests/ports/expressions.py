"""DynamoDB's expressions, as far as the adapters write them: conditions, key conditions, and updates by SET, REMOVE and ADD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

Item: TypeAlias = Mapping[str, Any]

_TOKEN: Final = re.compile(r"\s*(<=|[(),=<]|[#:]?\w+)")


@cache
def _tokens(text: str) -> tuple[str, ...]:
    found = tuple(_TOKEN.findall(text))
    if "".join(found) != re.sub(r"\s", "", text):
        raise NotImplementedError(text)
    return found


@dataclass
class Expression:
    """One expression of a request, read from left to right against an item. What it can't read is not implemented."""

    text: str
    request: Mapping[str, Any]
    item: Item
    _place: int = 0
    _words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._words = _tokens(self.text)

    def holds(self) -> bool:
        """Whether a condition is met."""
        found = self._any()
        if self._place != len(self._words):
            raise NotImplementedError(self.text)
        return found

    def updated(self) -> dict[str, Any]:
        """The item after an update."""
        after = dict(self.item)
        while self._place < len(self._words):
            clause = self._take()
            while True:
                self._change(clause, after)
                if not self._taken(","):
                    break
        return after

    def _change(self, clause: str, after: dict[str, Any]) -> None:
        name = self._name()
        if clause == "REMOVE":
            after.pop(name, None)
        elif clause == "SET" and self._taken("="):
            after[name] = self._value()
        elif clause == "ADD":
            added = _plain(self._value()) + _plain(after.get(name, {"N": "0"}))
            after[name] = {"N": str(added)}
        else:
            raise NotImplementedError(self.text)

    def _any(self) -> bool:
        found = self._all()
        while self._taken("OR"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._taken("AND"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._taken("("):
            found = self._any()
            self._expect(")")
            return found
        if self._peek() in ("attribute_exists", "attribute_not_exists", "begins_with"):
            return self._function(self._take())
        return self._compared(self.item.get(self._name()))

    def _function(self, name: str) -> bool:
        self._expect("(")
        held = self.item.get(self._name())
        if name != "begins_with":
            self._expect(")")
            return (held is None) is (name == "attribute_not_exists")
        self._expect(",")
        prefix = str(self._value()["S"])
        self._expect(")")
        return held is not None and str(held["S"]).startswith(prefix)

    def _compared(self, held: Mapping[str, str] | None) -> bool:
        operator, other = self._take(), self._value()
        if operator == "BETWEEN":
            self._expect("AND")
            last = self._value()
            return held is not None and _plain(other) <= _plain(held) <= _plain(last)
        if held is None or held.keys() != other.keys():
            return False
        left, right = _plain(held), _plain(other)
        tests: Mapping[str, bool] = {"=": left == right, "<": left < right, "<=": left <= right}
        return tests[operator]

    def _name(self) -> str:
        word = self._take()
        name: str = self.request["ExpressionAttributeNames"][word] if word.startswith("#") else word
        return name

    def _value(self) -> Any:
        return self.request["ExpressionAttributeValues"][self._take()]

    def _peek(self) -> str:
        return self._words[self._place] if self._place < len(self._words) else ""

    def _take(self) -> str:
        self._place += 1
        return self._words[self._place - 1]

    def _taken(self, word: str) -> bool:
        found = self._peek() == word
        self._place += found
        return found

    def _expect(self, word: str) -> None:
        if not self._taken(word):
            raise NotImplementedError(self.text)


def _plain(value: Mapping[str, str]) -> Any:
    (kind, text), *_ = value.items()
    return Decimal(text) if kind == "N" else text
