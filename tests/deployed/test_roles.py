"""Who may do what: a role a function, no wildcard that was not reviewed, user code kept away from the state."""

from __future__ import annotations

from collections.abc import Iterator

from leeward.aws.spec_store import DROPS, LIVE
from tests.deployed.assembly import resources
from tests.deployed.wiring import called, functions, listed, named, one, short, statements

REVIEWED = {
    "cloudwatch:GetMetricStatistics": "CloudWatch's reads of metrics know no resources",
    "events:ListRules": "the action that finds rules by prefix knows no resources",
    "scheduler:ListSchedules": "the action that finds schedules by prefix knows no resources",
}
"""Actions that are granted on every resource, because IAM knows no narrower grant of them."""


def _all() -> Iterator[tuple[str, list[str], list[object]]]:
    for function in functions():
        for row in statements(function):
            assert row["Effect"] == "Allow"
            yield short(function), listed(row["Action"]), listed(row["Resource"])


def test_no_two_functions_share_a_role() -> None:
    roles = [one(function["Role"]) for function in functions().values()]
    assert len(set(roles)) == len(roles)
    assert set(roles) | {_ticks()} == set(resources("AWS::IAM::Role"))


def test_no_role_may_do_whatever_it_likes() -> None:
    assert [(name, actions) for name, actions, _ in _all() if "*" in "".join(actions)] == []


def test_grants_on_every_resource_are_reviewed_ones() -> None:
    wide = {action for _, actions, found in _all() if "*" in found for action in actions}
    assert wide == REVIEWED.keys()


def test_no_role_has_a_managed_policy_unless_a_deployment_says_so() -> None:
    assert [role for role in resources("AWS::IAM::Role").values() if "ManagedPolicyArns" in role] == []


def test_user_code_reaches_its_log_and_the_queue_of_results_and_no_other_resource() -> None:
    worker = functions()[called("worker")]
    (queue,) = named(worker["Environment"])
    reached = set().union(*(named(row["Resource"]) for row in statements(called("worker"))))
    assert reached - {"AWS::Partition", "AWS::Region", "AWS::AccountId"} == {one(worker["LoggingConfig"]), queue}
    actions = {action for row in statements(called("worker")) for action in listed(row["Action"])}
    assert {action.partition(":")[0] for action in actions} == {"logs", "secretsmanager", "sqs"}
    assert "sqs:ReceiveMessage" not in actions


def test_only_who_calls_for_tasks_and_callbacks_takes_on_the_role_of_tasks() -> None:
    callers = {one(functions()[called(name)]["Role"]) for name in ("executor", "scheduler")}
    for function in functions().values():
        role = one(function["Role"])
        (trust,) = resources("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
        others = named(trust["Principal"].get("AWS", []))
        expected = callers if function is functions()[called("worker")] else set()
        assert (trust["Principal"]["Service"], others) == ("lambda.amazonaws.com", expected)


def _ticks() -> str:
    """The role of EventBridge Scheduler."""
    (row,) = (row for row in statements(called("compiler")) if "iam:PassRole" in listed(row["Action"]))
    assert row["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return one(row["Resource"])


def test_schedules_of_our_names_send_ticks_and_may_do_nothing_else() -> None:
    (trust,) = resources("AWS::IAM::Role")[_ticks()]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert "schedule/default/Leeward-*" in str(trust["Condition"]["ArnLike"]["aws:SourceArn"])
    assert "aws:SourceAccount" in trust["Condition"]["StringEquals"]
    policies = resources("AWS::IAM::Policy").values()
    (policy,) = (policy for policy in policies if _ticks() in named(policy["Roles"]))
    (row,) = policy["PolicyDocument"]["Statement"]
    assert row["Action"] == "sqs:SendMessage"
    assert len(named(row["Resource"])) == 2
    (made,) = (row for row in statements(called("compiler")) if "scheduler:CreateSchedule" in listed(row["Action"]))
    assert "schedule/default/Leeward-*" in str(made["Resource"])


def test_compiler_sees_dags_and_drops_and_no_runs() -> None:
    (row,) = (row for row in statements(called("compiler")) if "dynamodb:PutItem" in listed(row["Action"]))
    assert row["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [LIVE, DROPS]}}


def test_dashboard_only_reads() -> None:
    actions = {action for name, actions, _ in _all() if name == "dashboard" for action in actions}
    read = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject"}
    assert actions <= read | {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_whoever_takes_slots_may_do_what_the_store_of_gates_asks_for() -> None:
    """What a transaction does to an item needs the action of that write, as IAM has none for transactions."""
    needed = {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"}
    for name in ("executor", "scheduler"):
        rows = [row for row in statements(called(name)) if needed <= set(listed(row["Action"]))]
        assert [row.get("Condition") for row in rows] == [None], name
