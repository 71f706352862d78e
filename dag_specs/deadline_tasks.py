"""The Python side of deadline.yml."""

from collections.abc import Mapping
from typing import Any


def late(who: str, context: Mapping[str, Any]) -> None:
    """Tell somebody that a run is late."""
    run, deadline = context["dag_run"], context["deadline"]
    print(f"{who}: {run['dag_id']} is {run['state']} at {deadline['deadline_time']:%H:%M:%S}, and should be over")
