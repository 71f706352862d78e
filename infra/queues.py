"""The queues between functions, the one queue of dead letters behind everything, and the alarm on it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from leeward.contract import FUNCTION_SECONDS, RECEIVES


class Queues(Construct):
    """Queues of executors, schedulers and results.

    A message that nobody could handle, from a queue or from any asynchronous path, ends among the dead letters for two
    weeks. Visibility lasts six times the functions' time-out, as Lambda asks; a failed message is made visible sooner.
    """

    def __init__(self, scope: Construct, construct_id: str, *, alarm_email: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self, "DeadLetters", enforce_ssl=True, retention_period=cdk.Duration.days(14), encryption=_KEYS
        )
        self.executor = self._queue("Executor")
        self.scheduler = self._queue("Scheduler")
        self.results = self._queue("Results")
        self.alarm = self._alarm(alarm_email)

    def _queue(self, name: str) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            enforce_ssl=True,
            encryption=_KEYS,
            retention_period=cdk.Duration.days(14),
            visibility_timeout=cdk.Duration.seconds(6 * FUNCTION_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=RECEIVES),
        )

    def _alarm(self, email: str) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "DeadLettersAlarm",
            alarm_description="A message could not be handled: see the runbook, 'Dead letters'.",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(5), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        if email:
            topic = sns.Topic(self, "Alarms", enforce_ssl=True)
            topic.add_subscription(subscriptions.EmailSubscription(email))
            alarm.add_alarm_action(actions.SnsAction(topic))
        return alarm

    def allow_rules(self, prefix: str) -> None:
        """Let the rules of DAGs, by their names' prefix, deliver ticks, and leave undeliverable ones among the dead."""
        stack = cdk.Stack.of(self)
        rules = stack.format_arn(service="events", resource="rule", resource_name=f"{prefix}*")
        for queue in (self.scheduler, self.dead_letters):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["sqs:SendMessage"],
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    resources=[queue.queue_arn],
                    conditions={
                        "ArnLike": {"aws:SourceArn": rules},
                        "StringEquals": {"aws:SourceAccount": stack.account},
                    },
                )
            )


_KEYS = sqs.QueueEncryption.SQS_MANAGED
