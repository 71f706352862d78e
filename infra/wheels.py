"""The locked wheels of the functions, fetched once for each platform and kept beside the interpreter.

`python -m infra.wheels arm64/python3.13 ...` fetches them ahead, so that synthesizing needs no package index later.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).resolve().parents[1] / "requirements" / "functions.txt"
KEPT: Final = Path(sys.prefix) / "leeward-functions"
_MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}


def wheels(platform: str) -> Path:
    """The folder with the unpacked wheels for a platform such as `arm64/python3.13`, fetched if it is not there."""
    key = sha256(f"{platform} {LOCK.read_text()}".encode()).hexdigest()[:12]
    folder = KEPT / f"{platform.replace('/', '-')}-{key}"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        _fetch(platform, partial)
        partial.rename(folder)
    return folder


def _fetch(platform: str, folder: Path) -> None:
    architecture, _, python = platform.partition("/python")
    command = [_uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder)]
    command += ["--python-platform", f"{_MACHINES[architecture]}-manylinux2014", "--python-version", python]
    command += ["--system-certs", "--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    subprocess.run(command, check=True)
    for leftover in (*folder.glob("bin"), *folder.rglob("__pycache__"), *folder.glob("*.dist-info")):
        shutil.rmtree(leftover)
    (folder / ".lock").unlink(missing_ok=True)


def _uv() -> str:
    """The program uv of this environment, wherever the PATH leads."""
    beside = Path(sys.executable).with_name("uv.exe" if sys.platform == "win32" else "uv")
    return str(beside) if beside.exists() else "uv"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        wheels(name)
