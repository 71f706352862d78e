"""Runs the body of one try: whatever goes wrong in it is an outcome, whatever goes wrong in us propagates."""

from __future__ import annotations

from dataclasses import replace

from leeward.core.dag import Json, Task
from leeward.core.errors import EngineError, TaskError
from leeward.core.facts import Failed, Outcome, Succeeded
from leeward.operators import CATALOGUE
from leeward.operators.answers import BodyLostError
from leeward.operators.base import Attempt, Services
from leeward.operators.raised import AIRFLOW_EXCEPTION
from leeward.operators.rendering import named


def run(attempt: Attempt, services: Services) -> Outcome:
    """Start a try's body."""
    try:
        outcome = _pushed(attempt, CATALOGUE.operator(attempt.task.operator).start(attempt, services))
    except TaskError as error:
        outcome = Failed(str(error), error.retryable, raised=AIRFLOW_EXCEPTION)
    except BodyLostError as error:
        outcome = Failed(str(error))
    return named(attempt, services, outcome)


def is_user_code(task: Task) -> bool:
    """Whether a task runs code of the user's."""
    return CATALOGUE.operator(task.operator).user_code


def poll(attempt: Attempt, job: Json, services: Services) -> Outcome:
    """Look at the job of a deferred try."""
    row = CATALOGUE.operator(attempt.task.operator)
    if row.poll is None:
        raise EngineError(f"{attempt.task.task_id} was deferred by {attempt.task.operator}, which can't be polled")
    try:
        outcome = _pushed(attempt, row.poll(attempt, job, services))
    except TaskError as error:
        outcome = Failed(str(error), error.retryable, raised=AIRFLOW_EXCEPTION)
    return named(attempt, services, outcome)


def _pushed(attempt: Attempt, outcome: Outcome) -> Outcome:
    """The outcome without its return value, if the task is not to push it."""
    if attempt.task.do_xcom_push or not isinstance(outcome, Succeeded):
        return outcome
    kept = {key: value for key, value in outcome.xcoms.items() if key != "return_value"}
    return replace(outcome, xcoms=kept)
