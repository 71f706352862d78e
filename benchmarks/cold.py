"""What a cold start takes before the handler runs, on this machine: imports, and the clients of boto3 beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
RUNS: Final = 5
CLIENTS: Final = {
    "executor": ("dynamodb", "s3", "sqs", "lambda"),
    "scheduler": ("dynamodb", "s3", "sqs"),
    "worker": ("sqs",),
    "compiler": ("dynamodb", "s3", "events", "scheduler"),
    "dashboard": ("dynamodb", "s3"),
}
"""The clients that a function makes in its ordinary work."""

_CODE: Final = """
import importlib, json, sys, time
start = time.perf_counter()
importlib.import_module(sys.argv[1])
imported = time.perf_counter()
import boto3
session = boto3.session.Session("testing", "testing", region_name="us-east-1")
for service in sys.argv[2:]:
    session.client(service)
print(json.dumps([imported - start, time.perf_counter() - imported]))
"""


def measure(function: str) -> tuple[float, float]:
    """Median seconds of a function's import, and of its clients (boto3 included)."""
    command = [sys.executable, "-c", _CODE, f"lambdas.{function}.handler", *CLIENTS[function]]
    rows = [json.loads(_printed(command)) for _ in range(RUNS)]
    return median(row[0] for row in rows), median(row[1] for row in rows)


def _printed(command: Sequence[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment).stdout


def rows() -> list[str]:
    """One row a function."""
    found = [f"{'function':<12}{'import ms':>11}{'clients ms':>12}  clients"]
    for function, clients in CLIENTS.items():
        imports, made = measure(function)
        found.append(f"{function:<12}{1000 * imports:>11.0f}{1000 * made:>12.0f}  boto3, {', '.join(clients)}")
    return found
