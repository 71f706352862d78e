"""Start a run by hand, on the live version of its DAG."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from leeward.core.dag import Json
from leeward.core.errors import UsageError
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.ports import Ports
from leeward.engine.start_run import start_run
from leeward.spec.params import param_problems


def trigger_run(
    ports: Ports,
    dag_id: str,
    *,
    run_id: str | None = None,
    logical_date: str | None = None,
    conf: Mapping[str, Json] | None = None,
) -> RunInfo:
    """Start a run; what it is about. The logical date (ISO 8601, no offset = UTC) is now by default.

    Raises UsageError LW305 (conf does not fit the params), LW306 (no such DAG), LW307 (the run exists) or LW308 (no date).
    """
    live = ports.specs.live(dag_id)
    if live is None:
        raise UsageError("LW306", f"there is no DAG {dag_id!r}")
    given = dict(conf or {})
    for problem in param_problems(ports.specs.get(live.version), given):
        raise UsageError("LW305", problem.removeprefix("LW305 "))
    now = ports.clock.now()
    logical = _date(logical_date) if logical_date else datetime.fromtimestamp(now, UTC).isoformat()
    info = RunInfo(
        RunRef(dag_id, run_id or f"{RunType.MANUAL}__{logical}", live.version),
        RunType.MANUAL,
        logical,
        logical,
        logical,
        run_after=datetime.fromtimestamp(now, UTC).isoformat(),
        created=now,
        conf=given,
    )
    if not start_run(ports, info, paused=live.paused):
        raise UsageError("LW307", f"{dag_id} has a run {info.ref.run_id} already")
    return info


def _date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("LW308", f"{text!r} is not an ISO 8601 date, such as 2026-01-31T06:00:00+00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
