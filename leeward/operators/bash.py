"""BashOperator: Airflow's exit codes, environment and XCom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from leeward.core.dag import Json
from leeward.core.errors import TaskError
from leeward.core.facts import Failed, Outcome, Skipped, Succeeded
from leeward.operators.base import Attempt, Operator, RenderFirst, Services
from leeward.operators.facts import airflow_variables
from leeward.operators.raised import AIRFLOW_EXCEPTION, TASK_TIMEOUT
from leeward.operators.rendering import Fields, for_user_code, render_job, rendered
from leeward.spec.catalogue import Parameter, Signature
from leeward.worker.bash import UnrenderedError

_TEMPLATED: Final = frozenset({"bash_command", "env", "cwd"})
_CODES: Final[Mapping[str, Json]] = {
    "anyOf": [{"type": ["integer", "null"]}, {"type": "array", "items": {"type": "integer"}}]
}

SIGNATURE: Final = Signature(
    "BashOperator",
    (
        "airflow.providers.standard.operators.bash.BashOperator",
        "airflow.operators.bash.BashOperator",
        "airflow.operators.bash_operator.BashOperator",
    ),
    {
        "bash_command": Parameter(
            {"type": "string"},
            required=True,
            templated=True,
            note="The command. One that ends in .sh or .bash names a file beside the spec, which may hold templates.",
        ),
        "env": Parameter(
            {"type": ["object", "null"]}, templated=True, note="The environment; by default the worker's own."
        ),
        "append_env": Parameter({"type": "boolean"}, note="Whether `env` is added to the worker's environment."),
        "output_encoding": Parameter({"type": "string"}, note="Encoding of the output, utf-8 by default."),
        "skip_on_exit_code": Parameter(_CODES, note="The exit code, or codes, that skip the task; 99 by default."),
        "cwd": Parameter(
            {"type": ["string", "null"]}, templated=True, note="The folder to run in; by default a new one."
        ),
    },
    note="Runs a Bash command. The last line of its output becomes the XCom.",
)


def start(attempt: Attempt, services: Services) -> Outcome:
    """Run the command to its end."""
    fields = for_user_code(attempt, services, _TEMPLATED)
    arguments = fields.values
    own = {str(key): str(value) for key, value in (arguments.get("env") or {}).items()}
    inherit = arguments.get("env") is None or bool(arguments.get("append_env"))
    command = _command(fields, attempt, services)
    try:
        ended = services.user_code.bash(
            command,
            {**({} if fields.templates else own), **airflow_variables(attempt)},
            attempt,
            services.log,
            cwd=arguments.get("cwd"),
            encoding=arguments.get("output_encoding") or "utf-8",
            inherit=inherit,
            first=_first(command, fields, attempt, services),
        )
    except FileNotFoundError as error:
        return Failed(f"AirflowException: {error}", raised=AIRFLOW_EXCEPTION)
    except UnrenderedError as error:
        return Failed(str(error), raised=AIRFLOW_EXCEPTION)
    if ended.code is None:
        told = f"AirflowTaskTimeout: the command took longer than {attempt.timeout_seconds:g} s"
        return Failed(told, raised=TASK_TIMEOUT)
    if ended.code in _skip_codes(arguments):
        return Skipped(f"Bash command returned exit code {ended.code}. Skipping.")
    if ended.code:
        told = f"Bash command failed. The command returned a non-zero exit code {ended.code}."
        return Failed(told, raised=AIRFLOW_EXCEPTION)
    return Succeeded({"return_value": ended.last_line})


def _first(command: str, fields: Fields, attempt: Attempt, services: Services) -> RenderFirst | None:
    """What renders the command where user code runs, if that is left to do."""
    if fields.templates is None:
        return None
    written = {"command": command, "env": fields.values.get("env"), "cwd": fields.values.get("cwd")}
    return RenderFirst(render_job(attempt, Fields(written, fields.templates)), services.xcoms)


def _command(fields: Fields, attempt: Attempt, services: Services) -> str:
    command = str(fields.values["bash_command"])
    if not command.endswith((".sh", ".bash")):
        return command
    text = services.user_code.read(command)
    if text is None:
        raise TaskError("LW404", f"there is no file {command} beside the spec (a space at the end makes it a command)")
    return text if fields.templates else str(_rendered_file(text, attempt, services))


def _rendered_file(text: str, attempt: Attempt, services: Services) -> Any:
    one = replace(attempt, task=replace(attempt.task, arguments={"bash_command": text}))
    return rendered(one, services)["bash_command"]


def _skip_codes(arguments: dict[str, Any]) -> list[int]:
    codes = arguments.get("skip_on_exit_code", 99)
    if codes is None:
        return []
    return codes if isinstance(codes, list) else [codes]


OPERATOR: Final = Operator(SIGNATURE, start, user_code=True)
