"""The functions' code, built without Docker: our packages, and wheels for the functions' platform. boto3 is the runtime's.

`python -m infra.bundle [arm64/python3.13 ...]` lists what is in it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

from infra.wheels import LOCK, wheels

ROOT: Final = Path(__file__).resolve().parents[1]
OURS: Final = ("leeward", "lambdas")
LEFT_OUT: Final = ("leeward/cli", "leeward/local", "leeward/__main__.py")
"""Parts of our packages that no function imports."""


def build(output: Path, platform: str) -> None:
    """Fill a folder with what the functions need. Raises CalledProcessError if a wheel can't be had."""
    shutil.copytree(wheels(platform), output, dirs_exist_ok=True)
    for source in _sources():
        target = output / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def zipped(folder: Path) -> dict[str, int]:
    """Bytes of each package and module of a built folder as they are uploaded, the largest first."""
    sizes: dict[str, int] = {}
    with TemporaryDirectory() as scratch, ZipFile(Path(scratch) / "asset.zip", "w", ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            inside = path.relative_to(folder)
            archive.write(path, inside)
            stored = archive.getinfo(inside.as_posix()).compress_size
            sizes[inside.parts[0]] = sizes.get(inside.parts[0], 0) + stored
    return dict(sorted(sizes.items(), key=lambda row: -row[1]))


def _sources() -> Iterator[Path]:
    left_out = [ROOT / part for part in LEFT_OUT]
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part == path or part in path.parents for part in left_out):
                yield path


def fingerprint(platform: str) -> str:
    """A hash of our sources, the lock and the platform: of everything that `build` makes a folder from."""
    found = sha256(f"{platform} {LOCK.read_text()}".encode())
    for path in _sources():
        found.update(f"{path.relative_to(ROOT)} ".encode() + path.read_bytes())
    return found.hexdigest()


def main(platforms: list[str]) -> None:
    """Print the packages of each platform's bundle and what they weigh in the upload."""
    for platform in platforms or ["arm64/python3.13"]:
        with TemporaryDirectory() as folder:
            build(Path(folder), platform)
            sizes = zipped(Path(folder))
        rows = [*sizes.items(), ("all of it", sum(sizes.values()))]
        sys.stdout.write(f"{platform}, KB zipped\n" + "".join(f"{size / 1024:8.1f}  {name}\n" for name, size in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
