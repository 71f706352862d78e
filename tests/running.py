"""Runs a spec to its end in this process, with real Bash and Python, and tells what came of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leeward.core.dag import Json
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.drop_spec import drop_spec
from leeward.engine.ports import Clock
from leeward.engine.scope import open_scope
from leeward.local.aws_calls import Refused
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import local
from leeward.operators.base import Attempt, Aws
from leeward.spec.version import version
from tests.spec.reading import dag as compiled_dag

DATE = "2024-01-15T06:30:00+00:00"


@dataclass
class Ended:
    """A run that has ended. `states` and `tries` are by task id; `log` holds the tasks' own lines."""

    state: str
    states: dict[str, str]
    tries: dict[str, int]
    xcoms: dict[str, Json]
    errors: dict[str, str]
    log: list[str] = field(default_factory=list)


def run(
    text: str,
    folder: Path,
    *,
    modules: Mapping[str, str] | None = None,
    aws: Aws | None = None,
    environment: Mapping[str, str] | None = None,
    conf: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> Ended:
    """Run the only DAG of a spec. `modules` are files beside it."""
    for name, body in (modules or {}).items():
        (folder / name).write_text(textwrap.dedent(body))
    dag = compiled_dag(text, env={"CONFIG_ROOT_DIR": str(folder)})
    lines: list[str] = []

    def log(attempt: Attempt, line: str) -> None:
        lines.append(f"{attempt.task.task_id}: {line}")

    here = local(
        folder,
        aws or Refused(),
        EnvironmentSecrets(environment or {}),
        parallelism=4,
        log=log,
        clock=clock,
    )
    info = RunInfo(
        RunRef(dag.dag_id, f"manual__{DATE}", version(dag)), RunType.MANUAL, DATE, DATE, DATE, DATE, conf=conf or {}
    )
    try:
        drop_spec(here.ports, [dag])
        header = here.runtime.run(info)
        view = open_scope(here.ports, info).read_all()
        entries = {task.task_id: view.entry(i) for i, task in enumerate(dag.tasks)}
        errors = {
            task.task_id: error
            for i, task in enumerate(dag.tasks)
            if (error := here.attempts.error(info.ref, i, entries[task.task_id].try_number))  # type: ignore[union-attr]
        }
        return Ended(
            header.state.value,
            {name: entry.state.value for name, entry in entries.items() if entry},
            {name: entry.try_number for name, entry in entries.items() if entry},
            {task_id: value for task_id, _, value in here.xcoms.returned(info.ref)},
            errors,
            lines,
        )
    finally:
        here.close()


def one(keys: str, folder: Path, **more: Any) -> Ended:
    """Run a DAG of one task `t` with these keys."""
    body = textwrap.indent(textwrap.dedent(keys).strip("\n"), " " * 6)
    return run(f"d:\n  tasks:\n    t:\n{body}\n", folder, **more)
