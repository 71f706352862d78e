"""A parsed YAML document that remembers where each part stands, and the mistakes found in it.

Nodes are immutable. Merging (`default:` blocks, defaults files) keeps the mark of the part that won, so that a message
always points at the line to change.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file. `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Plain: TypeAlias = None | bool | int | float | str | datetime.date | datetime.datetime
"""What a YAML scalar can be here: YAML 1.2 core types, and dates as PyYAML reads them."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. `text` is what stands in the file (after the expansion of variables)."""

    value: Plain
    mark: Mark
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with text keys; `key_marks` holds where each key stands."""

    items: Mapping[str, Node]
    mark: Mark
    key_marks: Mapping[str, Mark] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return self.items.get(key)

    def key_mark(self, key: str) -> Mark:
        """Where a key stands."""
        return self.key_marks.get(key, self.mark)


Node: TypeAlias = "Scalar | Listing | Table"
