"""A sentence in place of a view: what was asked for can't be shown, and why."""

from __future__ import annotations

from typing import Final

from leeward.views.colours import stylesheet
from leeward.views.text import escaped

MAX_CHARACTERS: Final = 1000


def notice(message: str, theme: str) -> str:
    """The widget's HTML. The message is escaped here."""
    said = f'<section class="e">{escaped(message[:MAX_CHARACTERS])}</section>'
    return f'<div class="lw cwdb-no-default-styles"><style>{stylesheet(theme)}</style>{said}</div>'
