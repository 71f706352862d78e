"""Nothing is lost silently: every message, invocation and tick that can't be handled ends where somebody is told."""

from __future__ import annotations

import json

import pytest

from leeward import contract
from tests.deployed.assembly import resources
from tests.deployed.wiring import (
    called,
    dead_letters,
    functions,
    granted,
    listed,
    loops,
    named,
    notified,
    one,
    readers,
    short,
    targets,
)


def _asynchronous() -> set[str]:
    """The functions that a bucket, a rule or another function invokes."""
    by_bucket = set().union(*notified().values())
    by_rule = set().union(*(named(target["Arn"]) for target in targets())) & functions().keys()
    by_function = set().union(*(granted(function, "lambda:InvokeFunction") for function in functions()))
    return by_bucket | by_rule | by_function


def test_every_queue_gives_up_to_the_dead_letters_after_the_same_number_of_receives() -> None:
    queues = resources("AWS::SQS::Queue")
    for name in queues.keys() - {dead_letters()}:
        policy = queues[name]["RedrivePolicy"]
        assert (one(policy["deadLetterTargetArn"]), policy["maxReceiveCount"]) == (dead_letters(), contract.RECEIVES)


def test_queue_hides_a_message_six_times_as_long_as_its_readers_may_run() -> None:
    """Lambda asks for that: it may hold a message while it waits for free concurrency."""
    for name, queue in resources("AWS::SQS::Queue").items():
        for reader in readers(name):
            assert queue["VisibilityTimeout"] >= 6 * functions()[reader]["Timeout"], name


def test_every_queue_but_the_dead_letters_has_one_reader() -> None:
    found = {name: len(readers(name)) for name in resources("AWS::SQS::Queue")}
    assert found.pop(dead_letters()) == 0
    assert set(found.values()) == {1}


def test_messages_of_a_batch_fail_alone_and_mappings_are_bounded() -> None:
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 1000


def test_functions_that_are_invoked_asynchronously_are_known() -> None:
    assert {short(function) for function in _asynchronous()} == {"compiler", "executor", "worker"}


@pytest.mark.parametrize(("name", "retries"), [("compiler", 2), ("executor", 2), ("worker", 0)])
def test_asynchronous_invocation_that_fails_is_told(name: str, retries: int) -> None:
    """A worker's is never repeated: a body starts at most once a try. Its end goes where its result would have gone."""
    (config,) = (
        row
        for row in resources("AWS::Lambda::EventInvokeConfig").values()
        if named(row["FunctionName"]) == {called(name)}
    )
    assert config["MaximumRetryAttempts"] == retries
    assert config["MaximumEventAgeInSeconds"] == contract.MAX_EVENT_AGE_SECONDS
    queue = one(config["DestinationConfig"]["OnFailure"]["Destination"])
    assert queue in granted(called(name), "sqs:SendMessage")
    assert queue == dead_letters() or readers(queue) == {called("executor")}


def test_tick_that_can_not_be_delivered_is_a_dead_letter() -> None:
    assert [one(target["DeadLetterConfig"]["Arn"]) for target in targets()] == [dead_letters()] * 2


def test_alarm_goes_off_at_the_first_dead_letter() -> None:
    alarms = [alarm for alarm in resources("AWS::CloudWatch::Alarm").values() if dead_letters() in named(alarm)]
    (alarm,) = alarms
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_service_that_writes_to_a_queue_does_so_for_our_rules_only() -> None:
    """A condition with a wildcard names the account too."""
    found = 0
    for policy in resources("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if "Service" in statement["Principal"]:
                found += 1
                condition = json.dumps(statement["Condition"])
                assert "aws:SourceArn" in condition
                assert "*" not in condition or "aws:SourceAccount" in condition
    assert found >= 2


def test_service_that_invokes_a_function_does_so_for_our_resources_only() -> None:
    """A bucket's ARN has no account in it."""
    for permission in resources("AWS::Lambda::Permission").values():
        assert permission["Principal"].endswith(".amazonaws.com")
        assert "SourceArn" in permission
        assert permission["Principal"] != "s3.amazonaws.com" or "SourceAccount" in permission


def test_recursion_is_allowed_exactly_where_functions_come_back_to_themselves() -> None:
    """Lambda stops a chain of requests at a function's 16th pass; a compiler or a widget has no business in such a chain."""
    allowed = {short(name) for name, row in functions().items() if row["RecursiveLoop"] == "Allow"}
    assert allowed == {short(name) for name in functions() if loops(name)} == {"executor", "scheduler", "worker"}


def test_every_queue_is_encrypted_and_refuses_plain_http() -> None:
    policies = [
        (set().union(*map(named, row["Queues"])), row["PolicyDocument"]["Statement"])
        for row in resources("AWS::SQS::QueuePolicy").values()
    ]
    for name, queue in resources("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"]
        denied = [row for names, rows in policies for row in rows if name in names and row["Effect"] == "Deny"]
        assert [row["Condition"] for row in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
        assert all(listed(row["Action"]) == ["sqs:*"] for row in denied)
