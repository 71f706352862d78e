"""What is kept: the state table, the bucket that users drop DAGs into, and the bucket of versions and large values."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from leeward.contract import (
    ACTIVE_ATTRIBUTE,
    ACTIVE_INDEX,
    CREATED_ATTRIBUTE,
    DAG_ATTRIBUTE,
    PARTITION_KEY,
    RECENT_INDEX,
    SORT_KEY,
)


class State(Construct):
    """The table and the buckets. Buckets stay when the stack goes; run state goes with it.

    `dags` is the bucket of DAGs by its name alone: the bucket itself depends on the function that it notifies.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = self._table()
        self.dags_bucket = self._bucket("dags", versioned=True)
        self.dags = s3.Bucket.from_bucket_name(self, "DagsByName", _bucket_name("dags"))
        self.data = self._bucket("data", versioned=False)
        self.data.add_lifecycle_rule(prefix="tries/", expiration=cdk.Duration.days(2))
        self.data.add_lifecycle_rule(prefix="xcom/", expiration=cdk.Duration.days(90))
        self.dags_bucket.add_lifecycle_rule(noncurrent_version_expiration=cdk.Duration.days(90))

    def _table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=_attribute(PARTITION_KEY),
            sort_key=_attribute(SORT_KEY),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=False
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        table.add_global_secondary_index(
            index_name=ACTIVE_INDEX,
            partition_key=_attribute(ACTIVE_ATTRIBUTE),
            sort_key=_attribute(PARTITION_KEY),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        table.add_global_secondary_index(
            index_name=RECENT_INDEX,
            partition_key=_attribute(DAG_ATTRIBUTE),
            sort_key=dynamodb.Attribute(name=CREATED_ATTRIBUTE, type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        return table

    def _bucket(self, name: str, *, versioned: bool) -> s3.Bucket:
        return s3.Bucket(
            self,
            name.capitalize(),
            bucket_name=_bucket_name(name),
            versioned=versioned,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


def _bucket_name(name: str) -> str:
    """A name that is known before the bucket exists, unique by the last part of the stack's own id."""
    uuid = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Aws.STACK_ID))
    return cdk.Fn.join("-", ["leeward", name, cdk.Fn.select(4, cdk.Fn.split("-", uuid))])


def _attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
