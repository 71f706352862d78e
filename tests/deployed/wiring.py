"""Reads a template as a graph: which resource names which, what a role may do, who wakes whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.deployed.assembly import resources

DAGS_BUCKET = "leeward-dags"
"""How the bucket of DAGs is named where it can't be referred to."""


def named(value: Any) -> set[str]:
    """The logical ids that a value refers to, however deep."""
    if isinstance(value, list):
        return set().union(*map(named, value))
    if not isinstance(value, dict):
        return set()
    if set(value) == {"Ref"}:
        return {value["Ref"]}
    if set(value) == {"Fn::GetAtt"}:
        return {value["Fn::GetAtt"][0]}
    return named(list(value.values()))


def one(value: Any) -> str:
    """The only logical id that a value refers to."""
    (found,) = named(value)
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def functions() -> dict[str, dict[str, Any]]:
    return resources("AWS::Lambda::Function")


def short(function: str) -> str:
    """A function's folder, such as `executor`."""
    handler: str = functions()[function]["Handler"]
    return handler.split(".")[1]


def called(name: str) -> str:
    """The logical id of a function by its folder."""
    (found,) = (function for function in functions() if short(function) == name)
    return found


def statements(function: str) -> Iterator[dict[str, Any]]:
    """Everything that a function's role is granted in the template."""
    role = one(functions()[function]["Role"])
    for policy in resources("AWS::IAM::Policy").values():
        if role in named(policy["Roles"]):
            yield from policy["PolicyDocument"]["Statement"]
    yield from (
        statement
        for policy in resources("AWS::IAM::Role")[role].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    )


def granted(function: str, action: str) -> set[str]:
    """The resources, by logical id, on which a function may do this."""
    found = (row["Resource"] for row in statements(function) if action in listed(row["Action"]))
    return set().union(*map(named, found))


def dead_letters() -> str:
    """The queue behind all others."""
    (found,) = (name for name, queue in resources("AWS::SQS::Queue").items() if "RedrivePolicy" not in queue)
    return found


def readers(queue: str) -> set[str]:
    """The functions that a queue wakes."""
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    return {one(row["FunctionName"]) for row in mappings if queue in named(row["EventSourceArn"])}


def notified() -> dict[str, set[str]]:
    """The functions that each bucket invokes."""
    buckets = resources("AWS::S3::Bucket").items()
    return {
        name: named(row["NotificationConfiguration"]) for name, row in buckets if "NotificationConfiguration" in row
    }


def targets() -> Iterator[dict[str, Any]]:
    """What rules deliver to."""
    for rule in resources("AWS::Events::Rule").values():
        yield from rule["Targets"]


def wakes(function: str) -> set[str]:
    """The functions that may run because this one did: invoked, woken through a queue or by a file in a bucket."""
    queues = granted(function, "sqs:SendMessage")
    found = granted(function, "lambda:InvokeFunction") | set().union(*map(readers, queues))
    for bucket, woken in notified().items():
        if _may_write(function, bucket):
            found |= woken
    return found


def _may_write(function: str, bucket: str) -> bool:
    written = [row for row in statements(function) if "s3:PutObject" in listed(row["Action"])]
    return any(bucket in named(row) or DAGS_BUCKET in str(row) for row in written)


def loops(function: str) -> bool:
    """Whether a run of this function may come back to it."""
    reached: set[str] = set()
    ahead = wakes(function)
    while ahead:
        reached |= ahead
        ahead = set().union(*map(wakes, ahead)) - reached
    return function in reached
