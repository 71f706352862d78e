"""The dashboard in the template: what CloudWatch will read, and what the function behind it may do."""

from __future__ import annotations

import json
import re
from typing import Any

from leeward import contract
from tests.deployed.assembly import resources, template

READS = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject"}
OWN_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
COLUMNS = 24


def body() -> dict[str, Any]:
    """The page's body, `<Resource>` standing where CloudFormation puts a name or an ARN."""
    (page,) = resources("AWS::CloudWatch::Dashboard").values()
    parts = page["DashboardBody"]["Fn::Join"][1]
    found: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else _named(part) for part in parts))
    return found


def _named(reference: dict[str, Any]) -> str:
    (value,) = reference.values()
    return f"<{value if isinstance(value, str) else value[0]}>"


def widgets(kind: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body()["widgets"] if widget["type"] == kind]


def function() -> str:
    """The logical id of the widget's function."""
    handlers = {name: row["Handler"] for name, row in resources("AWS::Lambda::Function").items()}
    (found,) = [name for name, handler in handlers.items() if handler == "lambdas.dashboard.handler.handler"]
    return found


def actions() -> set[str]:
    """What the widget's role may do."""
    role = resources("AWS::Lambda::Function")[function()]["Role"]["Fn::GetAtt"][0]
    policies = [row for row in resources("AWS::IAM::Policy").values() if {"Ref": role} in row["Roles"]]
    assert "ManagedPolicyArns" not in resources("AWS::IAM::Role")[role]
    statements = [statement for row in policies for statement in row["PolicyDocument"]["Statement"]]
    assert "*" not in [statement["Resource"] for statement in statements]
    found = [statement["Action"] for statement in statements]
    return {one for action in found for one in ([action] if isinstance(action, str) else action)}


def test_the_widget_calls_the_function_that_draws_the_grid() -> None:
    (grid,) = widgets("custom")
    assert grid["endpoint"] == f"<{function()}>"
    assert body()["widgets"][0]["type"] == "custom"


def test_the_function_may_read_and_write_nothing_but_its_log() -> None:
    assert actions() == READS | OWN_LOG


def test_no_widget_lies_on_another_or_leaves_the_page() -> None:
    cells = [
        (x, y)
        for one in body()["widgets"]
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == COLUMNS - 1
    assert len(cells) == COLUMNS * (max(y for _, y in cells) + 1)


def test_metrics_of_dags_are_found_by_search() -> None:
    text = json.dumps([row for widget in widgets("metric") for row in widget["metrics"]])
    searched = set(re.findall(r'SEARCH\(\'{Leeward,dag_id} MetricName=\\\\\\"(.+?)\\\\\\"', json.dumps(text)))
    assert searched == {
        f"{contract.METRIC_RUN_DURATION}.success",
        f"{contract.METRIC_RUN_DURATION}.failed",
        contract.METRIC_TASK_SUCCESSES,
        contract.METRIC_TASK_FAILURES,
    }


def test_queues_functions_the_table_and_the_alarm_are_shown() -> None:
    rows = [row for widget in widgets("metric") for row in widget["metrics"]]
    shown = {value for row in rows for value in row if isinstance(value, str)}
    queues = {f"<{name}>" for name in resources("AWS::SQS::Queue")}
    functions = {f"<{name}>" for name in resources("AWS::Lambda::Function")} - {f"<{function()}>"}
    tables = {f"<{name}>" for name in resources("AWS::DynamoDB::Table")}
    assert queues | functions | tables | {contract.METRIC_DAGS, contract.METRIC_IMPORT_ERRORS} <= shown
    (alarms,) = widgets("alarm")
    assert alarms["alarms"] == [f"<{name}>" for name in resources("AWS::CloudWatch::Alarm")]


def test_an_output_leads_to_the_page() -> None:
    (page,) = resources("AWS::CloudWatch::Dashboard").values()
    address = template()["Outputs"][contract.OUTPUT_DASHBOARD]["Value"]["Fn::Join"][1]
    name = page["DashboardName"]["Fn::Join"][1]
    assert address[-len(name) + 1 :] == name[1:]
    assert f"#dashboards/dashboard/{name[0]}" in "".join(part for part in address if isinstance(part, str))
