"""What a deployment may choose: the context of cdk.json, or `-c name=value`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from constructs import Node


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment.

    `platform` is the functions' architecture and runtime as one value, `arm64/python3.13`. `concurrency` bounds how many
    executors the queue may wake at once, and how many a wide fan invokes. `worker_memory` is in MB. `task_policies` are the
    names or ARNs of managed policies that tasks get; `alarm_email` is told when a message could not be handled.
    """

    stack: str
    platform: str
    concurrency: int
    worker_memory: int
    task_policies: tuple[str, ...]
    alarm_email: str
    dashboard: bool

    @property
    def architecture(self) -> str:
        """`arm64` or `x86_64`."""
        return self.platform.partition("/")[0]

    @property
    def python(self) -> str:
        """The version of Python, such as `3.13`."""
        return self.platform.partition("/python")[2]


def settings_of(node: Node) -> Settings:
    """The settings in a construct tree's context. Raises ValueError for a value that makes no sense."""
    found: dict[str, Any] = {name: node.try_get_context(name) for name in Settings.__dataclass_fields__}
    policies = found["task_policies"] or []
    if isinstance(policies, str):
        policies = [part.strip() for part in policies.split(",") if part.strip()]
    settings = Settings(
        stack=str(found["stack"] or "Leeward"),
        platform=str(found["platform"] or "arm64/python3.13"),
        concurrency=_number("concurrency", found["concurrency"], 200, 2, 1000),
        worker_memory=_number("worker_memory", found["worker_memory"], 1024, 128, 10240),
        task_policies=tuple(map(str, policies)),
        alarm_email=str(found["alarm_email"] or ""),
        dashboard=json.loads(str(found["dashboard"]).lower()) if found["dashboard"] is not None else True,
    )
    if settings.architecture not in ("arm64", "x86_64") or not settings.python:
        raise ValueError(f"platform {settings.platform!r}: write arm64/python3.13 or x86_64/python3.13")
    return settings


def _number(name: str, value: Any, default: int, low: int, high: int) -> int:
    number = default if value is None else int(value)
    if not low <= number <= high:
        raise ValueError(f"{name} {number}: must be from {low} to {high}")
    return number
