"""What an operator is, and what it is given when it runs.

An operator is data and a few small functions. It never touches run state: it gets an `Attempt` and the services
below, and returns an outcome. It may be started again for a later try, never twice for the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from leeward.core.dag import Dag, Json, Task
from leeward.core.facts import Outcome
from leeward.core.run import RunInfo
from leeward.spec.catalogue import Signature
from leeward.worker.bash import Ended


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one task instance. `index` is the task's place in the DAG, `owner` the try's random token.

    `start` and `until`, the end of its lease, are seconds since the epoch. `timeout_seconds` is what is left for the body;
    None = no limit. `left` holds the XComs of upstream tasks that are known without reading, by task id and key.
    """

    dag: Dag
    task: Task
    run: RunInfo
    try_number: int
    max_tries: int
    owner: str
    start: float
    index: int = 0
    until: float = 0.0
    map_index: int = -1
    timeout_seconds: float | None = None
    left: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The task's id, and of a mapped task which instance it is."""
        return self.task.task_id if self.map_index < 0 else f"{self.task.task_id}[{self.map_index}]"


class XComs(Protocol):
    """XCom values of one run, as a task may see them."""

    def pull(self, task_id: str, key: str, map_index: int = -1) -> Json:
        """The value, or None when nothing was pushed under that key."""

    def has(self, task_id: str, key: str, map_index: int = -1) -> bool:
        """Whether something was pushed under that key (it may be null)."""

    def map_indexes(self, task_id: str, key: str) -> Sequence[int]:
        """The map indexes under which something was pushed, in order; -1 stands for a task that is not mapped."""


class Aws(Protocol):
    """Calls AWS, one request a call, with names as in botocore (`s3`, `ListBuckets`)."""

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """The response without ResponseMetadata's headers. Raises `AwsError`."""


class AwsError(Exception):
    """AWS refused a call. `code` is AWS's error code, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class HandedOver(Exception):  # noqa: N818 - a fact, no mistake
    """The body goes on elsewhere, and its result comes as a message of its own."""


@dataclass(frozen=True, slots=True)
class RenderFirst:
    """A job that renders the fields of a Bash command in a process of user code, and the XComs that they may ask for."""

    job: Mapping[str, Json]
    xcoms: XComs


class UserCode(Protocol):
    """Runs user code in a process of its own, bounded by the attempt's `timeout_seconds`.

    `run` and `bash` may raise HandedOver.
    """

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> Outcome:
        """Run a Python job (see `leeward.worker.call.run_job`). What it returns is the XCom `return_value`, None too."""

    def run_all(
        self,
        jobs: Sequence[tuple[Attempt, Mapping[str, Json]]],
        xcoms: XComs,
        log: Callable[[Attempt, str], None],
    ) -> Sequence[Mapping[str, Any]]:
        """Run Python jobs of instances of one task, one after the other in one call; the answer of each, in order."""

    def bash(
        self,
        command: str,
        environment: Mapping[str, str],
        attempt: Attempt,
        log: Callable[[str], None],
        *,
        cwd: str | None,
        encoding: str,
        inherit: bool,
        first: RenderFirst | None = None,
    ) -> Ended:
        """Run a Bash command. With `inherit` its environment is this one on top of the process's own.

        `first` gives `command`, `env` and `cwd`, where those need user code to be rendered; that `env` lies below
        `environment`. Raises `leeward.worker.bash.UnrenderedError` if they can't be.
        """

    def read(self, name: str) -> str | None:
        """The text of a file beside the spec, or None."""

    def answered(self, result: Json) -> Json:
        """An answer that came as a message (see `leeward.operators.answers`), whole."""


class Secrets(Protocol):
    """Variables and connections, by Airflow's conventions."""

    def variable(self, key: str) -> str | None:
        """The text of a variable, or None."""

    def connection(self, conn_id: str) -> Mapping[str, Json] | None:
        """A connection's fields (conn_type, host, login, password, schema, port, extra), or None."""


History = Callable[[], Mapping[str, str | None] | None]
"""Looks up the dates of the DAG's last successful run before this one: see `leeward.engine.history`."""


@dataclass(frozen=True, slots=True)
class Services:
    """What an operator may use. `log` takes one line of the task's log."""

    aws: Aws
    user_code: UserCode
    xcoms: XComs
    secrets: Secrets
    log: Callable[[str], None]
    history: History = lambda: None


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of the catalogue. `poll` gets the job that a Deferred outcome carried.

    `user_code` says that `start` runs code of the user's. It is then called again with the code's result where that came
    later, so that it may not do anything else.
    """

    signature: Signature
    start: Callable[[Attempt, Services], Outcome]
    poll: Callable[[Attempt, Json, Services], Outcome] | None = None
    user_code: bool = False
