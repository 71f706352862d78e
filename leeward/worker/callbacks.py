"""Calls callbacks in this process. One that fails is told of and keeps no other from being called."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from leeward.worker.airflow_names import AirflowException
from leeward.worker.known import Context
from leeward.worker.load import load
from leeward.worker.values import build


def call_back(job: Mapping[str, Any], context: Context) -> None:
    """Call each with the context (Airflow's rule: a class is made with the arguments first). One that fails is told of."""
    for name, value in job["more"].items():
        context = beside(context, name, AirflowException(value) if name == "exception" else value)
    for callback in job["callbacks"]:
        try:
            target, kwargs = load(callback["callable"]), build(callback["kwargs"])
            if isinstance(target, type):
                target(**kwargs)(context)
            else:
                target(context, **kwargs)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one that fails keeps no other from being called
            traceback.print_exception(error)


def miss_deadline(job: Mapping[str, Any]) -> None:
    """Call what a missed deadline asks for, by Airflow's rules: with `context` by name, if it takes that."""
    deadline = {
        **job["context"]["deadline"],
        "deadline_time": datetime.fromisoformat(job["context"]["deadline"]["deadline_time"]),
    }
    context = {**job["context"], "deadline": deadline}
    for callback in job["callbacks"]:
        try:
            _missed(load(callback["callable"]), build(callback["kwargs"]), context, awaited=job["awaited"])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it changes nothing
            traceback.print_exception(error)


def _missed(
    target: Callable[..., Any], kwargs: Mapping[str, Any], context: Mapping[str, Any], *, awaited: bool
) -> None:
    """An asynchronous callback is awaited; what a plain one returns is called in its turn, if it can be (a notifier)."""
    given = target(**kwargs, **({"context": context} if _takes_context(target) else {}))
    if awaited:
        asyncio.run(_wait_for(given))
    elif callable(given):
        _call_with(given, context)


async def _wait_for(given: Any) -> None:
    await given


def _call_with(made: Callable[..., Any], context: Mapping[str, Any]) -> None:
    kinds = {p.kind for p in inspect.signature(made).parameters.values()}
    named = kinds - {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}
    if not named:
        made(context)
    elif _takes_context(made):
        made(context=context)
    else:
        made()


def _takes_context(target: Callable[..., Any]) -> bool:
    parameters = inspect.signature(target).parameters
    return "context" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def beside(context: Context, name: str, value: Any) -> Context:
    """The context with one name more."""
    more = context.copy()
    more[name] = value
    return more
