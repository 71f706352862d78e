"""The functions: each with a role, a log and explicit grants of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.asset import code
from infra.settings import Settings


class Function(Construct):
    """One function of the installation. `loops` says that it takes part in a loop of functions and queues on purpose."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: Settings,
        environment: Mapping[str, str],
        memory: int,
        seconds: float,
        loops: bool = False,
        trusts: Sequence[iam.IPrincipal] = (),
    ) -> None:
        super().__init__(scope, name)
        service = iam.ServicePrincipal("lambda.amazonaws.com")
        principal = iam.CompositePrincipal(service, *trusts) if trusts else service
        self.role = iam.Role(self, "Role", assumed_by=principal)
        self.logs = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.logs.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=code(settings),
            handler=f"lambdas.{name.lower()}.handler.handler",
            runtime=lambda_.Runtime(f"python{settings.python}", lambda_.RuntimeFamily.PYTHON),
            architecture=_ARCHITECTURES[settings.architecture],
            role=self.role,
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            memory_size=memory,
            timeout=cdk.Duration.seconds(seconds),
            environment=dict(environment),
            recursive_loop=lambda_.RecursiveLoop.ALLOW if loops else lambda_.RecursiveLoop.TERMINATE,
        )

    def may(self, actions: list[str], *resources: str, conditions: Mapping[str, object] | None = None) -> None:
        """Grant actions on resources."""
        self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resources), conditions=conditions))

    def may_invoke(self, other: Function) -> None:
        """Grant the invocation of a function, this one's own included, which a default policy could not name."""
        statement = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[other.function.function_arn])
        name = f"Invoke{other.node.id}"
        iam.Policy(self, name, statements=[statement], roles=[self.role])

    def listens(self, queue: sqs.IQueue, *, batch: int, concurrency: int) -> None:
        """Be woken by a queue; messages that fail come again by themselves."""
        source = sources.SqsEventSource(
            queue, batch_size=batch, max_concurrency=concurrency, report_batch_item_failures=True
        )
        self.function.add_event_source(source)

    def invoked_asynchronously(self, on_failure: lambda_.IDestination, *, retries: int, max_age_seconds: float) -> None:
        """How asynchronous invocations end that fail."""
        self.function.configure_async_invoke(
            on_failure=on_failure, retry_attempts=retries, max_event_age=cdk.Duration.seconds(max_age_seconds)
        )


_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
