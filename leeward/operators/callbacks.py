"""Callbacks: code of the user's runs where user code runs; notifiers of Airflow's Amazon provider are operators of ours.

Whatever goes wrong in a callback is a line of the task's log and nothing else, as in Airflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from leeward.core.dag import Callback, Json
from leeward.core.facts import Failed
from leeward.operators.base import Attempt, Services, UserCode, XComs
from leeward.operators.execute import run
from leeward.operators.facts import airflow_variables, facts


class CallingCode(UserCode, Protocol):
    """User code that can be called without anybody waiting for it."""

    def call(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> None:
        """Run a job (see `leeward.worker.call.run_job`), or see to it that it will be run."""


@dataclass(frozen=True, slots=True)
class Notifier:
    """A notifier that is an operator of ours: its name, and the operator's names of arguments that differ."""

    operator: str
    renamed: Mapping[str, str]


def _paths(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"airflow.providers.amazon.aws.notifications.{module}.{name}" for name in names)


_SNS: Final = Notifier("SnsPublishOperator", {})
_SQS: Final = Notifier("SqsPublishOperator", {"queue_url": "sqs_queue", "message_body": "message_content"})
NOTIFIERS: Final[Mapping[str, Notifier]] = {
    **dict.fromkeys(_paths("sns", "SnsNotifier", "send_sns_notification"), _SNS),
    **dict.fromkeys(_paths("sqs", "SqsNotifier", "send_sqs_notification"), _SQS),
}


def notify(attempt: Attempt, event: str, callbacks: tuple[Callback, ...], services: Services) -> None:
    """Call those that are notifiers of ours."""
    for callback in callbacks:
        notifier = NOTIFIERS.get(str(callback.target))
        if notifier is not None:
            arguments = {notifier.renamed.get(key, key): value for key, value in callback.kwargs.items()}
            task = replace(attempt.task, operator=notifier.operator, arguments=arguments)
            outcome = run(replace(attempt, task=task), services)
            if isinstance(outcome, Failed):
                what = "the deadline's callback" if event == "deadline" else f"on_{event}_callback"
                services.log(f"{what} {callback.target} failed: {outcome.error}")


def job_of(
    attempt: Attempt,
    callbacks: tuple[Callback, ...],
    more: Mapping[str, Json],
    deadline: tuple[Mapping[str, Json], bool] | None = None,
) -> Mapping[str, Json] | None:
    """The job that calls the others, or None if there is none; `more` is what their context holds besides the usual.

    The callback of a `deadline` has nothing but the context given there, and may be awaited.
    """
    others = [callback for callback in callbacks if str(callback.target) not in NOTIFIERS]
    if not others:
        return None
    only: Mapping[str, Json] = {} if deadline is None else {"context": deadline[0], "awaited": deadline[1]}
    return {
        **only,
        "kind": "callbacks" if deadline is None else "deadline",
        "callbacks": [{"callable": callback.target, "kwargs": callback.kwargs} for callback in others],
        "more": more,
        "facts": facts(attempt),
        "environment": dict(airflow_variables(attempt)),
    }
