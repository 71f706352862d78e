"""Finds user code: what an import path, or a file and a name, refers to."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any


def load(reference: str | Mapping[str, str]) -> Any:
    """What an import path, or a file and a name, refers to. A module is imported once in a process."""
    if isinstance(reference, str):
        module, _, name = reference.rpartition(".")
        if not module:
            raise ImportError(f"{reference!r} is no import path: write module.function")
        return getattr(importlib.import_module(module), name)
    return getattr(_file(reference["file"]), reference["name"])


@cache
def _file(path: str) -> Any:
    name = "leeward_file_" + "".join(c if c.isalnum() else "_" for c in path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
