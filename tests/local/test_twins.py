"""The twins that no engine test leans on: clocks, tokens, queues, logs, stores of specs, secrets."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence

import pytest

from leeward.core.dag import Json
from leeward.core.errors import EngineError
from leeward.core.run import Entry, RunRef
from leeward.core.states import TaskState
from leeward.engine.drop_spec import drop_spec
from leeward.engine.hints import Execute, Hint, Look
from leeward.engine.ports import Write
from leeward.engine.system import RandomIds, SystemClock
from leeward.local.clock import SeededIds, VirtualClock
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.queue import MemoryQueue
from leeward.local.run_store import MemoryXComStore
from leeward.local.runtime import Runtime
from leeward.local.secrets import EnvironmentSecrets
from leeward.spec.rules import Rule
from tests.drawing import draw
from tests.world import World

REF = RunRef("d", "r", "v")


def test_clocks_tell_the_time_and_virtual_time_never_goes_back() -> None:
    assert abs(SystemClock().now() - time.time()) < 60
    clock = VirtualClock(5.0)
    clock.advance_to(3.0)
    assert clock.now() == 5.0


def test_tokens_differ_and_seeded_ones_repeat() -> None:
    assert len({RandomIds().token() for _ in range(100)}) == 100
    first, again = SeededIds(7), SeededIds(7)
    assert [first.token(), first.token()] == [again.token(), again.token()]


def test_hints_leave_in_the_order_of_their_times() -> None:
    world = World(draw("a"))
    queue = MemoryQueue(world.clock)
    late, soon = Look(world.info, (1,)), Look(world.info, (2,))
    queue.send([late], 20.0)
    queue.send([soon], 10.0)
    assert (queue.take(), queue.next_due()) == ([], world.clock.now() + 10)
    world.clock.advance_to(world.clock.now() + 30)
    assert queue.take() == [soon, late]
    assert queue.next_due() is None


def test_events_are_kept_written_and_told() -> None:
    file = io.StringIO()
    told: list[Mapping[str, Json]] = []
    log = MemoryEventLog(told.append, file)
    log.append([{"to": "running"}])
    assert [json.loads(line) for line in file.getvalue().splitlines()] == told == log.lines == [{"to": "running"}]


def test_metrics_count_by_dimension() -> None:
    metrics = MemoryMetrics()
    metrics.count("ti_successes", dag_id="d")
    metrics.count("ti_successes", dag_id="d")
    metrics.timing("dagrun.duration.success", 1.5, dag_id="d")
    assert metrics.counts == {"ti_successes{dag_id=d}": 2}
    assert metrics.timings == {"dagrun.duration.success{dag_id=d}": [1.5]}


def test_run_is_counted_and_timed() -> None:
    world = World(draw("a>b")).run()
    assert world.metrics.counts["ti_successes{dag_id=drawn}"] == 2
    assert len(world.metrics.timings["dagrun.duration.success{dag_id=drawn}"]) == 1


def test_older_try_never_overwrites_a_newer_ones_xcom() -> None:
    xcoms = MemoryXComStore()
    xcoms.push(REF, "t", -1, 2, {"k": "new"})
    xcoms.push(REF, "t", -1, 1, {"k": "old"})
    assert xcoms.pull(REF, "t", "k", -1) == (True, "new")
    xcoms.clear(REF, "t", -1, before_try=3)
    assert xcoms.pull(REF, "t", "k", -1) == (False, None)


def test_drop_makes_a_version_live_and_lets_its_rules_follow() -> None:
    world = World(draw("a"))
    dag = draw("a", dag={"schedule": {"kind": "cron", "crons": ["0 6 * * *"], "timezone": "UTC"}})
    live = drop_spec(world.ports, [dag])
    found = world.specs.live("drawn")
    assert found is not None
    assert found.version == live["drawn"]
    assert world.rules.rules == {"drawn": (Rule("cron(0 6 * * ? *)"),)}
    drop_spec(world.ports, [draw("a")])
    assert world.rules.rules == {}


def test_store_refuses_a_step_that_breaks_an_invariant() -> None:
    world = World(draw("a"))
    with pytest.raises(EngineError, match="running_has_an_owner"):
        world.runs.write(world.info.ref, Write(0, put={0: Entry(TaskState.RUNNING, 1)}))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            "my-type://me:p%40ss@host:5432/db?a=1",
            {
                "conn_type": "my_type",
                "login": "me",
                "password": "p@ss",
                "host": "host",
                "port": 5432,
                "schema": "db",
                "extra": '{"a": "1"}',
            },
        ),
        ("aws://", {"conn_type": "aws", "host": None, "schema": None, "extra": None}),
        ("x://?__extra__=%7B%22a%22%3A1%7D", {"conn_type": "x", "extra": '{"a":1}'}),
        ('{"conn_type": "x", "extra": "{}"}', {"conn_type": "x", "extra": "{}", "login": None}),
    ],
)
def test_connection_is_a_uri_or_json(text: str, fields: dict[str, object]) -> None:
    secrets = EnvironmentSecrets({"AIRFLOW_CONN_C": text})
    found = secrets.connection("c")
    assert found is not None
    assert {name: found[name] for name in fields} == fields
    assert secrets.connection("nobody") is None
    assert secrets.variable("nobody") is None


def _runtime(world: World) -> Runtime:
    return Runtime(world.ports, world.queue, 2)


def test_defect_in_a_handler_ends_the_command_with_its_error() -> None:
    world = World(draw("a"))

    def broken(attempt: object) -> object:
        raise ZeroDivisionError

    world.bodies.start = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        _runtime(world).run(world.info)


def test_run_whose_message_was_lost_is_swept() -> None:
    world = World(draw("a"))
    send = world.queue.send
    lost: list[Sequence[Hint]] = []

    def lose_first(hints: Sequence[Hint], delay_seconds: float = 0.0) -> None:
        if lost:
            send(hints, delay_seconds)
        lost.append(hints)

    world.queue.send = lose_first  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="can't move"):
        _runtime(world).run(world.info)
    assert isinstance(lost[0][0], Execute)
