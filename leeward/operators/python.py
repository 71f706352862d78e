"""PythonOperator, BranchPythonOperator, ShortCircuitOperator, and operator classes of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from leeward.core.branching import not_chosen, short_circuited
from leeward.core.dag import Json, SkipScope
from leeward.core.errors import TaskError
from leeward.core.facts import Outcome, Succeeded
from leeward.operators.base import Attempt, Operator, Services
from leeward.operators.facts import airflow_variables
from leeward.operators.mapped import described
from leeward.operators.rendering import for_user_code, referenced
from leeward.spec.catalogue import Parameter, Signature

_RETURNED: Final = "return_value"
_CALLABLE: Final[Mapping[str, Json]] = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["file", "name"]}]}
_TEMPLATED: Final = frozenset({"op_args", "op_kwargs", "templates_dict"})

PARAMETERS: Final[Mapping[str, Parameter]] = {
    "python_callable": Parameter(
        _CALLABLE, required=True, note="Import path of a function; modules beside the spec are found."
    ),
    "op_args": Parameter({"type": ["array", "null"]}, templated=True, note="Positional arguments."),
    "op_kwargs": Parameter(
        {"type": ["object", "null"]}, templated=True, note="Keyword arguments; others come from the context."
    ),
    "templates_dict": Parameter(
        {"type": ["object", "null"]}, templated=True, note="A mapping that the function gets as `templates_dict`."
    ),
    "multiple_outputs": Parameter({"type": "boolean"}, note="Whether a returned mapping is also pushed key by key."),
    "show_return_value_in_logs": Parameter(
        {"type": "boolean"}, note="Whether the log shows what was returned. True by default."
    ),
}


def _paths(name: str) -> tuple[str, ...]:
    return (
        f"airflow.providers.standard.operators.python.{name}",
        f"airflow.operators.python.{name}",
        f"airflow.operators.python_operator.{name}",
    )


def _decorators(short: str, module: str, function: str) -> tuple[str, ...]:
    """The import paths of a TaskFlow decorator: `task` or `task.NAME`, and the function behind it."""
    return (
        f"airflow.sdk.{short}",
        f"airflow.decorators.{short}",
        f"airflow.sdk.definitions.decorators.{short}",
        f"airflow.providers.standard.decorators.{module}.{function}",
        f"airflow.decorators.{module}.{function}",
    )


def _job(attempt: Attempt, services: Services) -> dict[str, Json]:
    fields = for_user_code(attempt, services, _TEMPLATED)
    arguments = fields.values
    return {
        "kind": "python",
        "callable": arguments["python_callable"],
        "args": arguments.get("op_args") or [],
        "kwargs": arguments.get("op_kwargs") or {},
        "templates_dict": arguments.get("templates_dict"),
        "templates": fields.templates,
        "facts": described(attempt, services),
        "environment": dict(airflow_variables(attempt)),
        "strict": "Decorated" in attempt.task.operator,
        "catches": attempt.task.retry.exceptions,
    }


def _call(attempt: Attempt, services: Services) -> Outcome:
    return services.user_code.run(_job(attempt, services), attempt, services.xcoms, services.log)


def python(attempt: Attempt, services: Services) -> Outcome:
    """Call the function; what it returns becomes the XCom."""
    return pushed(attempt, services, _call(attempt, services))


def branch(attempt: Attempt, services: Services) -> Outcome:
    """Call the function; the tasks that it doesn't name are skipped."""
    result = _call(attempt, services)
    return branched(attempt, services, result) if isinstance(result, Succeeded) else result


def short_circuit(attempt: Attempt, services: Services) -> Outcome:
    """Call the function; if what it returns is false, what follows is skipped."""
    result = _call(attempt, services)
    if not isinstance(result, Succeeded):
        return result
    skip = () if result.xcoms[_RETURNED] else short_circuited(attempt.dag, attempt.task)
    return _skipping(attempt, services, result, skip)


def user_class(attempt: Attempt, services: Services) -> Outcome:
    """Make and execute an operator class of the user's."""
    fields = for_user_code(attempt, services, None)
    job: dict[str, Json] = {
        "kind": "operator",
        "callable": attempt.task.operator,
        "args": [],
        "kwargs": referenced(attempt, services, lazy=True),
        "rendered": fields.values,
        "templates": fields.templates,
        "facts": described(attempt, services),
        "environment": dict(airflow_variables(attempt)),
        "strict": False,
        "catches": attempt.task.retry.exceptions,
    }
    return pushed(attempt, services, services.user_code.run(job, attempt, services.xcoms, services.log))


def branched(attempt: Attempt, services: Services, result: Succeeded) -> Outcome:
    """What a branch asks to be skipped, given what it returned."""
    skip = not_chosen(attempt.dag, attempt.task, _names(result.xcoms[_RETURNED]))
    return _skipping(attempt, services, result, skip)


def _names(value: Json) -> Iterable[str]:
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise TaskError("LW407", "a branch returns the id of a task or group, or a list of ids", retryable=True)
    return [str(name) for name in names]


def _skipping(attempt: Attempt, services: Services, result: Succeeded, skip: tuple[str, ...]) -> Outcome:
    """Airflow raises an exception to skip, so that what was returned is pushed only when nothing is skipped."""
    if not skip:
        return pushed(attempt, services, result)
    services.log(f"Skipping {', '.join(skip)}")
    rest = {key: value for key, value in result.xcoms.items() if key != _RETURNED}
    return Succeeded(rest, skip)


def pushed(attempt: Attempt, services: Services, result: Outcome) -> Outcome:
    """The outcome with the XComs that are really pushed: no null, nothing if the task pushes nothing."""
    if not isinstance(result, Succeeded) or _RETURNED not in result.xcoms:
        return result
    value = result.xcoms[_RETURNED]
    xcoms = {key: item for key, item in result.xcoms.items() if key != _RETURNED}
    if attempt.task.arguments.get("show_return_value_in_logs", True) and attempt.task.arguments.get("python_callable"):
        services.log(f"Done. Returned value was: {value}")
    if value is None:
        return replace(result, xcoms=xcoms)
    if attempt.task.arguments.get("multiple_outputs"):
        if not isinstance(value, Mapping):
            raise TaskError("LW408", "multiple_outputs wants a mapping with text keys to be returned")
        xcoms.update(value)
    return replace(result, xcoms={**xcoms, _RETURNED: value})


_IGNORE: Final = {
    "ignore_downstream_trigger_rules": Parameter(
        {"type": "boolean"},
        note="Whether everything downstream is skipped, whatever its trigger rules. True by default.",
    )
}


@dataclass(frozen=True, slots=True)
class _Row:
    """An operator that calls a function, and the TaskFlow decorator that makes the same."""

    name: str
    start: Callable[[Attempt, Services], Outcome]
    note: str
    module: str
    short: str
    scope: SkipScope = SkipScope.NOTHING
    more: Mapping[str, Parameter] = field(default_factory=dict)

    def operators(self) -> tuple[Operator, Operator]:
        """The operator, and the decorated one by Airflow's name for it."""
        parameters = {**PARAMETERS, **self.more}
        plain = Signature(self.name, _paths(self.name), parameters, skip_scope=self.scope, note=self.note)
        name = f"_{self.name.replace('Operator', 'DecoratedOperator')}"
        function = f"{self.module.removesuffix('_python')}_task"
        decorated = Signature(
            name,
            (f"airflow.providers.standard.decorators.{self.module}.{name}",),
            parameters,
            _decorators(self.short, self.module, function),
            skip_scope=self.scope,
            note=f"{self.note} Other keys of the task are the function's arguments.",
        )
        return Operator(plain, self.start, user_code=True), Operator(decorated, self.start, user_code=True)


OPERATORS: Final = tuple(
    operator
    for row in (
        _Row("PythonOperator", python, "Calls a Python function in a process of its own.", "python", "task"),
        _Row(
            "BranchPythonOperator",
            branch,
            "Calls a function that names what to go on with; other direct downstream tasks are skipped.",
            "branch_python",
            "task.branch",
            SkipScope.DIRECT,
        ),
        _Row(
            "ShortCircuitOperator",
            short_circuit,
            "Calls a function; if what it returns is false, everything downstream is skipped.",
            "short_circuit",
            "task.short_circuit",
            SkipScope.ALL,
            _IGNORE,
        ),
    )
    for operator in row.operators()
)
USER_CLASS: Final = Operator(Signature("", (), {}), user_class, user_code=True)
