"""The dashboard: what runs, what waits, what fails; on top the last runs of every DAG, drawn by a function that only reads.

Graphs find the metrics of DAGs by search, so that a new DAG needs no deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.functions import Function
from infra.graphs import BAD, GOOD, each, gauge, graph, total
from infra.queues import Queues
from infra.settings import Settings
from infra.state import State
from leeward import contract

READS: Final = [f"dynamodb:{action}" for action in ("BatchGetItem", "GetItem", "Query")]
_ENDED: Final = {state: f"{contract.METRIC_RUN_DURATION}.{state}" for state in ("success", "failed")}


class Dashboard(Construct):
    """One page in CloudWatch, and the function behind its widget, which whoever looks at it must be allowed to invoke."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        state: State,
        queues: Queues,
        functions: Mapping[str, Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self.state, self.queues = state, queues
        self.functions = {name: one.function for name, one in functions.items()}
        self.widget = self._widget(settings)
        stack = cdk.Stack.of(self)
        # Dashboards are global in an account, stacks are of a region.
        name = f"{stack.stack_name}-{stack.region}"
        console = f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home?region={stack.region}"
        self.url = f"{console}#dashboards/dashboard/{name}"
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=name,
            default_interval=cdk.Duration.days(1),
            widgets=[self._runs(), self._tasks(), self._waiting(), self._computing(), self._storing()],
        )

    def _widget(self, settings: Settings) -> Function:
        """The function that draws the grid. It may read runs, DAGs and records of drops, and nothing else."""
        table, data = self.state.table, self.state.data
        environment = {
            contract.ENV_TABLE: table.table_name,
            contract.ENV_DATA_BUCKET: data.bucket_name,
            contract.ENV_DAGS_BUCKET: self.state.dags.bucket_name,
        }
        widget = Function(self, "Dashboard", settings=settings, environment=environment, memory=1024, seconds=30)
        widget.may(READS, table.table_arn)
        widget.may(["dynamodb:Query"], f"{table.table_arn}/index/{contract.RECENT_INDEX}")
        widget.may(["s3:GetObject"], data.arn_for_objects("versions/*"))
        return widget

    def _runs(self) -> list[cloudwatch.IWidget]:
        """The grid, and beside it what somebody may have to act on."""
        grid = cloudwatch.CustomWidget(
            title="DAG runs",
            function_arn=self.widget.function.function_arn,
            width=18,
            height=18,
            update_on_time_range_change=False,
        )
        alarms = cloudwatch.AlarmStatusWidget(title="Alarms", alarms=[self.queues.alarm], width=6, height=3)
        dags = cloudwatch.SingleValueWidget(
            title="DAGs",
            metrics=[
                gauge(contract.METRIC_DAGS, "live", minutes=60),
                gauge(contract.METRIC_IMPORT_ERRORS, "specs with errors", minutes=60),
            ],
            width=6,
            height=3,
        )
        ended = graph(
            "DAG runs ended",
            [total(_ENDED[state], state, colour, statistic="SampleCount") for state, colour in _COLOURS.items()],
            width=6,
        )
        lasted = graph("Duration of successful DAG runs", [each(_ENDED["success"], "Average")], width=6, unit="s")
        return [grid, cloudwatch.Column(alarms, dags, ended, lasted)]  # type: ignore[list-item] # jsii's stub lacks `warnings`

    def _tasks(self) -> list[cloudwatch.IWidget]:
        ended = [
            total(contract.METRIC_TASK_SUCCESSES, "success", GOOD),
            total(contract.METRIC_TASK_FAILURES, "failed", BAD),
        ]
        return [
            graph("Task instances ended", ended, width=8),
            graph("Failed task instances by DAG", [each(contract.METRIC_TASK_FAILURES, "Sum")], width=8),
            graph("Duration of failed DAG runs", [each(_ENDED["failed"], "Average")], width=8, unit="s"),
        ]

    def _waiting(self) -> list[cloudwatch.IWidget]:
        queues = {
            "executor": self.queues.executor,
            "scheduler": self.queues.scheduler,
            "results": self.queues.results,
        }
        waiting = [one.metric_approximate_number_of_messages_visible(label=name) for name, one in queues.items()]
        oldest = [one.metric_approximate_age_of_oldest_message(label=name) for name, one in queues.items()]
        dead = self.queues.dead_letters.metric_approximate_number_of_messages_visible(label="dead letters", color=BAD)
        return [
            graph("Messages waiting", waiting, width=8),
            graph("Age of the oldest message", oldest, width=8, unit="s"),
            graph("Dead letters", [dead], width=8),
        ]

    def _computing(self) -> list[cloudwatch.IWidget]:
        return [
            graph(title, self._of_each(metric, statistic), width=6, unit=unit)
            for title, metric, statistic, unit in (
                ("Invocations", "Invocations", "Sum", ""),
                ("Errors of functions", "Errors", "Sum", ""),
                ("Duration, 99th percentile", "Duration", "p99", "ms"),
                ("Concurrent executions", "ConcurrentExecutions", "Maximum", ""),
            )
        ]

    def _storing(self) -> list[cloudwatch.IWidget]:
        table = self.state.table
        units = [
            table.metric_consumed_write_capacity_units(label="written"),
            table.metric_consumed_read_capacity_units(label="read"),
        ]
        throttled = [
            table.metric("WriteThrottleEvents", statistic="Sum", label="writes"),
            table.metric("ReadThrottleEvents", statistic="Sum", label="reads"),
        ]
        return [
            graph("Throttled invocations", self._of_each("Throttles", "Sum"), width=8),
            graph("Request units of the state table", units, width=8),
            graph("Throttled requests to the state table", throttled, width=8),
        ]

    def _of_each(self, metric: str, statistic: str) -> list[cloudwatch.IMetric]:
        return [_metric(function, metric, statistic, name) for name, function in self.functions.items()]


def _metric(function: lambda_.Function, metric: str, statistic: str, label: str) -> cloudwatch.IMetric:
    return function.metric(metric, statistic=statistic, label=label)


_COLOURS: Final = {"success": GOOD, "failed": BAD}
