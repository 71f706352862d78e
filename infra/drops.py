"""S3 tells the compiler of every change under the prefix of DAGs, without a custom resource."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from leeward.contract import DAGS_PREFIX

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")


def notify(bucket: s3.Bucket, function: lambda_.Function) -> None:
    """Invoke the function on every change. The permission must exist before the bucket, hence the bucket's known name."""
    stack = cdk.Stack.of(bucket)
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)
    permission = lambda_.CfnPermission(
        bucket,
        "MayInvokeCompiler",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal=iam.ServicePrincipal("s3.amazonaws.com").service,
        source_account=stack.account,
        source_arn=cdk.Fn.join("", ["arn:", cdk.Aws.PARTITION, ":s3:::", str(resource.bucket_name)]),
    )
    resource.add_resource_dependency(permission)
    prefix = s3.CfnBucket.FilterRuleProperty(name="prefix", value=DAGS_PREFIX)
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        lambda_configurations=[
            s3.CfnBucket.LambdaConfigurationProperty(
                event=event,
                function=function.function_arn,
                filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[prefix])),
            )
            for event in EVENTS
        ]
    )
