"""What lies in S3: the files that users drop, and the archives of modules that were made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leeward.contract import DAGS_PREFIX


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """Implements `leeward.engine.ports.Bucket`: the objects under the prefix of DAGs. Listings of S3 are consistent."""

    s3: Any
    bucket: str

    def files(self) -> Mapping[str, str]:
        """See `Bucket.files`. A tag is S3's ETag and the size; folders that the console made are left out."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=DAGS_PREFIX)
        found = (row for page in pages for row in page.get("Contents", []))
        return {
            row["Key"].removeprefix(DAGS_PREFIX): f"{row['ETag']} {row['Size']}"
            for row in found
            if not row["Key"].endswith("/")
        }

    def read(self, path: str) -> bytes | None:
        """See `Bucket.read`."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=DAGS_PREFIX + path)
        except self.s3.exceptions.NoSuchKey:
            return None
        content: bytes = answer["Body"].read()
        return content


@dataclass(frozen=True, slots=True)
class S3BundleStore:
    """Implements `leeward.engine.ports.BundleStore`."""

    s3: Any
    bucket: str

    def put(self, bundle: str, archive: bytes) -> None:
        """See `BundleStore.put`."""
        self.s3.put_object(Bucket=self.bucket, Key=bundle_name(bundle), Body=archive)

    def get(self, bundle: str) -> bytes:
        """See `BundleStore.get`."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=bundle_name(bundle))
        except self.s3.exceptions.NoSuchKey as error:
            raise KeyError(bundle) from error
        archive: bytes = answer["Body"].read()
        return archive


def bundle_name(bundle: str) -> str:
    """The key of an archive."""
    return f"bundles/{bundle}.zip"
