"""Everything that an account holds between two steps, as values: copied to go back to, compared to be recognised."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from tests.ports.table import Table

MARK: Final = "kkk"
"""What every token begins with."""

Try: TypeAlias = tuple[str, int]
"""A task id and a try number."""


@dataclass(frozen=True, order=True)
class Message:
    """A message in a queue: not to be received before `due`."""

    due: float
    number: int
    queue: str
    body: str
    receives: int = 0


@dataclass(frozen=True, order=True)
class Invocation:
    """A function that is to be invoked directly, with a payload; `failures` counts how often it has failed."""

    due: float
    number: int
    function: str
    payload: str
    failures: int = 0


@dataclass
class State:
    """An account. `sweep_at` is when the next sweep is due, `idle` how many have come since anything else happened.

    `started` counts the starts of each try's body, `polled` the looks at each job,
    `told` the calls of callbacks. `excused` holds the tries that a
    function held when a fault hit it: the only ones that may be lost.
    """

    now: float
    sweep_at: float
    idle: int = 0
    numbers: int = 0
    tokens: int = 0
    table: Table = field(default_factory=Table)
    objects: dict[str, bytes] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    dead: tuple[Message | Invocation, ...] = ()
    started: dict[Try, int] = field(default_factory=dict)
    polled: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[str, int, str], int] = field(default_factory=dict)
    excused: frozenset[Try] = frozenset()

    def copy(self) -> State:
        """The same, apart."""
        return replace(
            self,
            table=Table(dict(self.table.items)),
            objects=dict(self.objects),
            started=dict(self.started),
            polled=dict(self.polled),
            told=dict(self.told),
        )

    def key(self) -> Hashable:
        """Equal for states from which the same follows: numbers only order, and tokens that nobody holds name nothing."""
        items = json.dumps(sorted(self.table.items.items()), sort_keys=True)
        sent = tuple((m.due, m.queue, m.body, m.receives) for m in self.messages)
        asked = tuple((i.due, i.function, i.payload, i.failures) for i in self.invocations)
        held = MARK in items or any(MARK in text for *_, text, _ in (*sent, *asked))
        tokens = self.tokens if held else 0
        times = (self.now, self.sweep_at, self.idle, tokens)
        counts = *(frozenset(c.items()) for c in (self.started, self.polled, self.told)), frozenset(self.objects)
        return (*times, items, sent, asked, *counts, self.dead, self.excused)

    def number(self) -> int:
        """A new number."""
        self.numbers += 1
        return self.numbers

    def send(self, queue: str, body: str, delay: float = 0.0) -> int:
        """Put a message into a queue; its number."""
        message = Message(self.now + delay, self.number(), queue, body)
        self.messages = tuple(sorted((*self.messages, message)))
        return message.number

    def invoke(self, function: str, payload: str) -> None:
        """Have a function invoked."""
        self.later(Invocation(self.now, self.number(), function, payload))

    def later(self, invocation: Invocation) -> None:
        """Have a function invoked when that is due."""
        self.invocations = tuple(sorted((*self.invocations, invocation)))

    def put_back(self, message: Message) -> None:
        """Replace the message of that number, which is still there."""
        self.messages = tuple(sorted(message if m.number == message.number else m for m in self.messages))

    def delete(self, number: int) -> None:
        """Take a message away."""
        self.messages = tuple(m for m in self.messages if m.number != number)
