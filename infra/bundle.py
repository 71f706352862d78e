"""The functions' code as one asset, built without Docker: our packages, and wheels for the functions' platform.

All functions share it: one upload, and a warm page cache where Lambda puts them side by side. boto3 is the runtime's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.settings import Settings
from infra.wheels import LOCK, wheels

ROOT: Final = Path(__file__).resolve().parents[1]
OURS: Final = ("leeward", "lambdas")
LEFT_OUT: Final = ("leeward/cli", "leeward/local", "leeward/__main__.py")
"""Parts of our packages that no function imports."""


def code(settings: Settings) -> lambda_.Code:
    """The asset for these settings. Its hash covers our sources, the lock and the platform."""
    return lambda_.Code.from_asset(
        str(ROOT / "lambdas"),
        asset_hash=_hash(settings),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(image=cdk.DockerImage.from_registry("scratch"), local=_Local(settings)),
    )


def build(output: Path, settings: Settings) -> None:
    """Fill a folder with what the functions need. Raises CalledProcessError if a wheel can't be had."""
    shutil.copytree(wheels(settings.platform), output, dirs_exist_ok=True)
    for source in _sources():
        target = output / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


@jsii.implements(cdk.ILocalBundling)
class _Local:
    """What CDK asks instead of Docker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def try_bundle(self, output_dir: str, *, image: Any = None, **options: Any) -> bool:
        """Build here; there is nothing to fall back to."""
        del image, options
        build(Path(output_dir), self.settings)
        return True


def _sources() -> Iterator[Path]:
    left_out = [ROOT / part for part in LEFT_OUT]
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part == path or part in path.parents for part in left_out):
                yield path


def _hash(settings: Settings) -> str:
    found = sha256(f"{settings.platform} {LOCK.read_text()}".encode())
    for path in _sources():
        found.update(f"{path.relative_to(ROOT)} ".encode() + path.read_bytes())
    return found.hexdigest()
