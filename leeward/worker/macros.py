"""A DAG's `user_defined_macros` and `user_defined_filters`: values, and what import paths name.

That is user code and exists in its process only.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from leeward.worker.values import build

IMPORT: Final = "__import__"
"""The key of a mapping that stands for what an import path names."""


def has_imports(written: Any) -> bool:
    """Whether anything in compiled macros is user code."""
    if not isinstance(written, Mapping):
        return False
    return IMPORT in written or any(has_imports(value) for value in written.values())


def values_of(written: Mapping[str, Any]) -> dict[str, Any]:
    """The macros that are plain values, from compiled ones; the others are left out."""
    return {name: build(value) for name, value in written.items() if not has_imports(value)}


def imported(written: Mapping[str, Any]) -> dict[str, Any]:
    """All macros, from compiled ones. Imports user code."""
    return {name: _imported(value) for name, value in written.items()}


def _imported(value: Any) -> Any:
    if not has_imports(value):
        return build(value)
    if IMPORT in value:
        module, _, name = value[IMPORT].rpartition(".")
        return getattr(importlib.import_module(module), name)
    return imported(value)
