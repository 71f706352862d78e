"""The functions' code as one asset of the CDK.

All functions share it: one upload, and a warm page cache where Lambda puts them side by side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.bundle import ROOT, build, fingerprint
from infra.settings import Settings


def code(settings: Settings) -> lambda_.Code:
    """The asset for these settings."""
    return lambda_.Code.from_asset(
        str(ROOT / "lambdas"),
        asset_hash=fingerprint(settings.platform),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(image=cdk.DockerImage.from_registry("scratch"), local=_Local(settings)),
    )


@jsii.implements(cdk.ILocalBundling)
class _Local:
    """What CDK asks instead of Docker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def try_bundle(self, output_dir: str, *, image: Any = None, **options: Any) -> bool:
        """Build here; there is nothing to fall back to."""
        del image, options
        build(Path(output_dir), self.settings.platform)
        return True
