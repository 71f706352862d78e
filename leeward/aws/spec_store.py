"""Compiled DAGs: each version an object in S3 named by its content; what is live, and what was dropped, in the table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from leeward.aws.dags import dag_of, dag_text
from leeward.aws.texts import TextRecords
from leeward.core.dag import Dag
from leeward.engine.ports import Drop, Live

LIVE = "d"
DROPS = "f"


@dataclass(frozen=True, slots=True)
class S3SpecStore:
    """Implements `leeward.engine.ports.SpecStore`. A version never changes, so it is read once a process."""

    s3: Any
    bucket: str
    records: TextRecords
    _read: dict[str, Dag] = field(default_factory=dict)

    def put(self, version: str, dag: Dag) -> None:
        """See `SpecStore.put`."""
        self.s3.put_object(Bucket=self.bucket, Key=_name(version), Body=dag_text(dag).encode())

    def get(self, version: str) -> Dag:
        """See `SpecStore.get`."""
        if version not in self._read:
            self._read[version] = self._fetch(version)
        return self._read[version]

    def live(self, dag_id: str) -> Live | None:
        """See `SpecStore.live`."""
        text = self.records.get(dag_id)
        return None if text is None else _live(text)

    def all_live(self) -> Sequence[Live]:
        """See `SpecStore.all_live`."""
        return tuple(map(_live, self.records.all().values()))

    def put_live(self, live: Live, expect: Live | None) -> bool:
        """See `SpecStore.put_live`."""
        return self.records.put(live.dag_id, _text(live), None if expect is None else _text(expect))

    def retire(self, expect: Live) -> bool:
        """See `SpecStore.retire`."""
        return self.records.delete(expect.dag_id, _text(expect))

    def _fetch(self, version: str) -> Dag:
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=_name(version))
        except self.s3.exceptions.NoSuchKey as error:
            raise KeyError(version) from error
        return dag_of(answer["Body"].read().decode())


@dataclass(frozen=True, slots=True)
class DynamoDropStore:
    """Implements `leeward.engine.ports.DropStore`."""

    records: TextRecords

    def all(self) -> Mapping[str, Drop]:
        """See `DropStore.all`."""
        return {path: _drop(text) for path, text in self.records.all().items()}

    def put(self, drop: Drop, expect: Drop | None) -> bool:
        """See `DropStore.put`."""
        return self.records.put(drop.path, _text(drop), None if expect is None else _text(expect))

    def remove(self, expect: Drop) -> bool:
        """See `DropStore.remove`."""
        return self.records.delete(expect.path, _text(expect))


def _name(version: str) -> str:
    return f"versions/{version}.json"


def _text(record: Live | Drop) -> str:
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"))


def _live(text: str) -> Live:
    found = json.loads(text)
    runs = {name: None if found.get(name) is None else tuple(found[name]) for name in ("last", "plan")}
    return Live(**{**found, **runs})


def _drop(text: str) -> Drop:
    found = json.loads(text)
    return Drop(**{**found, "dags": tuple(found["dags"]), "errors": tuple(found["errors"])})
