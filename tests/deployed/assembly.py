"""The synthesized stack, once for every platform that a test session asks for."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

ROOT = Path(__file__).parents[2]
HOST = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


@cache
def assembly(architecture: str) -> Path:
    """The folder of the cloud assembly for an architecture."""
    return synthesized(platform=f"{architecture}/python3.13")


def synthesized(**chosen: Any) -> Path:
    """The folder of a cloud assembly with these context values beside those of cdk.json."""
    folder = Path(mkdtemp(prefix="leeward-cdk-"))
    context = {**json.loads((ROOT / "cdk.json").read_text())["context"], **chosen}
    found = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    found |= {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context)}
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=found, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return folder


@cache
def template(architecture: str = "arm64") -> dict[str, Any]:
    """The template for an architecture."""
    found: dict[str, Any] = json.loads((assembly(architecture) / "Leeward.template.json").read_text())
    return found


def resources(kind: str, architecture: str = "arm64") -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, such as `AWS::SQS::Queue`, by logical id."""
    found = template(architecture)["Resources"]
    return {name: row.get("Properties", {}) for name, row in found.items() if row["Type"] == kind}
