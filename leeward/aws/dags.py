"""Compiled DAGs as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from leeward.core.dag import (
    Callback,
    CallbackEvent,
    Callbacks,
    Dag,
    DeadlineAlert,
    DeadlineReference,
    Expansion,
    RetryAction,
    RetryPolicy,
    RetryRule,
    SkipScope,
    Task,
    TaskGroup,
    TriggerRule,
)


def dag_text(dag: Dag) -> str:
    """A DAG as JSON text; equal DAGs have equal texts."""
    return json.dumps(asdict(dag), sort_keys=True, separators=(",", ":"))


def dag_of(text: str) -> Dag:
    """The DAG that a text says."""
    found: dict[str, Any] = json.loads(text)
    tasks = tuple(_task(row) for row in found.pop("tasks"))
    groups = tuple(TaskGroup(**{**row, "expand": _expansion(row.get("expand"))}) for row in found.pop("groups"))
    tags, folders = tuple(found.pop("tags")), tuple(found.pop("template_searchpath", ()))
    special: dict[str, Any] = {
        "template_searchpath": folders,
        "callbacks": _callbacks(found.pop("callbacks", {})),
        "deadlines": tuple(map(_deadline, found.pop("deadlines", ()))),
    }
    return Dag(**{**found, **special, "tasks": tasks, "groups": groups, "tags": tags})


def _task(row: Mapping[str, Any]) -> Task:
    special = {
        "upstream": tuple(row["upstream"]),
        "trigger_rule": TriggerRule(row["trigger_rule"]),
        "retry": _retry(row["retry"]),
        "skip_scope": SkipScope(row["skip_scope"]),
        "callbacks": _callbacks(row.get("callbacks", {})),
        "expand": _expansion(row.get("expand")),
    }
    return Task(**{**row, **special})


def _retry(row: Mapping[str, Any]) -> RetryPolicy:
    rules = tuple(
        RetryRule(**{**rule, "exceptions": tuple(rule["exceptions"]), "action": RetryAction(rule["action"])})
        for rule in row.get("rules", ())
    )
    return RetryPolicy(**{**row, "rules": rules, "otherwise": RetryAction(row.get("otherwise", RetryAction.DEFAULT))})


def _callbacks(rows: Mapping[str, Any]) -> Callbacks:
    return {CallbackEvent(event): tuple(Callback(**callback) for callback in found) for event, found in rows.items()}


def _deadline(row: Mapping[str, Any]) -> DeadlineAlert:
    special = {"reference": DeadlineReference(row["reference"]), "callback": Callback(**row["callback"])}
    return DeadlineAlert(**{**row, **special})


def _expansion(row: Mapping[str, Any] | None) -> Expansion | None:
    if row is None:
        return None
    return Expansion(tuple((name, source) for name, source in row["inputs"]), row["kwargs"])
