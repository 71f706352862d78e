"""Graphs of the dashboard and what they show: a metric of AWS's, a gauge of ours, or all series of a metric by search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from leeward.contract import METRIC_DIMENSION, METRICS_NAMESPACE

GOOD: Final = cloudwatch.Color.GREEN
BAD: Final = cloudwatch.Color.RED


def graph(
    title: str, metrics: Iterable[cloudwatch.IMetric], *, width: int, height: int = 6, unit: str = ""
) -> cloudwatch.GraphWidget:
    """Lines from zero on; `unit` stands at the axis."""
    axis = cloudwatch.YAxisProps(min=0, show_units=False, label=unit or None)
    return cloudwatch.GraphWidget(title=title, left=list(metrics), left_y_axis=axis, width=width, height=height)


def total(metric: str, label: str, color: str, *, statistic: str = "Sum") -> cloudwatch.IMetric:
    """One line: a metric summed over all DAGs, nothing counting as 0."""
    return cloudwatch.MathExpression(
        expression=f"FILL(SUM({_search(metric, statistic)}), 0)", label=label, color=color, using_metrics={}
    )


def each(metric: str, statistic: str) -> cloudwatch.IMetric:
    """A line a DAG."""
    return cloudwatch.MathExpression(
        expression=_search(metric, statistic), label=f"${{PROP('Dim.{METRIC_DIMENSION}')}}", using_metrics={}
    )


def gauge(metric: str, label: str, *, minutes: float) -> cloudwatch.IMetric:
    """A metric of ours that has no dimension: its last value. It is written when it may have changed."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=metric,
        label=label,
        statistic="Maximum",
        period=cdk.Duration.minutes(minutes),
    )


def _search(metric: str, statistic: str) -> str:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html ."""
    return f"""SEARCH('{{{METRICS_NAMESPACE},{METRIC_DIMENSION}}} MetricName="{metric}"', '{statistic}')"""
