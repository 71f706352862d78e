"""Text of users in a page: every name, message and id passes here, and nowhere else into markup."""

from __future__ import annotations

from html import escape


def escaped(value: str) -> str:
    """Escaped for text and attributes; what cannot be printed, such as a control character, is replaced."""
    return escape("".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in value))
