"""Writes the generated pages; with `--check`, says which are stale instead and changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from schedules import page as schedules

from leeward.core.codes import CODES
from leeward.core.transitions import IMPOSSIBLE, TABLE, diagram
from leeward.operators import CATALOGUE
from leeward.operators.reference import operator_reference
from leeward.spec.reference import spec_reference

DOCS = Path(__file__).resolve().parent


def states() -> str:
    """The state diagram and the table behind it."""
    rows = [f"| {row.before} | {row.after} | {row.cause} | {row.actor} |" for row in TABLE]
    return "\n".join(
        [
            "# States of a task instance",
            "",
            "What people's verbs (clear, stop, mark) do is left out of the picture; it is in the table below it.",
            "",
            "```mermaid",
            diagram(),
            "```",
            "",
            "| From | To | Cause | Who writes it |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "## What can't be",
            "",
            "Any other change of a state is a defect, and an invariant finds it.",
            "",
            "| From | To | Why not |",
            "| --- | --- | --- |",
            *(f"| {', '.join(row.befores)} | {row.after} | {row.reason} |" for row in IMPOSSIBLE),
            "",
        ]
    )


def errors() -> str:
    """A paragraph for every code."""
    lines = ["# Codes", "", "What a message's code means. Codes are stable."]
    for code, text in CODES.items():
        lines += ["", f"## {code}", "", text]
    return "\n".join(lines) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "states.md": states,
    "errors.md": errors,
    "spec-reference.md": spec_reference,
    "schedules.md": schedules,
    "operator-reference.md": partial(operator_reference, CATALOGUE),
}


def main() -> int:
    """Write or check every page; the exit code."""
    stale = [name for name, make in PAGES.items() if not _fresh(DOCS / name, make())]
    if "--check" not in sys.argv:
        for name in stale:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        stale = []
    for name in stale:
        print(f"docs/{name} is stale: run python3 dev.py generate")
    return 1 if stale else 0


def _fresh(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
