"""Functions of the example `mapping.yml`."""

from __future__ import annotations

from collections.abc import Sequence


def cities() -> list[str]:
    """What the tasks after this one are mapped over."""
    return ["Berlin", "Oslo", "Rome"]


def measure(city: str, day: str, unit: str) -> str:
    """One instance for each city and day."""
    return f"{city} {day}: {len(city) + len(day) % 7} {unit}"


def coldest(values: Sequence[str]) -> str:
    """What all instances returned, as a list that is read as it is asked for."""
    return min(values, key=lambda text: int(text.split()[2]))


def forecast(city: str) -> str:
    """One instance for each city."""
    return f"it will rain in {city}"
