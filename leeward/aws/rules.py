"""EventBridge rules of DAGs, applied as a difference.

A rule's name says it all: our prefix, a hash of the DAG's id, a hash of what the rule is. So the names that exist are the
rules that exist, and a rule is never changed in place. Every one delivers a tick to the scheduler's queue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from leeward.spec.rules import Rule

_TARGET = "scheduler"


@dataclass(frozen=True, slots=True)
class EventBridgeRules:
    """Implements `leeward.engine.ports.Rules`. The queues are ARNs; undeliverable ticks go to `dead_letters`."""

    events: Any
    prefix: str
    scheduler_queue: str
    dead_letters: str

    def apply(self, dag_id: str, rules: Sequence[Rule]) -> None:
        """See `Rules.apply`. New rules are made before old ones go, so that no tick is lost in between."""
        own = f"{self.prefix}{_hash(dag_id, 12)}-"
        wanted = {f"{own}{_hash(rule.expression, 8)}": rule for rule in rules}
        pages = self.events.get_paginator("list_rules").paginate(NamePrefix=own)
        found = {row["Name"] for page in pages for row in page["Rules"]}
        for name, rule in wanted.items():
            self._put(name, dag_id, rule)
        for name in sorted(found - wanted.keys()):
            self.events.remove_targets(Rule=name, Ids=[_TARGET])
            self.events.delete_rule(Name=name)

    def _put(self, name: str, dag_id: str, rule: Rule) -> None:
        self.events.put_rule(
            Name=name,
            ScheduleExpression=rule.expression,
            State="ENABLED",
            Description=f"Leeward: ticks of the DAG {dag_id}",
            Tags=[{"Key": "leeward:dag", "Value": dag_id}],
        )
        target = {
            "Id": _TARGET,
            "Arn": self.scheduler_queue,
            "Input": json.dumps({"tick": dag_id}),
            "DeadLetterConfig": {"Arn": self.dead_letters},
        }
        self.events.put_targets(Rule=name, Targets=[target])


def _hash(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]
