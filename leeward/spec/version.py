"""The version of a compiled DAG: a hash of its content, so that the same spec is the same version everywhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256

from leeward.core.dag import Dag


def version(dag: Dag) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the DAG's canonical JSON."""
    text = json.dumps(asdict(dag), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
