"""Rules and schedules that tick for DAGs: what the twin does, the adapter does too, on the bus and in EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from leeward.aws.messages import message_of
from leeward.aws.rules import AwsRules
from leeward.engine.hints import Tick
from leeward.engine.ports import Rules
from leeward.local.spec_store import MemoryRules
from leeward.spec.rules import Rule
from tests.ports.stores import locked_moto

QUEUE = "arn:aws:sqs:us-east-1:123456789012:scheduler"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
ROLE = "arn:aws:iam::123456789012:role/ticks"
HOURLY, DAILY = Rule("cron(0 * * * ? *)"), Rule("cron(0 0 * * ? *)")
BERLIN = Rule("cron(0 0 * * ? *)", "Europe/Berlin")
ENDING = Rule("cron(0 0 * * ? *)", end="2099-01-01T00:01:00+00:00")
RATE = Rule("rate(5 minutes)", start="2098-01-01T00:00:17+00:00")


@dataclass(frozen=True)
class Found:
    """The port, and what stands behind it."""

    rules: Rules
    standing: Callable[[], list[Rule]]
    events: Any = None
    schedules: Any = None


@pytest.fixture(params=["memory", "aws"])
def found(request: pytest.FixtureRequest) -> Iterator[Found]:
    if request.param == "memory":
        twin = MemoryRules()
        yield Found(twin, lambda: [rule for each in twin.rules.values() for rule in each])
        return
    with locked_moto():
        yield _on_aws()


@pytest.fixture
def aws() -> Iterator[Found]:
    with locked_moto():
        yield _on_aws()


def _on_aws() -> Found:
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    events, schedules = session.client("events"), session.client("scheduler")

    def standing() -> list[Rule]:
        on_bus = [Rule(row["ScheduleExpression"]) for row in events.list_rules()["Rules"]]
        names = [row["Name"] for row in schedules.list_schedules()["Schedules"]]
        return on_bus + [_as_rule(schedules.get_schedule(Name=name)) for name in names]

    return Found(AwsRules(events, schedules, "Leeward-", QUEUE, DEAD, ROLE), standing, events, schedules)


def _as_rule(row: Any) -> Rule:
    zone = row["ScheduleExpressionTimezone"]
    start, end = (_date(row.get(name)) for name in ("StartDate", "EndDate"))
    return Rule(row["ScheduleExpression"], None if zone == "UTC" else zone, start, end)


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _same(standing: list[Rule], *wanted: Rule) -> bool:
    return sorted(map(repr, standing)) == sorted(map(repr, wanted))


@pytest.mark.parametrize(("one", "other"), [(HOURLY, DAILY), (BERLIN, ENDING), (DAILY, BERLIN), (RATE, HOURLY)])
def test_rules_of_a_dag_become_those_that_are_wanted_and_no_others(found: Found, one: Rule, other: Rule) -> None:
    found.rules.apply("a", [one, other])
    found.rules.apply("b", [other])
    assert _same(found.standing(), one, other, other)
    found.rules.apply("a", [other])
    found.rules.apply("a", [other])
    assert _same(found.standing(), other, other)
    found.rules.apply("a", [])
    found.rules.apply("never", [])
    assert _same(found.standing(), other)
    found.rules.apply("b", [])
    assert found.standing() == []


def test_rule_and_schedule_deliver_the_same_tick(aws: Found) -> None:
    aws.rules.apply("a", [DAILY, BERLIN])
    (rule,) = aws.events.list_rules()["Rules"]
    (target,) = aws.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    (row,) = aws.schedules.list_schedules()["Schedules"]
    other = aws.schedules.get_schedule(Name=row["Name"])["Target"]
    for each in (target, other):
        assert (each["Arn"], each["DeadLetterConfig"]) == (QUEUE, {"Arn": DEAD})
        assert message_of(each["Input"]) == Tick("a")
    assert other["RoleArn"] == ROLE
    assert rule["Name"].startswith("Leeward-")
    assert row["Name"].startswith("Leeward-")
    assert len(rule["Name"]) == len(row["Name"]) == len("Leeward-") + 21


def test_what_a_full_bus_has_no_place_for_is_a_schedule_and_stays_one(aws: Found) -> None:
    aws.rules.apply("early", [DAILY])
    aws.events.meta.events.register("before-call.events.PutRule", lambda **_: (_Refused(), _limit()))
    aws.rules.apply("late", [HOURLY, BERLIN])
    assert len(aws.events.list_rules()["Rules"]) == 1
    assert _same(aws.standing(), DAILY, HOURLY, BERLIN)
    aws.rules.apply("late", [HOURLY])
    assert _same(aws.standing(), DAILY, HOURLY)
    aws.rules.apply("late", [])
    assert _same(aws.standing(), DAILY)


class _Refused:
    status_code = 400
    headers: dict[str, str] = {}  # noqa: RUF012 - an answer of HTTP


def _limit() -> dict[str, Any]:
    return {"Error": {"Code": "LimitExceededException", "Message": "The bus is full."}, "ResponseMetadata": {}}


def test_schedule_that_somebody_else_has_just_made_or_removed_is_no_mistake(aws: Found) -> None:
    aws.rules.apply("a", [BERLIN])
    (row,) = aws.schedules.list_schedules()["Schedules"]
    aws.schedules.meta.events.register("after-call.scheduler.ListSchedules", _unseen)
    aws.rules.apply("a", [BERLIN])
    aws.schedules.meta.events.unregister("after-call.scheduler.ListSchedules", _unseen)
    assert _same(aws.standing(), BERLIN)
    aws.schedules.meta.events.register(
        "after-call.scheduler.ListSchedules", lambda parsed, **_: _gone(parsed, row["Name"])
    )
    aws.rules.apply("b", [])


def _unseen(parsed: Any, **_: Any) -> None:
    parsed["Schedules"] = []


def _gone(parsed: Any, name: str) -> None:
    parsed["Schedules"] = [{"Name": f"{name}-gone"}]


def test_half_made_rule_is_mended(aws: Found) -> None:
    aws.rules.apply("a", [DAILY])
    (rule,) = aws.events.list_rules()["Rules"]
    aws.events.remove_targets(Rule=rule["Name"], Ids=["scheduler"])
    aws.rules.apply("a", [DAILY])
    assert len(aws.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]) == 1
