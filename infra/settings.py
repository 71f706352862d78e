"""What a deployment may choose: the context of cdk.json, or `-c name=value`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment.

    `platform` is the functions' architecture and runtime as one value, `arm64/python3.13`. `concurrency` bounds how many
    executors the queue may wake at once, and how many a wide fan invokes. `worker_memory` is in MB. `task_policies` are the
    names or ARNs of managed policies that tasks get; `alarm_email` is told when a message could not be handled. `pools`
    holds how many slots each pool of tasks has, by name.
    """

    stack: str
    platform: str
    concurrency: int
    worker_memory: int
    task_policies: tuple[str, ...]
    alarm_email: str
    dashboard: bool
    pools: Mapping[str, int] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """`arm64` or `x86_64`."""
        return self.platform.partition("/")[0]

    @property
    def python(self) -> str:
        """The version of Python, such as `3.13`."""
        return self.platform.partition("/python")[2]


def settings_of(look: Callable[[str], Any]) -> Settings:
    """The settings in a context, given what looks a name up in it. Raises ValueError for a value that makes no sense."""
    return Settings(
        stack=_text(
            "stack", look, "Leeward", r"[A-Za-z][A-Za-z0-9-]{0,127}", "write a letter, then letters, digits, -"
        ),
        platform=_text(
            "platform",
            look,
            "arm64/python3.13",
            r"(arm64|x86_64)/python3\.\d+",
            "write arm64/python3.13 or x86_64/python3.13",
        ),
        concurrency=_number("concurrency", look("concurrency"), 200, 2, 1000),
        worker_memory=_number("worker_memory", look("worker_memory"), 1024, 128, 10240),
        task_policies=_names(look("task_policies")),
        alarm_email=_text("alarm_email", look, "", r"(\S+@\S+)?", "write an address, or nothing"),
        dashboard=_switch("dashboard", look("dashboard"), default=True),
        pools=_pools(look("pools")),
    )


def _text(name: str, look: Callable[[str], Any], default: str, pattern: str, hint: str) -> str:
    value = str(look(name) or default)
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{name} {value!r}: {hint}")
    return value


def _number(name: str, value: Any, default: int, low: int, high: int) -> int:
    text = str(default if value is None else value)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(f"{name} {text!r}: write a whole number from {low} to {high}")
    return int(text)


def _switch(name: str, value: Any, *, default: bool) -> bool:
    text = str(default if value is None else value).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{name} {text!r}: write true or false")
    return text == "true"


def _pools(value: Any) -> dict[str, int]:
    """An object of slots by name, as cdk.json has it, or `name=slots` with commas between, as the command line has it."""
    pairs = _pairs(value)
    if pairs is None or not all(name for name, _ in pairs):
        raise ValueError(f"pools {value!r}: write an object of slots by name, or name=slots with commas between")
    return {name: _number(f"pools: {name}", slots, 0, 1, 10_000) for name, slots in pairs}


def _pairs(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, str):
        parted = (part.partition("=") for part in _names(value))
        return [(name, slots) for name, _, slots in parted]
    return list(value.items()) if isinstance(value, Mapping) else None if value else []


def _names(value: Any) -> tuple[str, ...]:
    """A list, as cdk.json has it, or names with commas between them, as the command line has it."""
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(name for name in (str(part).strip() for part in parts) if name)
