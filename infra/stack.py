"""The installation: what exists, who may do what, and what wakes whom."""

from __future__ import annotations

import json
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from infra.dashboard import Dashboard
from infra.drops import notify
from infra.functions import Function
from infra.queues import Queues
from infra.settings import Settings
from infra.state import State
from leeward import contract
from leeward.contract import (
    CONNECTIONS_PREFIX,
    FUNCTION_SECONDS,
    MAX_EVENT_AGE_SECONDS,
    VARIABLES_PREFIX,
)

RUN_STATE: Final = [
    f"dynamodb:{action}" for action in ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
]
RECORDS: Final = [f"dynamodb:{action}" for action in ("DeleteItem", "GetItem", "PutItem", "Query")]
RULES: Final = [
    f"events:{action}"
    for action in (
        "DeleteRule",
        "DescribeRule",
        "ListTargetsByRule",
        "PutRule",
        "PutTargets",
        "RemoveTargets",
        "TagResource",
    )
]
SCHEDULES: Final = [f"scheduler:{action}" for action in ("CreateSchedule", "DeleteSchedule")]
MAX_PREFIX: Final = 40
"""The name of a rule or schedule has 64 characters; two hashes take 21 of them."""


class LeewardStack(cdk.Stack):
    """One installation. Several may stand side by side in an account."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, **more: Any) -> None:
        super().__init__(scope, construct_id, description="Leeward: DAGs without servers", **more)
        self.settings = settings
        self.rule_prefix = f"{construct_id[:MAX_PREFIX]}-"
        self.state = State(self, "State")
        self.queues = Queues(self, "Queues", alarm_email=settings.alarm_email)
        self.queues.allow_rules(self.rule_prefix)
        self.executor = self._function("Executor", memory=512, seconds=FUNCTION_SECONDS, loops=True)
        self.scheduler = self._function("Scheduler", memory=512, seconds=FUNCTION_SECONDS, loops=True)
        self.worker = self._worker()
        self.compiler = self._function("Compiler", memory=1024, seconds=300)
        self._grant_executor()
        self._grant_scheduler()
        self._grant_compiler()
        self._connect()
        self._outputs()
        if settings.dashboard:
            self._dashboard()

    def _function(self, name: str, *, memory: int, seconds: float, loops: bool = False) -> Function:
        environment = {
            contract.ENV_STACK: self.stack_name,
            contract.ENV_TABLE: self.state.table.table_name,
            contract.ENV_DATA_BUCKET: self.state.data.bucket_name,
            contract.ENV_DAGS_BUCKET: self.state.dags.bucket_name,
            contract.ENV_EXECUTOR_QUEUE: self.queues.executor.queue_url,
            contract.ENV_SCHEDULER_QUEUE: self.queues.scheduler.queue_url,
            contract.ENV_FAN_LIMIT: str(self.settings.concurrency),
            contract.ENV_POOLS: json.dumps(dict(self.settings.pools), sort_keys=True),
        }
        return Function(
            self, name, settings=self.settings, environment=environment, memory=memory, seconds=seconds, loops=loops
        )

    def _worker(self) -> Function:
        """The function of user code. Its role is the tasks' role: who calls AWS for tasks and callbacks takes it on, too."""
        worker = Function(
            self,
            "Worker",
            settings=self.settings,
            environment={contract.ENV_RESULTS_QUEUE: self.queues.results.queue_url},
            memory=self.settings.worker_memory,
            seconds=FUNCTION_SECONDS,
            loops=True,
            trusts=[iam.ArnPrincipal(each.role.role_arn) for each in (self.executor, self.scheduler)],
        )
        worker.may(["sqs:SendMessage"], self.queues.results.queue_arn)
        worker.may(
            ["secretsmanager:GetSecretValue"], *(self._secret(p) for p in (VARIABLES_PREFIX, CONNECTIONS_PREFIX))
        )
        for name in self.settings.task_policies:
            worker.role.add_managed_policy(self._managed(name))
        return worker

    def _managed(self, name: str) -> iam.IManagedPolicy:
        if name.startswith("arn:"):
            return iam.ManagedPolicy.from_managed_policy_arn(self, f"Policy{name.rpartition('/')[2]}", name)
        return iam.ManagedPolicy.from_aws_managed_policy_name(name)

    def _secret(self, prefix: str) -> str:
        return self.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{prefix}*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _data(self, *prefixes: str) -> list[str]:
        return [self.state.data.arn_for_objects(f"{prefix}/*") for prefix in prefixes]

    def _grant_executor(self) -> None:
        may = self.executor.may
        may(RUN_STATE, self.state.table.table_arn)
        may(["s3:PutObject"], *self._data("xcom"))
        may(["sqs:SendMessage"], self.queues.executor.queue_arn, self.queues.scheduler.queue_arn)
        self.executor.may_invoke(self.executor)
        self._may_call_back(self.executor)

    def _may_call_back(self, function: Function) -> None:
        """What bodies and callbacks take: the worker and its role, what orders to it hold, and the runs before."""
        function.may(["dynamodb:Query"], f"{self.state.table.table_arn}/index/{contract.RECENT_INDEX}")
        function.may(["s3:GetObject"], *self._data("versions", "bundles", "xcom", "tries"))
        function.may(["s3:PutObject"], *self._data("tries"))
        function.may(["sts:AssumeRole"], self.worker.role.role_arn)
        function.may_invoke(self.worker)
        function.function.add_environment(contract.ENV_WORKER, self.worker.function.function_name)
        function.function.add_environment(contract.ENV_TASK_ROLE, self.worker.role.role_arn)

    def _grant_scheduler(self) -> None:
        may = self.scheduler.may
        may(RUN_STATE, self.state.table.table_arn, f"{self.state.table.table_arn}/index/{contract.ACTIVE_INDEX}")
        may(["sqs:SendMessage"], self.queues.executor.queue_arn, self.queues.scheduler.queue_arn)
        may(["cloudwatch:GetMetricStatistics"], "*")
        self.scheduler.may_invoke(self.executor)
        self.scheduler.function.add_environment(contract.ENV_EXECUTOR, self.executor.function.function_name)
        self._may_call_back(self.scheduler)

    def _grant_compiler(self) -> None:
        may = self.compiler.may
        leading = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["d", "f"]}}
        may(RECORDS, self.state.table.table_arn, conditions=leading)
        may(["s3:ListBucket"], self.state.dags.bucket_arn)
        may(["s3:GetObject"], self.state.dags.arn_for_objects("*"), *self._data("versions"))
        may(["s3:PutObject"], *self._data("versions", "bundles"))
        may(["secretsmanager:GetSecretValue"], self._secret(VARIABLES_PREFIX))
        may(["events:ListRules"], "*")
        may(RULES, self.format_arn(service="events", resource="rule", resource_name=f"{self.rule_prefix}*"))
        may(["scheduler:ListSchedules"], "*")
        may(SCHEDULES, self._schedules())
        ticks = self._ticks()
        passed = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
        may(["iam:PassRole"], ticks.role_arn, conditions=passed)
        function = self.compiler.function
        function.add_environment(contract.ENV_SCHEDULE_ROLE, ticks.role_arn)
        function.add_environment(contract.ENV_RULE_PREFIX, self.rule_prefix)
        function.add_environment(contract.ENV_SCHEDULER_QUEUE_ARN, self.queues.scheduler.queue_arn)
        function.add_environment(contract.ENV_DEAD_LETTERS_ARN, self.queues.dead_letters.queue_arn)

    def _schedules(self) -> str:
        """The schedules of DAGs, by their names' prefix."""
        name = f"default/{self.rule_prefix}*"
        return self.format_arn(service="scheduler", resource="schedule", resource_name=name)

    def _ticks(self) -> iam.Role:
        """The role by which the schedules of DAGs, and no others, send ticks."""
        conditions = {
            "StringEquals": {"aws:SourceAccount": self.account},
            "ArnLike": {"aws:SourceArn": self._schedules()},
        }
        trusted = iam.ServicePrincipal("scheduler.amazonaws.com", conditions=conditions)
        role = iam.Role(self, "Ticks", assumed_by=trusted)
        queues = [self.queues.scheduler.queue_arn, self.queues.dead_letters.queue_arn]
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=queues))
        return role

    def _connect(self) -> None:
        """What wakes whom: queues, a file in the bucket, the sweep of every minute, a look at the bucket now and then."""
        queues, dead = self.queues, destinations.SqsDestination(self.queues.dead_letters)
        self.executor.listens(queues.executor, batch=1, concurrency=self.settings.concurrency)
        self.executor.listens(queues.results, batch=1, concurrency=self.settings.concurrency)
        self.scheduler.listens(queues.scheduler, batch=10, concurrency=10)
        self.executor.invoked_asynchronously(dead, retries=2, max_age_seconds=MAX_EVENT_AGE_SECONDS)
        self.compiler.invoked_asynchronously(dead, retries=2, max_age_seconds=MAX_EVENT_AGE_SECONDS)
        results = destinations.SqsDestination(queues.results)
        self.worker.invoked_asynchronously(results, retries=0, max_age_seconds=MAX_EVENT_AGE_SECONDS)
        notify(self.state.dags_bucket, self.compiler.function)
        sweep = events.RuleTargetInput.from_object({"sweep": True})
        self._every(
            "Sweep",
            cdk.Duration.minutes(1),
            targets.SqsQueue(queues.scheduler, message=sweep, dead_letter_queue=queues.dead_letters),
        )
        self._every(
            "Reconcile",
            cdk.Duration.hours(1),
            targets.LambdaFunction(self.compiler.function, dead_letter_queue=queues.dead_letters),
        )

    def _every(self, name: str, time: cdk.Duration, target: events.IRuleTarget) -> None:
        events.Rule(self, name, schedule=events.Schedule.rate(time), targets=[target])

    def _outputs(self) -> None:
        found = {
            contract.OUTPUT_TABLE: self.state.table.table_name,
            contract.OUTPUT_DATA_BUCKET: self.state.data.bucket_name,
            contract.OUTPUT_DAGS_BUCKET: self.state.dags.bucket_name,
            contract.OUTPUT_SCHEDULER: self.scheduler.function.function_name,
            contract.OUTPUT_EXECUTOR_LOGS: self.executor.logs.log_group_name,
            contract.OUTPUT_SCHEDULER_LOGS: self.scheduler.logs.log_group_name,
            contract.OUTPUT_WORKER_LOGS: self.worker.logs.log_group_name,
            contract.OUTPUT_TASK_ROLE: self.worker.role.role_arn,
        }
        for name, value in found.items():
            cdk.CfnOutput(self, name, value=value)

    def _dashboard(self) -> None:
        functions = {
            "executor": self.executor,
            "worker": self.worker,
            "scheduler": self.scheduler,
            "compiler": self.compiler,
        }
        dashboard = Dashboard(
            self, "Dashboard", settings=self.settings, state=self.state, queues=self.queues, functions=functions
        )
        cdk.CfnOutput(self, contract.OUTPUT_DASHBOARD, value=dashboard.url)
