"""What a task is told, as Airflow shows it: objects with attributes, and the context that holds them.

Both hold plain values and values that are made only when they are asked for: dates, which need pendulum, and answers that
cost a request. Nothing is on them but what is listed, so that a template reaches nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, Self

from leeward.core.errors import TaskError

Make = Callable[[], Any]


class Known:
    """An object such as `dag` or `task`: named values, and a text that stands for it. It can't be changed."""

    __slots__ = ("_made", "_makers", "_text", "_values")

    def __init__(self, text: str, values: Mapping[str, Any], makers: Mapping[str, Make] | None = None) -> None:
        made: dict[str, Any] = {}
        for slot, value in (("_text", text), ("_values", values), ("_makers", makers or {}), ("_made", made)):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self._makers:
            raise AttributeError(f"{self._text} has no attribute {name!r}")
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{self._text} can't be changed")

    def __repr__(self) -> str:
        return str(self._text)


class Member(str):
    """A member of one of Airflow's enumerations: it equals its value, and prints as `TriggerRule.ALL_SUCCESS`."""

    __slots__ = ("_kind",)
    _kind: str

    def __new__(cls, kind: str, value: str) -> Self:
        """The member with that value."""
        made = super().__new__(cls, value)
        made._kind = kind
        return made

    @property
    def value(self) -> str:
        """The plain text."""
        return self[:]

    @property
    def name(self) -> str:
        """The member's name."""
        return self.upper()

    def __str__(self) -> str:
        return f"{self._kind}.{self.name}"


class Context(MutableMapping[str, Any]):
    """The context of a task, a mapping by Airflow's names."""

    def __init__(self, values: Mapping[str, Any], makers: Mapping[str, Make]) -> None:
        self._values, self._makers = dict(values), dict(makers)

    def __getitem__(self, name: str) -> Any:
        if name not in self._values and name in self._makers:
            self._values[name] = self._makers[name]()
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self._makers.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._values or name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter({**self._makers, **self._values})

    def __len__(self) -> int:
        return len({**self._makers, **self._values})

    def copy(self) -> Context:
        """Another context with the same names, as of a dict."""
        return Context(self._values, self._makers)


def absent(name: str, needs: str) -> Make:
    """A maker of a name that can't exist here: it raises TaskError LW411, which says what it would need."""

    def make() -> NoReturn:
        raise TaskError("LW411", f"{name} is not known here: it needs {needs}", retryable=True)

    return make
