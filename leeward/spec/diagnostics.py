"""What is wrong with a spec: every mistake of one pass, in file order, each with a place, a code and a hint.

An *error* keeps the spec from going live. A *warning* is allowed only for keys on the reviewed list, and never for one
that changes states or calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

from leeward.spec.nodes import Mark


class Severity(StrEnum):
    """How grave a mistake is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. `code` is stable (`docs/errors.md` has a paragraph for each); `hint` says what to write instead."""

    mark: Mark
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        hint = f", {self.hint}" if self.hint else ""
        return f"{self.mark} {self.code} {self.message}{hint}"


@dataclass(slots=True)
class Report:
    """Collects the mistakes of one pass."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        """Note an error, once: what many inherit is read for each of them."""
        problem = Diagnostic(mark, code, message, hint)
        if problem not in self.found:
            self.found.append(problem)

    def warning(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        """Note a warning."""
        self.found.append(Diagnostic(mark, code, message, hint, Severity.WARNING))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors in file order."""
        return tuple(d for d in self.sorted() if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings in file order."""
        return tuple(d for d in self.sorted() if d.severity is Severity.WARNING)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All mistakes in file order."""
        return tuple(sorted(self.found, key=lambda d: (d.mark.file, d.mark.line, d.mark.column, d.code)))


def closest(word: str, words: Iterable[str]) -> str:
    """A hint that names the closest of the allowed words, or lists them when none is close and they are few."""
    allowed = sorted(words)
    match = get_close_matches(word, allowed, n=1)
    if match:
        return f"did you mean {match[0]!r}?"
    return "write one of " + ", ".join(allowed) if len(allowed) <= 15 else ""
