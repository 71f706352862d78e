"""Runs one job of user code in this process: a Python callable, or an operator class of the user's.

A job is plain JSON (see `run_job`), and so is the result; what the callable raises is told by the names of its classes.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from leeward.core.errors import TaskError
from leeward.core.sources import CALL
from leeward.templating.files import searching
from leeward.templating.render import Settings, present, render
from leeward.worker.airflow_names import CONTEXT, AirflowTaskTimeout, BaseOperator
from leeward.worker.callbacks import beside, call_back, miss_deadline
from leeward.worker.channel import XCOMS, Channel, TaskInstance
from leeward.worker.context import UNSET, context_of
from leeward.worker.known import Context
from leeward.worker.load import load
from leeward.worker.macros import imported
from leeward.worker.values import build, plain

SKIP: Final = "AirflowSkipException"
FINAL: Final = frozenset({"AirflowFailException", "AirflowSensorTimeout"})


def run_job(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Run a job to its end.

    `job` holds `kind` ("python", "operator", "callbacks", "deadline", or "render", which only renders `fields`), `callable`
    (an import path, or a mapping with `file` and `name`), `args` and `kwargs`, `facts` (see `context_of`), `strict`: whether
    every one of `kwargs` must fit the signature, and `templates`, where those are to be rendered here: `native`, `macros`,
    `filters`, `undefined`, `options` and `searchpath`. Callbacks come as a list of `callable` and `kwargs`, with what their
    context holds besides: `more`, or all that a deadline's holds: `context`.
    `catches` are import paths of exceptions. The result holds `ended` ("returned", "skipped" or "failed"), and `value`, or
    `error` and `retryable`, and which of `catches` the error is, `exactly` or `also`.
    """
    context = context_of(job["facts"], channel)
    token = CONTEXT.set(context)
    try:
        value = _run(job, context, channel)
        return {"ended": "returned", "value": plain(value)}
    except (Exception, SystemExit, AirflowTaskTimeout) as error:  # noqa: BLE001 - whatever user code raises
        return _raised(error, job.get("catches", ()))
    finally:
        CONTEXT.reset(token)


def _run(job: Mapping[str, Any], context: Context, channel: Channel) -> Any:
    if job["kind"] == "callbacks":
        return call_back(job, context)
    if job["kind"] == "deadline":
        return miss_deadline(job)
    job = _rendered(job, context, channel)
    if job["kind"] == "render":
        return job["fields"]
    target = load(job["callable"])
    args, kwargs = (build(_filled(job[name], context["ti"])) for name in ("args", "kwargs"))
    if job["kind"] == "operator":
        return _operator(target, kwargs, build(_filled(job["rendered"], context["ti"])), context)
    if job.get("templates_dict") is not None:
        context = beside(context, "templates_dict", build(job["templates_dict"]))
    return target(*args, **arguments(target, args, kwargs, context, strict=job["strict"]))


def _rendered(job: Mapping[str, Any], context: Context, channel: Channel) -> Mapping[str, Any]:
    """The job with its templates rendered, if that was left to this process."""
    templates = job.get("templates")
    if templates is None:
        return job
    own = {**UNSET, **imported(templates["macros"])}
    settings = Settings(
        templates["native"],
        own,
        searching(channel.read, templates["searchpath"]),
        imported(templates["filters"]),
        templates["undefined"],
        templates["options"],
    )
    parts = {name: job[name] for name in ("args", "kwargs", "templates_dict", "rendered", "fields") if name in job}
    if job["kind"] == "operator":
        del parts["kwargs"]
    return {**job, **render(parts, context, settings)}


def _filled(value: Any, ti: TaskInstance) -> Any:
    """The value with what a function makes of another (`__call__`), and with what the instances of a mapped task pushed."""
    if isinstance(value, Mapping):
        if CALL in value:
            return load(value[CALL])(build(_filled(value["value"], ti)))
        if XCOMS in value:
            return ti.every(value[XCOMS], value["key"])
        return {key: _filled(item, ti) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, ti) for item in value]
    return value


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
    taken = list(parameters)[: len(args)]
    reserved = [name for name in taken if name in context or name in kwargs]
    if reserved:
        raise ValueError(f"The key {reserved[0]!r} in args is a part of kwargs and therefore reserved.")
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        named = {name: context[name] for name in parameters if name in context and name not in kwargs}
        return {**present(context), **named, **kwargs}
    unknown = [name for name in kwargs if name not in parameters]
    if strict and unknown:
        raise TypeError(f"{target.__name__}() has no argument {unknown[0]!r}")
    asked = {name: context[name] for name in parameters if name in context and name not in kwargs}
    return {**asked, **{name: value for name, value in kwargs.items() if name in parameters}}


def _raised(error: BaseException, catches: Sequence[str]) -> dict[str, Any]:
    names = {cls.__name__ for cls in type(error).__mro__}
    if isinstance(error, TaskError):
        return {"ended": "failed", "error": str(error), "retryable": error.retryable}
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    if SKIP in names:
        return {"ended": "skipped", "error": text}
    traceback.print_exception(error)
    return {"ended": "failed", "error": text, "retryable": not names & FINAL, **_known_by(error, catches)}


def _known_by(error: BaseException, catches: Sequence[str]) -> dict[str, list[str]]:
    """By which of these import paths the error's class, or one above it, is known: paths may name one class twice."""
    found: dict[str, list[str]] = {}
    for path in catches:
        with suppress(ImportError, AttributeError):
            kind = load(path)
            if isinstance(kind, type) and isinstance(error, kind):
                found.setdefault("exactly" if type(error) is kind else "also", []).append(path)
    return found
