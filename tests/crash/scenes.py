"""The DAGs whose runs are crashed, and what their bodies do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leeward.contract import FAN_THREADS
from leeward.core.dag import Dag
from tests.crash.state import Try
from tests.spec.reading import dag as compiled

WHEN = 'schedule: "0 0 1 1 *", start_date: "2025-01-01"'
RETRIES = "default_args: {retries: 4, retry_delay: 5}"
BODY = "operator: airflow.providers.standard.operators.python.PythonOperator, python_callable: m.f"
GLUE = "operator: airflow.providers.amazon.aws.operators.glue.GlueJobOperator, job_name: nightly"
SECONDS = 1.0
LONG = 300.0


@dataclass(frozen=True)
class Scene:
    """A DAG and its bodies.

    Tries in `failing` fail, all others succeed; `pushing` tasks return a value; bodies of `slow` tasks take so many
    seconds. With `overlap`, whatever else is due goes on while a body runs. A message of a function that was killed is
    visible again after `visibility` seconds. `by_hand` runs are started by a person. Functions that are
    `cold` have to fetch the DAG each time. `threads` invoke executors for a wide fan: the fewer, the more tries each gets.
    """

    dag: Dag
    failing: frozenset[Try] = frozenset()
    pushing: frozenset[str] = frozenset()
    slow: Mapping[str, float] = field(default_factory=dict)
    overlap: bool = False
    visibility: float = 30.0
    by_hand: bool = False
    cold: bool = False
    threads: int = FAN_THREADS

    def without_retries(self) -> Scene:
        """The same with one try a task; nothing fails but what is lost."""
        tasks = tuple(replace(task, retry=replace(task.retry, retries=0)) for task in self.dag.tasks)
        return replace(self, dag=replace(self.dag, tasks=tasks), failing=frozenset())


def _drawn(tasks: str, keys: str = "") -> Dag:
    return compiled(f"d: {{{WHEN}, {keys}{RETRIES}, tasks: {{{tasks}}}}}")


def _fan(width: int) -> str:
    leaves = [f"t{number:02}" for number in range(width)]
    rows = [f"{leaf}: {{{BODY}, dependencies: [root]}}" for leaf in leaves]
    return ", ".join((f"root: {{{BODY}}}", *rows, f"join: {{{BODY}, dependencies: [{', '.join(leaves)}]}}"))


CHAIN = Scene(
    _drawn(f"a: {{{BODY}}}, b: {{{BODY}, dependencies: [a]}}, c: {{{BODY}, dependencies: [b]}}"),
    failing=frozenset({("b", 1)}),
    pushing=frozenset({"b"}),
)
DIAMOND = Scene(
    _drawn(
        f"a: {{{BODY}}}, b: {{{BODY}, dependencies: [a]}}, c: {{{BODY}, dependencies: [a]}}, "
        f"d: {{{BODY}, dependencies: [b, c]}}"
    ),
    by_hand=True,
)
FAN_10 = Scene(_drawn(_fan(10)))
FAN_12 = Scene(_drawn(_fan(12)))
GROUPS = replace(FAN_12, threads=3)
LONG_BODY = Scene(
    _drawn(f"a: {{{BODY}, execution_timeout: 600}}, b: {{{BODY}, dependencies: [a]}}"),
    pushing=frozenset({"a"}),
    slow={"a": LONG},
)
LATE_BODY = Scene(
    _drawn(f"a: {{{BODY}}}, b: {{{BODY}, dependencies: [a]}}"), pushing=frozenset({"a"}), slow={"a": 70.0}
)
TOLD = Scene(
    _drawn(
        f"a: {{{BODY}, on_retry_callback: m.retry, on_success_callback: m.success}}, "
        f"b: {{{BODY}, dependencies: [a], on_failure_callback: m.failure, on_success_callback: m.success}}",
        "on_success_callback: m.run_success, on_failure_callback: m.run_failure, ",
    ),
    failing=frozenset({("a", 1)}),
)
JOB = Scene(
    _drawn(
        f'a: {{{GLUE}, script_args: {{"--try": "{{{{ ti.task_id }}}} {{{{ ti.try_number }}}}"}}}}, '
        f"b: {{{BODY}, dependencies: [a]}}"
    )
)
