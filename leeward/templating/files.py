"""Files that templates include, import or extend: beside the spec, or in a folder of `template_searchpath`.

A name is relative and leads nowhere else: what a template reads is what travels with the spec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

Read = Callable[[str], str | None]
"""The text of a file beside the spec by its relative path, or None."""

_NAMES_A_FILE: Final = re.compile(r"\{%[-+]?\s*(include|import|from|extends)\b")


def names_a_file(text: str) -> bool:
    """Whether a template asks for another one."""
    return _NAMES_A_FILE.search(text) is not None


def no_files(name: str) -> None:
    """Finds nothing."""
    del name


def searching(read: Read, folders: Sequence[str]) -> Read:
    """Reads a file from beside the spec, else from the first of those folders that has it."""

    def find(name: str) -> str | None:
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            return None
        paths = (name, *(f"{folder}/{name}" for folder in folders))
        return next((text for path in paths if (text := read(path)) is not None), None)

    return find
