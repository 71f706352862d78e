"""EmptyOperator: a task without a body. It succeeds the moment its trigger rule is met and is never started."""

from __future__ import annotations

from typing import Final

from leeward.core.facts import Outcome, Succeeded
from leeward.operators.base import Attempt, Operator, Services
from leeward.spec.catalogue import Signature

SIGNATURE: Final = Signature(
    "EmptyOperator",
    (
        "airflow.providers.standard.operators.empty.EmptyOperator",
        "airflow.operators.empty.EmptyOperator",
        "airflow.operators.dummy.DummyOperator",
        "airflow.operators.dummy_operator.DummyOperator",
    ),
    {},
    instant=True,
    note="Does nothing; holds other tasks together.",
)


def start(attempt: Attempt, services: Services) -> Outcome:
    """Nothing to do: reached only when somebody runs the task on purpose."""
    del attempt, services
    return Succeeded()


OPERATOR: Final = Operator(SIGNATURE, start)
