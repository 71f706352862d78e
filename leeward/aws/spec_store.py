"""Compiled DAGs: each version an object in S3 named by its content, the live one of a DAG an item in the state table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from leeward.aws.dags import dag_of, dag_text
from leeward.contract import PARTITION_KEY, SORT_KEY
from leeward.core.dag import Dag


@dataclass(frozen=True, slots=True)
class S3SpecStore:
    """Implements `leeward.engine.ports.SpecStore`. A version never changes, so it is read once a process."""

    s3: Any
    client: Any
    bucket: str
    table: str
    _read: dict[str, Dag] = field(default_factory=dict)

    def put(self, version: str, dag: Dag) -> None:
        """See `SpecStore.put`."""
        self.s3.put_object(Bucket=self.bucket, Key=_name(version), Body=dag_text(dag).encode())

    def get(self, version: str) -> Dag:
        """See `SpecStore.get`."""
        if version not in self._read:
            self._read[version] = self._fetch(version)
        return self._read[version]

    def make_live(self, dag_id: str, version: str) -> None:
        """See `SpecStore.make_live`. Raises KeyError for a version that is not stored."""
        self.get(version)
        self.client.put_item(TableName=self.table, Item={**_key(dag_id), "v": {"S": version}})

    def live(self, dag_id: str) -> str | None:
        """See `SpecStore.live`."""
        answer = self.client.get_item(TableName=self.table, Key=_key(dag_id), ConsistentRead=True)
        return str(answer["Item"]["v"]["S"]) if "Item" in answer else None

    def _fetch(self, version: str) -> Dag:
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=_name(version))
        except self.s3.exceptions.NoSuchKey as error:
            raise KeyError(version) from error
        return dag_of(answer["Body"].read().decode())


def _name(version: str) -> str:
    return f"versions/{version}.json"


def _key(dag_id: str) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": f"d/{dag_id}"}, SORT_KEY: {"S": "live"}}
