"""Airflow's names for user code, where Airflow itself is not installed.

A finder at the end of the import path answers for a few modules, and only when nobody else did. Exceptions are told by
their *names* anyway, so that code written against the real Airflow behaves the same.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextvars import ContextVar
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

CONTEXT: ContextVar[Mapping[str, Any]] = ContextVar("context")


class AirflowException(Exception):
    """Any error of Airflow's."""


class AirflowSkipException(AirflowException):
    """The task asks to be skipped."""


class AirflowFailException(AirflowException):
    """The task fails and is not tried again."""


class AirflowSensorTimeout(AirflowException):
    """A sensor has waited too long; the task is not tried again."""


class AirflowTaskTimeout(BaseException):
    """The task took longer than it may."""


class AirflowNotFoundException(AirflowException):
    """Something that was asked for is not there."""


class BaseOperator:
    """What a class of the user's may derive from: it keeps its arguments' names and is executed with a context."""

    template_fields: Sequence[str] = ()

    def __init__(self, task_id: str, **kwargs: Any) -> None:
        self.task_id = task_id
        for name, value in kwargs.items():
            setattr(self, name, value)

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Do the work; what is returned becomes the XCom."""
        raise NotImplementedError


class BaseNotifier:
    """What a notifier of the user's may derive from: it is called with the context, or made with it and awaited."""

    template_fields: Sequence[str] = ()

    def __init__(self, context: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        del kwargs
        self.context = context or {}

    def __await__(self) -> Generator[Any, None, None]:
        """As the asynchronous callback of a deadline is called."""
        return self.async_notify(self.context).__await__()

    async def async_notify(self, context: Mapping[str, Any]) -> None:
        """Tell somebody, asynchronously."""
        raise NotImplementedError

    def __call__(self, context: Mapping[str, Any]) -> None:
        """As a callback is called."""
        self.notify(context)

    def notify(self, context: Mapping[str, Any]) -> None:
        """Tell somebody."""
        raise NotImplementedError


class Variable:
    """Airflow variables, by key."""

    @classmethod
    def get(cls, key: str, default: Any = None, default_var: Any = None, deserialize_json: bool = False) -> Any:
        """The variable, the default, or KeyError."""
        space = CONTEXT.get()["var"]
        chosen = space.json if deserialize_json else space.value
        fallback = default if default_var is None else default_var
        return chosen[key] if fallback is None else chosen.get(key, fallback)


def get_current_context() -> Mapping[str, Any]:
    """The context of the task that is running."""
    return CONTEXT.get()


_ERRORS: Final = {
    error.__name__: error
    for error in (
        AirflowException,
        AirflowSkipException,
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowTaskTimeout,
        AirflowNotFoundException,
    )
}
_SDK: Final = {
    "BaseNotifier": BaseNotifier,
    "BaseOperator": BaseOperator,
    "Variable": Variable,
    "get_current_context": get_current_context,
}
_PYTHON: Final = {"get_current_context": get_current_context}
MODULES: Final[Mapping[str, Mapping[str, Any]]] = {
    "airflow": {},
    "airflow.exceptions": _ERRORS,
    "airflow.models": {"BaseOperator": BaseOperator, "Variable": Variable},
    "airflow.models.baseoperator": {"BaseOperator": BaseOperator},
    "airflow.models.variable": {"Variable": Variable},
    "airflow.operators": {},
    "airflow.operators.python": _PYTHON,
    "airflow.notifications": {},
    "airflow.notifications.basenotifier": {"BaseNotifier": BaseNotifier},
    "airflow.sdk": _SDK,
    "airflow.sdk.bases.notifier": {"BaseNotifier": BaseNotifier},
    "airflow.sdk.bases": {},
    "airflow.sdk.bases.operator": {"BaseOperator": BaseOperator},
    "airflow.sdk.exceptions": _ERRORS,
}


class _Names(MetaPathFinder, Loader):
    """Finds and fills the modules above."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name not in MODULES:
            return None
        return ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(MODULES[module.__name__])


def install() -> None:
    """Answer for Airflow's modules from now on, if nobody else does."""
    if not any(isinstance(finder, _Names) for finder in sys.meta_path):
        sys.meta_path.append(_Names())
