"""The compiler: makes what is live equal to what lies in the bucket, whenever a file there changes and now and then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from leeward.aws.wiring import dropping
from leeward.engine.reconcile import reconcile


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Look at the bucket; an event says no more than whether something in it may have changed."""
    del context
    reconcile(dropping(), routine="Records" not in event)
    sys.stdout.flush()
