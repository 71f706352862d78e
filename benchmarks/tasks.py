"""The tasks to measure with, and DAGs that are made of them: AWS calls in the executor, Python functions in the worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from loop import Loop

from leeward.core.dag import Dag
from tests.ports.wire import Answer, Request, Service
from tests.spec.reading import dag as compiled

WHEN: Final = 'schedule: "0 0 1 1 *", start_date: "2025-01-01"'
AWS_CALL: Final = (
    "operator: leeward.operators.aws.AwsApiOperator, service: sts, action: GetAccessKeyInfo, "
    "parameters: {{AccessKeyId: '{seconds}'}}, do_xcom_push: false"
)
"""A call of AWS, by which this account is told how long it is to take."""
PYTHON: Final = "operator: airflow.providers.standard.operators.python.PythonOperator, python_callable: m.f"
EMPTY: Final = "operator: airflow.providers.standard.operators.empty.EmptyOperator"
_IDENTITY: Final = (
    b"<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>1</Account></GetAccessKeyInfoResult>"
    b"</GetAccessKeyInfoResponse>"
)


def dag_of(
    name: str,
    tasks: int,
    edges: Iterable[tuple[int, int]],
    body: str,
    seconds: Sequence[float] = (),
    most: int | None = None,
) -> Dag:
    """A DAG of equal tasks, which may take different times: those that take none are Airflow's EmptyOperator.

    `most` is its max_active_tasks.
    """
    upstream: list[list[str]] = [[] for _ in range(tasks)]
    for up, down in edges:
        upstream[down].append(f"t{up}")
    bodies = [body.format(seconds=own) if own else EMPTY for own in seconds] or [body.format(seconds=0.0)] * tasks
    rows = (f"t{i}: {{{bodies[i]}, dependencies: [{', '.join(ups)}]}}" for i, ups in enumerate(upstream))
    limit = "" if most is None else f"max_active_tasks: {most}, "
    return compiled(f"{name}: {{{WHEN}, {limit}tasks: {{{', '.join(rows)}}}}}")


def call(loop: Loop) -> Service:
    """The service of the AWS calls that are tasks."""

    def answer(operation: str, request: Request) -> Answer:
        del operation
        (seconds,) = parse_qs(content(request.body).decode())["AccessKeyId"]
        loop.sleep(float(seconds))
        return Answer(200, _IDENTITY)

    return answer


def content(body: Any) -> bytes:
    """What a request carries, as bytes."""
    return body.encode() if isinstance(body, str) else bytes(body or b"")
