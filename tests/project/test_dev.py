"""dev.py: the newcomer's first command."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEV = ROOT / "dev.py"


def _dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(DEV), *arguments], capture_output=True, text=True, check=False)


def test_old_interpreters_can_read_it_and_be_told() -> None:
    ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_help_names_every_step() -> None:
    shown = _dev("--help").stdout
    assert all(word in shown for word in ("setup", "demo", "test", "check", "format", "types", "imports", "coverage"))


def test_unknown_arguments_are_refused() -> None:
    done = _dev("demo", "--nonsense")
    assert done.returncode == 2
    assert "unrecognized arguments: --nonsense" in done.stderr


def test_single_step_can_be_asked_for() -> None:
    done = _dev("check", "docs")
    assert (done.returncode, "all green" in done.stdout) == (0, True), done.stdout


def test_ci_runs_the_same_checks() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python3 dev.py demo" in script
    assert "python3 dev.py check" in script


def test_lock_pins_every_package_by_hash_and_names_no_host() -> None:
    lines = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert all("==" in line for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)
    assert not any("//" in line for line in lines)
