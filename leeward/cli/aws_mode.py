"""Where the AWS calls of a local run go: nowhere unless told to, to AWS, to moto in this process, or to a script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from leeward.aws.calls import BotoAws, moto
from leeward.core.errors import UsageError
from leeward.local.aws_calls import Refused, Scripted
from leeward.operators.base import Aws


@contextmanager
def aws_for(mode: str | None) -> Iterator[Aws]:
    """What `--aws MODE` names: nothing, `real`, `moto`, or a file of answers. Raises UsageError."""
    if mode is None:
        yield Refused()
    elif mode == "real":
        yield BotoAws()
    elif mode == "moto":
        with moto() as found:
            yield found
    else:
        yield Scripted(_answers(Path(mode)))


def _answers(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError("LW304", f"--aws {path}: {error.strerror}; write real, moto, or a file of answers") from error
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError("LW304", f"--aws {path}: {error}") from error
    rows = found if isinstance(found, list) else []
    if not rows or not all(isinstance(row, dict) and {"service", "operation"} <= row.keys() for row in rows):
        raise UsageError("LW304", f"--aws {path}: wants a list of answers, each with service and operation")
    return rows
