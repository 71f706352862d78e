"""The scheduler: ticks of rules, looks at runs, the sweep of every minute, and what people ask for by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from leeward.aws.batch import answer_batch, ends_at
from leeward.aws.messages import message_of
from leeward.aws.wiring import account, ports
from leeward.core.errors import UsageError
from leeward.engine.handle import handle
from leeward.engine.pause import set_paused
from leeward.engine.ports import Ports
from leeward.engine.trigger_run import trigger_run


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages, or a person's request to start a run, or to pause or resume a DAG."""
    try:
        return respond(ports(), account().sqs, event, context)
    finally:
        sys.stdout.flush()


def respond(ports: Ports, sqs: Any, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The same over given ports and a client of SQS."""
    deadline = ends_at(ports, context)
    if "trigger" in event:
        return _triggered(ports, event["trigger"])
    if "pause" in event:
        return _paused(ports, event["pause"])
    return answer_batch(event, lambda text: handle(ports, message_of(text), deadline), sqs)


def _triggered(ports: Ports, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        info = trigger_run(ports, **request)
    except UsageError as error:
        return {"error": str(error)}
    return {"run_id": info.ref.run_id, "version": info.ref.version}


def _paused(ports: Ports, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        changed = set_paused(ports, request["dag_id"], paused=request["paused"])
    except UsageError as error:
        return {"error": str(error)}
    return {"changed": changed}
