"""A month in which nothing runs costs at most a dollar at list price, and what that count assumes of the code holds."""

from __future__ import annotations

import sys

import pytest
from cost import Line, idle, report, task, with_allowances
from dynamo_items import Meter
from prices import PRICES

from leeward.contract import METRIC_DAGS, METRIC_IMPORT_ERRORS
from leeward.engine.handle import handle
from leeward.engine.hints import Sweep
from leeward.engine.reconcile import Dropping, reconcile
from leeward.local.spec_store import MemoryBucket, MemoryBundleStore, MemoryDropStore
from tests.deployed.assembly import ROOT, resources, template
from tests.drawing import draw
from tests.ports.stores import put_in, stores
from tests.world import World

MOST = 1.0


def test_idle_month_costs_a_dollar_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    lines = idle()
    with capsys.disabled():
        sys.stdout.write(f"\n{report()}\n")
    assert sum(line.usd for line in lines) <= MOST
    assert with_allowances(lines) <= MOST / 2


def test_table_on_the_page_is_what_the_template_gives() -> None:
    assert report() in (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")


def test_every_rule_and_every_mapping_of_the_template_is_counted() -> None:
    counted = [line.what for line in idle()]
    assert sum(what.startswith("polls") for what in counted) == len(resources("AWS::Lambda::EventSourceMapping"))
    assert sum(": invocations" in what for what in counted) == len(resources("AWS::Events::Rule"))


def test_nothing_in_the_template_is_paid_for_by_the_hour() -> None:
    """What costs money while it merely exists; alarms and dashboards, which do too, are counted."""
    assert resources("AWS::DynamoDB::Table")
    assert all(row["BillingMode"] == "PAY_PER_REQUEST" for row in resources("AWS::DynamoDB::Table").values())
    hourly = ("AWS::EC2::", "AWS::KMS::Key", "AWS::SecretsManager::", "AWS::Lambda::Version", "AWS::KinesisFirehose::")
    assert [row for row in template()["Resources"].values() if row["Type"].startswith(hourly)] == []
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    assert [row for row in mappings if "ProvisionedPollerConfig" in row] == []


def test_sweep_that_finds_nothing_costs_two_queries_and_writes_no_log() -> None:
    with stores("aws") as found:
        world = put_in(World(draw("a>b")), found)
        meter = Meter()
        meter.attach(found.runs.client)  # type: ignore[attr-defined]
        handle(world.ports, Sweep(), world.clock.now() + 900)
    assert dict(meter.requests) == {"Query": 2}
    assert (world.log.lines, world.metrics.counts, world.metrics.gauges) == ([], {}, {})


def test_routine_look_at_the_bucket_writes_metrics_only_where_something_has_changed() -> None:
    world = World(draw("a"))
    bucket = MemoryBucket({"one.yml": b"one:\n  tasks:\n    - {task_id: a, operator: EmptyOperator}\n"})
    dropping = Dropping(world.ports, bucket, MemoryDropStore(), MemoryBundleStore(), lambda _: None)
    gauges, told = world.metrics.gauges, {f"{METRIC_DAGS}{{}}": 1, f"{METRIC_IMPORT_ERRORS}{{}}": 0}
    reconcile(dropping, routine=True)
    assert gauges == told
    gauges.clear()
    reconcile(dropping, routine=True)
    assert gauges == {}
    reconcile(dropping)
    assert gauges == told


def test_allowances_are_counted_once_over_all_lines() -> None:
    lines = [Line("a", "sqs_request", 0.75e6), Line("b", "sqs_request", 0.75e6)]
    assert with_allowances(lines) == pytest.approx(0.5e6 * PRICES["sqs_request"].usd)


def test_thousand_tasks_of_a_second_cost_cents() -> None:
    assert 0.01 < 1000 * sum(line.usd for line in task(1.0)) < 0.05
