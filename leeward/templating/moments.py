"""Dates as Airflow gives them to templates and callables: pendulum's, in UTC.

pendulum is imported when the first date is asked for, because most tasks ask for none.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pendulum import DateTime


def moment(text: str) -> DateTime:
    """The date of an ISO 8601 text with offset, in UTC."""
    import pendulum

    return pendulum.instance(datetime.fromisoformat(text)).in_timezone("UTC")


def ds(value: date | time | None) -> str | None:
    """`2026-01-31`."""
    return None if value is None else value.strftime("%Y-%m-%d")


def ds_nodash(value: date | time | None) -> str | None:
    """`20260131`."""
    return None if value is None else value.strftime("%Y%m%d")


def ts(value: date | time | None) -> str | None:
    """`2026-01-31T06:00:00+00:00`."""
    return None if value is None else value.isoformat()


def ts_nodash(value: date | time | None) -> str | None:
    """`20260131T060000`."""
    return None if value is None else value.strftime("%Y%m%dT%H%M%S")


def ts_nodash_with_tz(value: date | time | None) -> str | None:
    """`20260131T060000+0000`."""
    return None if value is None else value.isoformat().replace("-", "").replace(":", "")


FILTERS = {f.__name__: f for f in (ds, ds_nodash, ts, ts_nodash, ts_nodash_with_tz)}
"""Airflow's filters, by name."""
