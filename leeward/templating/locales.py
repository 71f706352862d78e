"""Dates in words of a language, by the patterns of Unicode's CLDR: what Airflow has from Babel.

Babel's data of all languages would weigh more than all functions together, so the words are those that pendulum brings, for
some thirty languages. A pattern's letter that needs more than these words is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

DEFAULT: Final = "en_US"
_STYLES: Final = ("full", "long", "medium", "short")
_PIECES: Final = re.compile(r"''|'((?:[^']|'')*)'|(([A-Za-z])\3*)|[^A-Za-z']+")
_WORDS: Final[Mapping[int, str]] = {3: "abbreviated", 4: "wide", 5: "narrow", 6: "short"}

_NUMBERS: Final[Mapping[str, Callable[[datetime], int]]] = {
    "d": lambda date: date.day,
    "D": lambda date: date.timetuple().tm_yday,
    "h": lambda date: date.hour % 12 or 12,
    "H": lambda date: date.hour,
    "K": lambda date: date.hour % 12,
    "k": lambda date: date.hour or 24,
    "m": lambda date: date.minute,
    "s": lambda date: date.second,
}


def format_in_locale(date: datetime, pattern: str, locale: str | None) -> str:
    """The date by a pattern such as `EEEE dd MMMM yyyy`. Raises ValueError for what can't be said in that language."""
    if pattern in _STYLES:
        raise ValueError(f"the style {pattern!r} is not supported: write a pattern, such as 'd MMMM yyyy'")
    words = _words(locale or DEFAULT)
    return "".join(_piece(match, date, words) for match in _PIECES.finditer(pattern))


def _words(locale: str) -> Any:
    """Pendulum's words of a language, or of the language without its country."""
    from pendulum.locales.locale import Locale

    if not re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z]{2})?", locale):
        raise ValueError(f"{locale!r} is no locale, such as 'en_US'")
    try:
        return Locale.load(locale)
    except ValueError:
        try:
            return Locale.load(locale[:2])
        except ValueError:
            raise ValueError(f"there are no words for the locale {locale!r}") from None


def _piece(match: re.Match[str], date: datetime, words: Any) -> str:
    if match[2]:
        return _field(match[3], len(match[2]), date, words)
    if match[0] == "''":
        return "'"
    return match[0] if match[1] is None else match[1].replace("''", "'")


def _field(letter: str, length: int, date: datetime, words: Any) -> str:
    if letter in _NUMBERS and length <= 3:
        return str(_NUMBERS[letter](date)).zfill(length)
    if letter in "yu":
        year = str(date.year).zfill(length)
        return year[-2:] if letter == "y" and length == 2 else year
    if letter in "ML" and length <= 2:
        return str(date.month).zfill(length)
    if letter == "M" and length in _WORDS:
        return _word(words, f"months.{_WORDS[length]}", date.month)
    if letter == "E" and length <= 6:
        return _word(words, f"days.{_WORDS[max(length, 3)]}", date.weekday())
    if letter == "a" and length <= 3:
        return _word(words, "day_periods", "am" if date.hour < 12 else "pm")
    if letter == "S":
        return f"{date.microsecond:06}".ljust(length, "0")[:length]
    raise ValueError(f"{letter * length!r} is not supported in the pattern of a date")


def _word(words: Any, table: str, key: int | str) -> str:
    found = (words.translation(table) or {}).get(key)
    if found is None:
        raise ValueError(f"the language has no words for {table}")
    return str(found)
