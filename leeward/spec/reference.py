"""The reference page of keys, from the registry."""

from __future__ import annotations

from collections.abc import Iterator

from leeward.spec.keys import KEYS, Key, Level, Standing

_TITLES = {
    Level.DAG: "Keys of a DAG",
    Level.TASK: "Keys of a task",
    Level.GROUP: "Keys of a task group",
    Level.DEFAULT_ARGS: "Keys of default_args",
}


def spec_reference() -> str:
    """The page, as Markdown."""
    lines = [
        "# Keys of a spec",
        "",
        "Every key that is read, where it may stand, and what it does. Any other key is an error. A task also takes the",
        "arguments of its [operator](operator-reference.md). *Not yet* means: accepted with the values that change nothing.",
        "What limits do, and pools, is told in [limits](limits.md).",
    ]
    for level, title in _TITLES.items():
        lines += ["", f"## {title}", "", "| Key | Standing | Meaning |", "| --- | --- | --- |"]
        lines += [_row(key) for key in sorted(KEYS[level].values(), key=lambda key: key.name)]
    return "\n".join(lines) + "\n"


def _row(key: Key) -> str:
    shown = {
        Standing.HONOURED: "honoured",
        Standing.NEUTRAL: "not yet",
        Standing.WARNED: "no effect, warning",
        Standing.MAPPED: f"read as `{key.successor}`, warning",
        Standing.REFUSED: "refused",
    }
    return f"| `{key.name}` | {shown[key.standing]} | {_meaning(key)} |"


def _meaning(key: Key) -> str:
    if key.standing is not Standing.NEUTRAL:
        return key.note.replace("|", "\\|")
    allowed = ", ".join(_values(key)) or "none"
    return f"{key.note}; accepted: {allowed}"


def _values(key: Key) -> Iterator[str]:
    for value in key.neutral:
        yield "`null`" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
