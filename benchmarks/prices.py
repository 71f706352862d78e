"""What AWS charges: list prices of us-east-1, November 2026, in USD, and what every account has for nothing.

`free` is what of a month an account does not pay for, at any age of it; all that runs in the account shares it. Sources are
the services' pricing pages: aws.amazon.com/SERVICE/pricing for lambda, sqs, dynamodb, s3, cloudwatch, eventbridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

REGION: Final = "us-east-1"
DATE: Final = "November 2026"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit."""

    usd: float
    unit: str
    free: float = 0.0


PRICES: Final[Mapping[str, Price]] = MappingProxyType(
    {
        "lambda_request": Price(2e-7, "invocation", free=1e6),
        "lambda_gb_second_arm64": Price(1.33334e-5, "GB-second", free=400_000),
        "lambda_gb_second_x86_64": Price(1.66667e-5, "GB-second", free=400_000),
        "sqs_request": Price(4e-7, "request to a standard queue", free=1e6),
        "dynamodb_write_unit": Price(6.25e-7, "write of 1 KB, on demand"),
        "dynamodb_read_unit": Price(1.25e-7, "consistent read of 4 KB, on demand"),
        "s3_put_or_list": Price(5e-6, "PUT or LIST request"),
        "s3_get": Price(4e-7, "GET request"),
        "logs_gb": Price(0.5, "GB of logs taken in", free=5),
        "metric_month": Price(0.3, "custom metric, a month, by the hours in which it is written", free=10),
        "alarm_month": Price(0.1, "alarm on one metric, a month", free=10),
        "dashboard_month": Price(3.0, "dashboard, a month", free=3),
    }
)
