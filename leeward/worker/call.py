"""Runs one job of user code in this process: a Python callable, or an operator class of the user's.

A job is plain JSON (see `run_job`), and so is the result; what the callable raises is told by the names of its classes.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from leeward.worker.airflow_names import CONTEXT, AirflowException, AirflowTaskTimeout, BaseOperator
from leeward.worker.channel import Channel
from leeward.worker.context import context_of
from leeward.worker.values import build, plain

SKIP: Final = "AirflowSkipException"
FINAL: Final = frozenset({"AirflowFailException", "AirflowSensorTimeout"})


def run_job(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Run a job to its end.

    `job` holds `kind` ("python", "operator" or "callbacks"), `callable` (an import path, or a mapping with `file` and
    `name`), `args` and `kwargs`, `facts` (see `context_of`), and `strict`: whether every one of `kwargs` must fit the
    signature. Callbacks come as a list of `callable` and `kwargs`, with what their context holds beside the usual: `more`.
    The result holds `ended` ("returned", "skipped" or "failed"), and `value`, or `error` and `retryable`.
    """
    context = context_of(job["facts"], channel)
    token = CONTEXT.set(context)
    try:
        value = _run(job, context)
        return {"ended": "returned", "value": plain(value)}
    except (Exception, SystemExit, AirflowTaskTimeout) as error:  # noqa: BLE001 - whatever user code raises
        return _raised(error)
    finally:
        CONTEXT.reset(token)


def _run(job: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    if job["kind"] == "callbacks":
        return _call_back(job, context)
    target = load(job["callable"])
    args, kwargs = build(job["args"]), build(job["kwargs"])
    if job["kind"] == "operator":
        return _operator(target, kwargs, build(job["rendered"]), context)
    if job.get("templates_dict") is not None:
        context = {**context, "templates_dict": build(job["templates_dict"])}
    return target(*args, **arguments(target, args, kwargs, context, strict=job["strict"]))


def _call_back(job: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """Call each with the context (Airflow's rule: a class is made with the arguments first). One that fails is told of."""
    more = dict(job["more"])
    if "exception" in more:
        more["exception"] = AirflowException(more["exception"])
    for callback in job["callbacks"]:
        try:
            target, kwargs = load(callback["callable"]), build(callback["kwargs"])
            if isinstance(target, type):
                target(**kwargs)({**context, **more})
            else:
                target({**context, **more}, **kwargs)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one that fails keeps no other from being called
            traceback.print_exception(error)


def _operator(target: Any, raw: Mapping[str, Any], rendered: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    fields = frozenset(getattr(target, "template_fields", ()))
    chosen = {name: rendered[name] if name in fields else value for name, value in raw.items()}
    task = target(task_id=context["ti"].task_id, **chosen)
    if not isinstance(task, BaseOperator) and not hasattr(task, "execute"):
        raise TypeError(f"{target.__name__} has no method execute(context)")
    return task.execute(context)


def arguments(
    target: Callable[..., Any],
    args: list[Any],
    kwargs: Mapping[str, Any],
    context: Mapping[str, Any],
    *,
    strict: bool,
) -> dict[str, Any]:
    """The keyword arguments that a callable gets: its own, and what its signature asks of the context (Airflow's rule)."""
    parameters = inspect.signature(target).parameters
    everything = {**context, **kwargs}
    taken = list(parameters)[: len(args)]
    reserved = [name for name in taken if name in everything]
    if reserved:
        raise ValueError(f"The key {reserved[0]!r} in args is a part of kwargs and therefore reserved.")
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return everything
    unknown = [name for name in kwargs if name not in parameters]
    if strict and unknown:
        raise TypeError(f"{target.__name__}() has no argument {unknown[0]!r}")
    return {name: value for name, value in everything.items() if name in parameters}


def load(reference: str | Mapping[str, str]) -> Any:
    """What an import path, or a file and a name, refers to. A module is imported once in a process."""
    if isinstance(reference, str):
        module, _, name = reference.rpartition(".")
        if not module:
            raise ImportError(f"{reference!r} is no import path: write module.function")
        return getattr(importlib.import_module(module), name)
    return getattr(_file(reference["file"]), reference["name"])


@cache
def _file(path: str) -> Any:
    name = "leeward_file_" + "".join(c if c.isalnum() else "_" for c in path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _raised(error: BaseException) -> dict[str, Any]:
    names = {cls.__name__ for cls in type(error).__mro__}
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    if SKIP in names:
        return {"ended": "skipped", "error": text}
    traceback.print_exception(error)
    return {"ended": "failed", "error": text, "retryable": not names & FINAL}
