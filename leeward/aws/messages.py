"""Hints and results as the text of messages, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from leeward.aws.items import entry_of, entry_text, info_of, info_text
from leeward.engine.hints import Execute, Hint, Look, Message, Poll, Result, Sweep, Tick


def hint_text(hint: Hint) -> str:
    """A hint as JSON text."""
    match hint:
        case Execute():
            others = [value for index, queued in hint.others for value in (index, entry_text(queued))]
            fields: list[object] = ["execute", hint.index, entry_text(hint.queued), *others]
        case Poll():
            fields = ["poll", hint.index, hint.try_number, hint.poll, hint.due, hint.seconds]
        case Look():
            fields = ["look", *hint.touched]
    return json.dumps({"run": info_text(hint.info), "hint": fields}, separators=(",", ":"))


def group_text(hints: Sequence[Hint]) -> str:
    """Hints for one invocation as JSON text."""
    return f'{{"hints":[{",".join(map(hint_text, hints))}]}}'


def result_text(result: Result) -> str:
    """A result as JSON text."""
    return json.dumps({"result": asdict(result)}, separators=(",", ":"))


def message_of(text: str) -> Message:
    """The message that a text says. Raises KeyError, TypeError or ValueError for anything else."""
    found = json.loads(text)
    if "tick" in found:
        return Tick(str(found["tick"]))
    if "sweep" in found:
        return Sweep()
    if "result" in found:
        return Result(**found["result"])
    if "requestPayload" in found:
        return _lost(found)
    info = info_of(found["run"])
    kind, *fields = found["hint"]
    if kind == "execute":
        tries = [(index, entry_of(text)) for index, text in zip(fields[::2], fields[1::2], strict=True)]
        return Execute(info, *tries[0], tuple(tries[1:]))
    if kind == "poll":
        return Poll(info, *fields)
    if kind == "look":
        return Look(info, tuple(fields))
    raise ValueError(f"unknown hint {kind!r}")


def _lost(record: Mapping[str, Any]) -> Result:
    """The end of an asynchronous order that failed, as Lambda tells it (an on-failure destination's record)."""
    story = str((record.get("responsePayload") or {}).get("errorMessage") or record["requestContext"]["condition"])
    return Result(**record["requestPayload"]["try"], result={"lost": story})
