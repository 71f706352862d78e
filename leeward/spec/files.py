"""Which files are specs, and which give them their defaults. Paths here are text with `/`, relative to the DAG folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SUFFIXES: Final = (".yml", ".yaml")
DEFAULTS: Final = ("defaults.yml", "defaults.yaml")


def is_spec(path: str) -> bool:
    """Whether a file holds DAGs."""
    name = path.rpartition("/")[2]
    return name.endswith(SUFFIXES) and name not in DEFAULTS


def above(path: str) -> Iterator[str]:
    """Where the defaults of a spec may stand: from the DAG folder down to its own, `.yml` before `.yaml`."""
    parts = path.split("/")[:-1]
    for depth in range(len(parts) + 1):
        folder = "".join(f"{part}/" for part in parts[:depth])
        yield from (folder + name for name in DEFAULTS)
