"""How run state is written down in DynamoDB: entries as short text, headers as a few attributes.

An entry is a letter for its state, its try number, and then only what it has, each part led by a capital: owner `O`, start
`B`, end `E`, lease or due time `U`, base `C`, polls `P`, beat `G`, skips `K`, owing `W`, halting `H`. What was pushed to be
mapped over follows `J`, what a mapped task knows of its instances `M` (length, counts, passes, values pushed), the most that
there ever were `V`. Numbers are in base 36, times in hundredths of a second since 2026 (end and until: since the start where
there is one), so that 36 running entries fit into one write unit of 1 KB. Equal entries have equal texts: conditions compare
the whole text. In a block the names of entries count from its first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from leeward.core.address import APART, STRIDE, first_in, item_of
from leeward.core.run import ENDS, Entry, Header, Intent, IntentKind, Mapped, Payer, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS: Final = {
    TaskState.NONE: "N",
    TaskState.QUEUED: "Q",
    TaskState.EXPANDED: "E",
    TaskState.RUNNING: "R",
    TaskState.DEFERRED: "D",
    TaskState.UP_FOR_RETRY: "T",
    TaskState.SUCCESS: "S",
    TaskState.FAILED: "F",
    TaskState.SKIPPED: "K",
    TaskState.UPSTREAM_FAILED: "U",
    TaskState.REMOVED: "X",
}
_PART: Final = re.compile("[A-Z][^A-Z]*")
_EPOCH: Final = 1_767_225_600 * 100
_STATES: Final = {letter: state for state, letter in _LETTERS.items()}


def base36(number: int) -> str:
    """A number in base 36; a negative one has a minus in front."""
    if number < 0:
        return "-" + base36(-number)
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


def entry_text(entry: Entry) -> str:
    """An entry as stored."""
    origin = 0 if entry.start is None else ticks(entry.start)
    parts = [_LETTERS[entry.state] + base36(entry.try_number)]
    if entry.owner:
        parts.append("O" + entry.owner)
    for letter, moment in (("B", entry.start), ("E", entry.end), ("U", entry.until)):
        if moment is not None:
            parts.append(letter + base36(ticks(moment) - (0 if letter == "B" else origin)))
    for letter, number in (("C", entry.base), ("P", entry.polls), ("G", entry.beat), ("V", entry.width)):
        if number:
            parts.append(letter + base36(number))
    if entry.skip:
        parts.append("K" + ".".join(map(base36, sorted(entry.skip))))
    parts += [letter for letter, flag in (("W", entry.owes), ("H", entry.halts)) if flag]
    if entry.pushed is not None:
        parts.append("J" + base36(entry.pushed))
    if entry.mapped is not None:
        numbers = (entry.mapped.length, entry.mapped.pushed, *entry.mapped.counts, *entry.mapped.firsts)
        parts.append("M" + re.sub(r"(\.0)+$", "", ".".join(map(base36, numbers))))
    return "".join(parts)


def entry_of(text: str) -> Entry:
    """The entry that a text says."""
    head, *parts = _PART.findall(text)
    found = {part[0]: part[1:] for part in parts}
    start = _number(found, "B")
    origin = start or 0
    return Entry(
        _STATES[head[0]],
        int(head[1:], 36),
        base=_number(found, "C") or 0,
        owner=found.get("O", ""),
        start=None if start is None else seconds(start),
        end=_moment(found, "E", origin),
        until=_moment(found, "U", origin),
        polls=_number(found, "P") or 0,
        beat=_number(found, "G") or 0,
        skip=frozenset(int(index, 36) for index in found["K"].split(".")) if "K" in found else frozenset(),
        owes="W" in found,
        halts="H" in found,
        pushed=_number(found, "J"),
        mapped=_mapped(found["M"]) if "M" in found else None,
        width=_number(found, "V") or 0,
    )


def _mapped(text: str) -> Mapped:
    numbers = [int(number, 36) for number in text.split(".")]
    length, pushed, *rest = [*numbers, *[0] * (2 + 2 * len(ENDS) - len(numbers))]
    return Mapped(length, tuple(rest[: len(ENDS)]), tuple(rest[len(ENDS) :]), pushed)


def ticks(moment: float) -> int:
    """Seconds since the epoch as hundredths of a second since 2026."""
    return round(moment * 100) - _EPOCH


def seconds(number: int) -> float:
    """The other way round."""
    return (number + _EPOCH) / 100


def _number(found: Mapping[str, str], letter: str) -> int | None:
    return int(found[letter], 36) if letter in found else None


def _moment(found: Mapping[str, str], letter: str, origin: int) -> float | None:
    number = _number(found, letter)
    return None if number is None else seconds(number + origin)


def entry_name(index: int) -> str:
    """The attribute that holds an entry: never a user's name, never a name of ours."""
    return "t" + base36(index if index < STRIDE else (index - first_in(item_of(index))) // APART)


def entries_of(item: Mapping[str, Any], number: int = 0) -> Iterator[tuple[int, Entry]]:
    """The entries in the stored item of that number."""
    for name, value in item.items():
        if name[0] == "t":
            place = int(name[1:], 36)
            yield place if number < STRIDE else first_in(number) + place * APART, entry_of(value["S"])


def header_values(header: Header) -> dict[str, str | None]:
    """The attributes of a header that may change, None for one that is to be absent."""
    return {
        "hr": header.state.value,
        "hs": None if header.start is None else base36(ticks(header.start)),
        "he": None if header.end is None else base36(ticks(header.end)),
        "ho": None if header.intent is None else _intent_text(header.intent),
        "hw": ",".join(sorted(header.owed)) or None,
        "act": "a" if header.active else None,
        "hd": ",".join(f"{base36(place)}.{base36(ticks(due))}" for place, due in header.deadlines) or None,
        "hp": None if header.payer is None else f"{header.payer.token} {base36(ticks(header.payer.since))}",
        "hn": header.reason or None,
    }


_HEADER: Final = frozenset(("hr", "hs", "he", "ho", "hw", "act", "hd", "hp", "hn"))


def header_of(item: Mapping[str, Any]) -> Header | None:
    """The header in a stored item, or None."""
    found = {name: value["S"] for name, value in item.items() if name in _HEADER}
    if "hr" not in found:
        return None
    start, end = (_number(found, name) for name in ("hs", "he"))
    return Header(
        RunState(found["hr"]),
        None if start is None else seconds(start),
        None if end is None else seconds(end),
        _intent(found["ho"]) if "ho" in found else None,
        frozenset(found["hw"].split(",")) if "hw" in found else frozenset(),
        "act" in found,
        tuple(_deadline(text) for text in found["hd"].split(",")) if "hd" in found else (),
        _payer(found["hp"]) if "hp" in found else None,
        found.get("hn", ""),
    )


def _deadline(text: str) -> tuple[int, float]:
    place, due = text.split(".")
    return int(place, 36), seconds(int(due, 36))


def _payer(text: str) -> Payer:
    token, since = text.split(" ")
    return Payer(token, seconds(int(since, 36)))


def _intent_text(intent: Intent) -> str:
    parts = [
        intent.intent_id,
        intent.kind.value,
        ".".join(map(base36, sorted(intent.tasks))),
        base36(ticks(intent.since)),
        "" if intent.state is None else intent.state.value,
        *([intent.reason] if intent.reason else []),
    ]
    return " ".join(parts)


def _intent(text: str) -> Intent:
    intent_id, kind, tasks, since, state, *reason = text.split(" ")
    chosen = IntentKind(kind)
    states: type[RunState | TaskState] = RunState if chosen is IntentKind.STOP else TaskState
    return Intent(
        intent_id,
        chosen,
        frozenset(int(index, 36) for index in tasks.split(".") if index),
        seconds(int(since, 36)),
        states(state) if state else None,
        *reason,
    )


def info_text(info: RunInfo) -> str:
    """What a run is about, as JSON."""
    return json.dumps(
        {
            "ref": [info.ref.dag_id, info.ref.run_id, info.ref.version],
            "type": info.run_type.value,
            "dates": [info.logical_date, info.data_interval_start, info.data_interval_end, info.run_after],
            "created": info.created,
            "conf": info.conf,
        },
        separators=(",", ":"),
    )


def info_of(text: str) -> RunInfo:
    """What a run is about."""
    found = json.loads(text)
    logical_date, start, end, run_after = found["dates"]
    return RunInfo(
        RunRef(*found["ref"]),
        RunType(found["type"]),
        logical_date,
        start,
        end,
        run_after,
        found["created"],
        found["conf"],
    )
