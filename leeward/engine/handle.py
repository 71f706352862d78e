"""One message, whatever it is, to the use case that answers it."""

from __future__ import annotations

from typing import assert_never

from leeward.engine.create_due import create_all_due, create_due
from leeward.engine.execute_task import execute_task
from leeward.engine.finish_task import finish_task
from leeward.engine.hints import Execute, Look, Message, Poll, Result, Sweep, Tick
from leeward.engine.look import look
from leeward.engine.poll_task import poll_task
from leeward.engine.ports import Ports
from leeward.engine.sweep import sweep


def handle(ports: Ports, hint: Message, deadline: float) -> None:
    """Answer a message; everything that it starts here ends before `deadline` (seconds since the epoch)."""
    match hint:
        case Execute():
            execute_task(ports, hint, deadline)
        case Poll():
            poll_task(ports, hint, deadline)
        case Result():
            finish_task(ports, hint, deadline)
        case Look():
            look(ports, hint)
        case Tick():
            create_due(ports, hint.dag_id)
        case Sweep():
            sweep(ports)
            create_all_due(ports)
        case _:
            assert_never(hint)
