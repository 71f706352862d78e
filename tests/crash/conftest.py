"""Tells at the end of the tests what was explored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.explore import Found

Tell = Callable[[str, Found], None]
_TOLD: list[tuple[str, Found]] = []


@pytest.fixture
def tell() -> Tell:
    """Keep what an exploration came to, for the end."""
    return lambda name, found: _TOLD.append((name, found))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line an exploration; runs are those with no fault, with one, with two."""
    if not _TOLD:
        return
    terminalreporter.section("crash points")
    for name, found in sorted(_TOLD, key=lambda one: one[0]):
        counts = " + ".join(map(str, found.runs))
        terminalreporter.write_line(f"{name:<48}{found.points:>4} points {counts:>18} runs {found.calls:>7} calls")
    points = sum(found.points for _, found in _TOLD)
    runs = sum(sum(found.runs) for _, found in _TOLD)
    terminalreporter.write_line(f"{points} points, {runs} runs, {sum(f.calls for _, f in _TOLD)} calls of AWS")
