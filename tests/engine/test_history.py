"""The run before, as templates see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.drop_spec import drop_spec
from leeward.engine.history import previous_success
from leeward.local.aws_calls import Refused
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.wiring import Local, local
from leeward.spec.version import version
from tests.spec.reading import dag

SPEC = """
d:
  tasks:
    t:
      operator: BashOperator
      bash_command: >-
        test '{{ dag_run.conf.fail }}' = no; code=$?;
        echo '{{ prev_data_interval_start_success }}|{{ prev_start_date_success is none }}|{{ prev_end_date_success }}';
        exit $code
"""


def _info(found: Dag, day: str | None, fail: str = "no") -> RunInfo:
    date = None if day is None else f"2024-01-{day}T00:00:00+00:00"
    ref = RunRef("d", f"manual__{day}_{fail}", version(found))
    return RunInfo(ref, RunType.MANUAL, date, date, date, "2024-02-01T00:00:00+00:00", conf={"fail": fail})


@pytest.fixture
def here(tmp_path: Path) -> Local:
    return local(tmp_path, Refused(), EnvironmentSecrets({}), parallelism=1, log=lambda attempt, line: None)


def test_last_successful_run_before_the_logical_date_is_found(here: Local) -> None:
    found = dag(SPEC)
    drop_spec(here.ports, [found])
    for day, fail in (("03", "no"), ("05", "no"), ("06", "yes"), ("09", "no")):
        here.runtime.run(_info(found, day, fail))
    seen = previous_success(here.ports.runs, here.ports.specs, _info(found, "08"))
    assert seen is not None
    assert seen["data_interval_start"] == seen["data_interval_end"] == "2024-01-05T00:00:00+00:00"
    assert seen["start_date"] is not None
    assert previous_success(here.ports.runs, here.ports.specs, _info(found, "03")) is None
    assert previous_success(here.ports.runs, here.ports.specs, _info(found, None)) is None
    here.runtime.run(_info(found, "08"))
    (text,) = (row[2] for row in here.xcoms.returned(_info(found, "08").ref))
    interval, absent, end = str(text).split("|")
    assert (interval, absent) == ("2024-01-05 00:00:00+00:00", "False")
    assert end.startswith("20")
    here.close()
