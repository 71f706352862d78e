"""Which of Airflow's exceptions stand for failures that no user code raised, for the rules of retry policies."""

from __future__ import annotations

from typing import Final

from leeward.core.facts import Raised

_EXCEPTION: Final = ("builtins.Exception", "builtins.BaseException")


def _airflow(name: str, *above: str) -> Raised:
    return Raised((f"airflow.exceptions.{name}", f"airflow.sdk.exceptions.{name}"), above)


AIRFLOW_EXCEPTION: Final = _airflow("AirflowException", *_EXCEPTION)
TASK_TIMEOUT: Final = _airflow("AirflowTaskTimeout", "builtins.BaseException")
CLIENT_ERROR: Final = Raised(("botocore.exceptions.ClientError",), _EXCEPTION)
"""An AWS call that was answered with an error."""
