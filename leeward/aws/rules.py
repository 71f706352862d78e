"""The rules and schedules that tick for DAGs, applied as a difference.

A name says it all: our prefix, a hash of the DAG's id, a hash of what the rule is. So the names that exist are the rules
that exist, and none is changed in place. A rule of the bus is free and says what UTC can say; the rest, and what a full bus
has no place for, are schedules of EventBridge Scheduler. Either delivers a tick to the scheduler's queue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from leeward.spec.rules import Rule, utc

_TARGET = "scheduler"


@dataclass(frozen=True, slots=True)
class AwsRules:
    """Implements `leeward.engine.ports.Rules`. The queues and the role, by which schedules send, are ARNs.

    Undeliverable ticks go to `dead_letters`.
    """

    events: Any
    schedules: Any
    prefix: str
    scheduler_queue: str
    dead_letters: str
    role: str

    def apply(self, dag_id: str, rules: Sequence[Rule]) -> None:
        """See `Rules.apply`. What is new is made before what is old goes, so that no tick is lost in between."""
        own = f"{self.prefix}{_hash(dag_id, 12)}-"
        wanted = {f"{own}{_hash(_meaning(rule), 8)}": rule for rule in rules}
        on_bus, scheduled = self._rules(own), self._schedules(own)
        left = {
            name: rule
            for name, rule in wanted.items()
            if not rule.plain or name in scheduled or not self._put_rule(name, dag_id, rule)
        }
        for name in left.keys() - scheduled:
            self._create_schedule(name, dag_id, left[name])
        for name in sorted(on_bus - (wanted.keys() - left.keys())):
            self.events.remove_targets(Rule=name, Ids=[_TARGET])
            self.events.delete_rule(Name=name)
        for name in sorted(scheduled - left.keys()):
            self._delete_schedule(name)

    def _rules(self, own: str) -> set[str]:
        pages = self.events.get_paginator("list_rules").paginate(NamePrefix=own)
        return {row["Name"] for page in pages for row in page["Rules"]}

    def _schedules(self, own: str) -> set[str]:
        pages = self.schedules.get_paginator("list_schedules").paginate(NamePrefix=own)
        return {row["Name"] for page in pages for row in page["Schedules"]}

    def _put_rule(self, name: str, dag_id: str, rule: Rule) -> bool:
        """Make a rule, or mend it if its maker got no further than half; False if the bus is full."""
        try:
            self.events.put_rule(
                Name=name,
                ScheduleExpression=rule.expression,
                State="ENABLED",
                Description=_description(dag_id),
                Tags=[{"Key": "leeward:dag", "Value": dag_id}],
            )
        except self.events.exceptions.LimitExceededException:
            return False
        target = {
            "Id": _TARGET,
            "Arn": self.scheduler_queue,
            "Input": _tick(dag_id),
            "DeadLetterConfig": {"Arn": self.dead_letters},
        }
        self.events.put_targets(Rule=name, Targets=[target])
        return True

    def _create_schedule(self, name: str, dag_id: str, rule: Rule) -> None:
        """Make a schedule, its target with it. One that somebody else has just made is the same."""
        target = {
            "Arn": self.scheduler_queue,
            "RoleArn": self.role,
            "Input": _tick(dag_id),
            "DeadLetterConfig": {"Arn": self.dead_letters},
        }
        dates = {"StartDate": rule.start, "EndDate": rule.end}
        try:
            self.schedules.create_schedule(
                Name=name,
                ScheduleExpression=rule.expression,
                ScheduleExpressionTimezone=rule.timezone or "UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                Description=_description(dag_id),
                Target=target,
                **{key: utc(date) for key, date in dates.items() if date is not None},
            )
        except self.schedules.exceptions.ConflictException:
            return

    def _delete_schedule(self, name: str) -> None:
        try:
            self.schedules.delete_schedule(Name=name)
        except self.schedules.exceptions.ResourceNotFoundException:
            return


def _meaning(rule: Rule) -> str:
    """What a rule is, as text. Rules of the bus have kept their names since there was nothing else."""
    return rule.expression if rule.plain else json.dumps([rule.expression, rule.timezone, rule.start, rule.end])


def _description(dag_id: str) -> str:
    return f"Leeward: ticks of the DAG {dag_id}"


def _tick(dag_id: str) -> str:
    return json.dumps({"tick": dag_id})


def _hash(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]
