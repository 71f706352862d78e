"""Hints as the text of messages, and back."""

from __future__ import annotations

import json

from leeward.aws.items import entry_of, entry_text, info_of, info_text
from leeward.engine.hints import Execute, Hint, Look, Poll


def hint_text(hint: Hint) -> str:
    """A hint as JSON text."""
    match hint:
        case Execute():
            fields: list[object] = ["execute", hint.index, entry_text(hint.queued)]
        case Poll():
            fields = ["poll", hint.index, hint.try_number, hint.poll, hint.due, hint.seconds]
        case Look():
            fields = ["look", *hint.touched]
    return json.dumps({"run": info_text(hint.info), "hint": fields}, separators=(",", ":"))


def hint_of(text: str) -> Hint:
    """The hint that a text says. Raises KeyError or ValueError for anything else."""
    found = json.loads(text)
    info = info_of(found["run"])
    kind, *fields = found["hint"]
    if kind == "execute":
        return Execute(info, fields[0], entry_of(fields[1]))
    if kind == "poll":
        return Poll(info, *fields)
    if kind == "look":
        return Look(info, tuple(fields))
    raise ValueError(f"unknown hint {kind!r}")
