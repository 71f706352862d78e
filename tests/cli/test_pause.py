"""`leeward pause` and `leeward unpause` ask the scheduler's function, and tell what it made of that."""

from __future__ import annotations

import json
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from leeward.aws.installation import Installation
from leeward.cli.main import main
from leeward.contract import OUTPUT_SCHEDULER


def _asked(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> list[Any]:
    """What the command line asks of the function, which answers so."""
    asked: list[Any] = []

    def invoke(**request: Any) -> dict[str, Any]:
        asked.append(json.loads(request["Payload"]))
        return {"Payload": BytesIO(json.dumps(answer).encode())}

    session = SimpleNamespace(client=lambda _: SimpleNamespace(invoke=invoke))
    here = Installation(session, {OUTPUT_SCHEDULER: "scheduler"})
    for name in ("pause", "unpause"):
        monkeypatch.setattr(f"leeward.cli.{name}.found", lambda *_: here)
    return asked


@pytest.mark.parametrize(
    ("command", "paused", "changed", "told"),
    [
        ("pause", True, True, "sales: paused\n"),
        ("pause", True, False, "sales was paused already\n"),
        ("unpause", False, True, "sales: resumed\n"),
        ("unpause", False, False, "sales was not paused\n"),
    ],
)
def test_dag_is_paused_and_resumed(
    monkeypatch: pytest.MonkeyPatch, command: str, paused: bool, changed: bool, told: str
) -> None:
    asked = _asked(monkeypatch, {"changed": changed})
    found = CliRunner().invoke(main, [command, "sales"])
    assert (found.exit_code, found.output) == (0, told)
    assert asked == [{"pause": {"dag_id": "sales", "paused": paused}}]


def test_dag_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    _asked(monkeypatch, {"error": "LW306 there is no DAG 'sales'"})
    found = CliRunner().invoke(main, ["pause", "sales"])
    assert found.exit_code == 2
    assert "LW306" in found.output
