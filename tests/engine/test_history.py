"""The run before, as templates see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leeward.core.dag import Dag
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.engine.bundle import speaks_of_history
from leeward.engine.drop_spec import drop_spec
from leeward.engine.history import previous_success
from leeward.engine.reconcile import Dropping, reconcile
from leeward.local.aws_calls import Refused
from leeward.local.secrets import EnvironmentSecrets
from leeward.local.spec_store import MemoryBucket, MemoryBundleStore, MemoryDropStore
from leeward.local.wiring import Local, local
from leeward.operators.base import Attempt
from leeward.operators.facts import facts
from leeward.spec.version import version
from leeward.worker.serve import Worker
from tests.drawing import draw
from tests.spec.reading import dag
from tests.world import World

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


MODULE = """
def told(prev_start_date_success, **context):
    return [str(prev_start_date_success)[:2], str(context["prev_data_interval_end_success"])[:10]]
"""


def test_user_code_is_told_of_the_run_before(here: Local, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(MODULE)
    found = dag("d: {tasks: {t: {operator: PythonOperator, python_callable: told.told}}}")
    drop_spec(here.ports, [found])
    for day in ("03", "05"):
        here.runtime.run(_info(found, day))
    first, second = (here.xcoms.returned(_info(found, day).ref)[0][2] for day in ("03", "05"))
    assert (first, second) == (["No", "None"], ["20", "2024-01-03"])
    here.close()


def test_files_that_speak_of_the_run_before_are_known_by_its_names() -> None:
    for name in ("start_date", "end_date", "data_interval_start", "data_interval_end"):
        assert speaks_of_history([b"x", f"ctx['prev_{name}_success']".encode()])
    assert not speaks_of_history([b"prev_ds", b"prev_success"])


def _order(found: Dag) -> dict[str, Any]:
    known = facts(Attempt(found, found.task("t"), _info(found, "05"), 1, 0, "", 0.0))
    job = {"kind": "python", "callable": "told.told", "args": [], "kwargs": {}, "strict": False, "environment": {}}
    return {
        "kind": "python",
        "job": {**job, "facts": known},
        "bundle": "",
        "seconds": 30.0,
        "upstream": [],
        "xcoms": [],
    }


def test_worker_function_knows_the_run_before_if_the_order_tells_it(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "told.py").write_text(MODULE)
    worker = Worker(tmp_path, {}, lambda what, arguments: None, lambda order, line: None)
    worker._roots.add(tmp_path / "none")
    (tmp_path / "none" / "told.py").write_text(MODULE)
    order = _order(dag("d: {tasks: {t: {operator: PythonOperator, python_callable: told.told}}}"))
    dates = dict.fromkeys(
        ("start_date", "end_date", "data_interval_start", "data_interval_end"), "2024-01-03T00:00:00+00:00"
    )
    try:
        told = worker.answer({**order, "previous": dates}, 30.0)
        assert told["result"]["value"] == ["20", "2024-01-03"]
        assert worker.answer({**order, "previous": None}, 30.0)["result"]["value"] == ["No", "None"]
        refused = worker.answer(order, 30.0)["result"]
        assert refused["error"].startswith("LW411 the run before is looked up if the spec")
    finally:
        worker._process.stop()  # type: ignore[union-attr]


def test_drop_notes_whether_files_beside_the_spec_speak_of_the_run_before(tmp_path: Path) -> None:
    del tmp_path
    spec = b"d: {tasks: {t: {operator: PythonOperator, python_callable: told.told}}}"
    for module, asks in ((MODULE.encode(), True), (b"def told(): pass", False)):
        world = World(draw("a"))
        bucket = MemoryBucket({"s.yml": spec, "told.py": module})
        reconcile(Dropping(world.ports, bucket, MemoryDropStore(), MemoryBundleStore(), lambda _: None))
        live = world.specs.live("d")
        assert live is not None
        assert world.specs.get(live.version).asks_history is asks
