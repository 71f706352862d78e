"""The template as a whole: one for both architectures, accepted by CloudFormation, changed by its settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api

from infra.settings import Settings, settings_of
from leeward.contract import ENV_POOLS
from tests.deployed.assembly import resources, synthesized, template
from tests.deployed.wiring import functions, named, one, short

ROOT = Path(__file__).parents[2]
IGNORED = {"W3005"}
"""CDK writes a DependsOn for each role and its policies, also where a reference to the role implies it."""
CHOSEN = {
    "stack": "Nightly",
    "concurrency": "7",
    "worker_memory": 2048,
    "task_policies": "AmazonS3ReadOnlyAccess, arn:aws:iam::111122223333:policy/Tasks",
    "alarm_email": "ops@example.com",
    "dashboard": "false",
    "pools": "narrow=1, etl=4",
}


def _without_platform(value: Any, taken: list[Any]) -> Any:
    """A template without architectures and the asset's hash, which go to `taken`."""
    if isinstance(value, list):
        return [_without_platform(each, taken) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, each in value.items():
        if name == "Architectures" or (name == "S3Key" and isinstance(each, str)):
            taken.append(each)
        else:
            kept[name] = _without_platform(each, taken)
    return kept


def test_architectures_differ_in_their_name_and_their_code_alone() -> None:
    taken: dict[str, list[Any]] = {"arm64": [], "x86_64": []}
    rest = [_without_platform(template(name), found) for name, found in taken.items()]
    assert rest[0] == rest[1]
    assert len(taken["arm64"]) == len(taken["x86_64"]) == 2 * len(functions())
    assert all(arm != x86 for arm, x86 in zip(taken["arm64"], taken["x86_64"], strict=True))


def test_cloudformation_would_take_the_template() -> None:
    found = api.lint(json.dumps(template()), regions=["us-east-1"])
    assert [str(match) for match in found if match.rule.id not in IGNORED] == []


def test_every_function_has_a_log_that_ends_and_holds_json_without_lambdas_own_lines() -> None:
    logs = resources("AWS::Logs::LogGroup")
    for function in functions().values():
        config = function["LoggingConfig"]
        assert logs[one(config["LogGroup"])]["RetentionInDays"] == 30
        assert (config["LogFormat"], config["SystemLogLevel"]) == ("JSON", "WARN")
    assert len(logs) == len(functions())


def test_buckets_are_private_take_tls_only_and_outlive_the_stack() -> None:
    policies = resources("AWS::S3::BucketPolicy").values()
    for name, bucket in resources("AWS::S3::Bucket").items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert template()["Resources"][name]["DeletionPolicy"] == "Retain"
        (policy,) = (row["PolicyDocument"]["Statement"] for row in policies if named(row["Bucket"]) == {name})
        assert {"Bool": {"aws:SecureTransport": "false"}} in [row["Condition"] for row in policy]


def test_bucket_of_dags_keeps_old_versions_for_a_while() -> None:
    (bucket,) = (row for row in resources("AWS::S3::Bucket").values() if "NotificationConfiguration" in row)
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LifecycleConfiguration"]["Rules"][0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


def test_settings_show_in_the_template() -> None:
    path = synthesized(**CHOSEN) / "Nightly.template.json"
    found = json.loads(path.read_text())["Resources"].values()
    by_kind: dict[str, list[Any]] = {}
    for row in found:
        by_kind.setdefault(row["Type"], []).append(row.get("Properties", {}))
    functions = {row["Handler"].split(".")[1]: row for row in by_kind["AWS::Lambda::Function"]}
    assert functions["worker"]["MemorySize"] == 2048
    assert functions["executor"]["Environment"]["Variables"]["LEEWARD_FAN_LIMIT"] == "7"
    assert functions["compiler"]["Environment"]["Variables"]["LEEWARD_RULE_PREFIX"] == "Nightly-"
    known = {functions[name]["Environment"]["Variables"][ENV_POOLS] for name in ("compiler", "scheduler", "executor")}
    assert known == {'{"etl": 4, "narrow": 1}'}
    bounds = [row["ScalingConfig"]["MaximumConcurrency"] for row in by_kind["AWS::Lambda::EventSourceMapping"]]
    assert bounds.count(7) == 2
    (role,) = (row for row in by_kind["AWS::IAM::Role"] if "ManagedPolicyArns" in row)
    assert "AmazonS3ReadOnlyAccess" in str(role)
    assert "arn:aws:iam::111122223333:policy/Tasks" in role["ManagedPolicyArns"]
    assert by_kind["AWS::SNS::Subscription"][0]["Endpoint"] == "ops@example.com"
    assert all("AlarmActions" in row for row in by_kind["AWS::CloudWatch::Alarm"])
    assert "AWS::CloudWatch::Dashboard" not in by_kind


def test_dashboard_and_its_function_are_there_by_default() -> None:
    assert len(resources("AWS::CloudWatch::Dashboard")) == 1
    assert "dashboard" in map(short, functions())


def _settings(**chosen: Any) -> Settings:
    return settings_of(chosen.get)


def test_settings_of_the_project_are_the_defaults() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert settings_of(context.get) == _settings()


def test_every_setting_has_a_row_with_its_default_on_the_page() -> None:
    rows = [line.split(" | ") for line in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").splitlines()]
    shown = {row[0].removeprefix("| "): row[1] for row in rows if len(row) > 2}
    for name, value in asdict(_settings()).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        assert shown[f"`{name}`"] == (f"`{text}`" if value else "none"), name


def test_alarm_points_at_a_paragraph_of_the_runbook() -> None:
    (alarm,) = resources("AWS::CloudWatch::Alarm").values()
    paragraph = alarm["AlarmDescription"].split("'")[1]
    assert f"## {paragraph}\n" in (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def test_values_of_the_command_line_mean_the_same_as_those_of_the_file() -> None:
    typed = _settings(concurrency="7", worker_memory="512", task_policies="A,B", dashboard="false", pools="a=1, b=20")
    pools = {"a": 1, "b": 20}
    assert typed == _settings(concurrency=7, worker_memory=512, task_policies=["A", "B"], dashboard=False, pools=pools)
    assert (typed.architecture, typed.python) == ("arm64", "3.13")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"stack": "my stack"}, "stack 'my stack': write a letter, then letters, digits, -"),
        ({"platform": "riscv"}, "platform 'riscv': write arm64/python3.13 or x86_64/python3.13"),
        ({"platform": "arm64"}, "platform 'arm64': write arm64/python3.13 or x86_64/python3.13"),
        ({"concurrency": 1}, "concurrency '1': write a whole number from 2 to 1000"),
        ({"concurrency": "many"}, "concurrency 'many': write a whole number from 2 to 1000"),
        ({"worker_memory": 20000}, "worker_memory '20000': write a whole number from 128 to 10240"),
        ({"alarm_email": "me"}, "alarm_email 'me': write an address, or nothing"),
        ({"dashboard": "maybe"}, "dashboard 'maybe': write true or false"),
        ({"pools": {"etl": 0}}, "pools: etl '0': write a whole number from 1 to 10000"),
        ({"pools": "etl"}, "pools: etl '': write a whole number from 1 to 10000"),
        ({"pools": "=4"}, "pools '=4': write an object of slots by name, or name=slots with commas between"),
        ({"pools": ["a"]}, "pools ['a']: write an object of slots by name, or name=slots with commas between"),
    ],
)
def test_value_that_makes_no_sense_is_refused_with_what_to_write(chosen: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match="write") as refused:
        _settings(**chosen)
    assert str(refused.value) == told
