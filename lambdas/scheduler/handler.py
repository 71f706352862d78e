"""The scheduler: ticks of rules, looks at runs, the sweep of every minute, and runs that are started by hand."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from leeward.aws.batch import answer_batch, queue_url
from leeward.aws.messages import message_of
from leeward.aws.wiring import account, backlog_seconds, ports
from leeward.core.errors import UsageError
from leeward.engine.create_due import create_all_due, create_due
from leeward.engine.handle import handle
from leeward.engine.sweep import sweep
from leeward.engine.trigger_run import trigger_run


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages, or a person's request to start a run."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    if "trigger" in event:
        return _triggered(event["trigger"])
    return answer_batch(event, lambda text: _answer(text, deadline), account().sqs, queue_url(event))


def _answer(text: str, deadline: float) -> None:
    found = json.loads(text)
    if "tick" in found:
        create_due(ports(), found["tick"])
    elif "sweep" in found:
        sweep(ports(), backlog_seconds)
        create_all_due(ports())
    else:
        handle(ports(), message_of(text), deadline)


def _triggered(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        info = trigger_run(ports(), **request)
    except UsageError as error:
        return {"error": str(error)}
    finally:
        sys.stdout.flush()
    return {"run_id": info.ref.run_id, "version": info.ref.version}
