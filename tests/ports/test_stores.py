"""One suite for every store, run on the twin and on the adapter: what the engine relies on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.aws.dags import dag_of, dag_text
from leeward.aws.items import base36, entry_of, entry_text, header_of, header_values, info_of, info_text
from leeward.aws.messages import hint_text, message_of
from leeward.contract import MAX_INLINE_XCOM_BYTES, TASKS_PER_SHARD
from leeward.core.dag import RetryPolicy
from leeward.core.facts import Deferred, Failed, Succeeded
from leeward.core.run import Entry, Header, Intent, IntentKind, Item, Mapped, Payer, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.core.view import Layout
from leeward.engine.apply_verb import apply_verb
from leeward.engine.bundle import member, pack
from leeward.engine.hints import Execute, Look, Poll
from leeward.engine.ports import HEADER, Drop, Live, Write
from leeward.engine.scope import open_scope
from leeward.engine.sweep import sweep
from tests.drawing import draw
from tests.ports.stores import Stores, put_in, stores
from tests.spec.reading import dag as compiled
from tests.world import World

DATE = "2024-01-15T00:00:00+00:00"
REF = RunRef("d", "r", "v1")
INFO = RunInfo(REF, RunType.SCHEDULED, DATE, DATE, None, DATE, 1.5, {"k": [1]})
ONE, TWO = Layout(1), Layout(TASKS_PER_SHARD + 1)
QUEUED = Entry(TaskState.QUEUED, 1, beat=2)
RUNNING = Entry(TaskState.RUNNING, 1, owner="me", start=1000.0, until=1930.0, beat=2)
DONE = replace(RUNNING, state=TaskState.SUCCESS, end=1001.25, until=None, skip=frozenset({3, 40}))


@pytest.fixture(params=["memory", "aws", "wire"])
def found(request: pytest.FixtureRequest) -> Iterator[Stores]:
    with stores(request.param) as made:
        made.specs.put("v1", draw(",".join(f"t{i}" for i in range(TASKS_PER_SHARD + 5))))
        yield made


@pytest.mark.parametrize("layout", [ONE, TWO])
def test_run_is_created_once(found: Stores, layout: Layout) -> None:
    item = Item(header=Header(start=1.0))
    assert found.runs.create(INFO, item, layout)
    assert not found.runs.create(INFO, item, layout)
    number = 0 if layout.single else HEADER
    assert found.runs.read(REF, [number]) == {number: item}


def test_item_that_was_never_written_reads_as_empty(found: Stores) -> None:
    assert found.runs.read(REF, [HEADER, 0, 7]) == {HEADER: Item(), 0: Item(), 7: Item()}
    assert found.runs.read(REF, []) == {}


def test_items_of_several_runs_come_together(found: Stores) -> None:
    other = replace(REF, run_id="other")
    found.runs.create(INFO, Item(header=Header()), TWO)
    found.runs.write(REF, Write(1, put={TASKS_PER_SHARD: QUEUED}))
    items = found.runs.read_runs({REF: (HEADER, 0, 1), other: (0,)})
    assert items[REF] == found.runs.read(REF, (HEADER, 0, 1))
    assert items[REF][1].entries == {TASKS_PER_SHARD: QUEUED}
    assert items[other] == {0: Item()}
    assert found.runs.read_runs({}) == {}


def test_write_returns_the_image_won_or_lost(found: Stores) -> None:
    won = found.runs.write(REF, Write(0, expect={0: Entry()}, put={0: QUEUED}))
    assert (won.won, won.item.entries) == (True, {0: QUEUED})
    lost = found.runs.write(REF, Write(0, expect={0: Entry()}, put={0: RUNNING}))
    assert (lost.won, lost.item.entries) == (False, {0: QUEUED})
    claimed = found.runs.write(REF, Write(0, expect={0: QUEUED}, put={0: RUNNING, 1: QUEUED}))
    assert (claimed.won, claimed.item.entries) == (True, {0: RUNNING, 1: QUEUED})
    assert found.runs.read(REF, [0])[0].entries == {0: RUNNING, 1: QUEUED}


def test_writes_of_different_tasks_commute(found: Stores) -> None:
    for index in range(TASKS_PER_SHARD):
        assert found.runs.write(REF, Write(0, expect={index: Entry()}, put={index: QUEUED})).won
    assert len(found.runs.read(REF, [0])[0].entries) == TASKS_PER_SHARD


def test_epoch_is_a_condition_and_absent_means_zero(found: Stores) -> None:
    assert found.runs.write(REF, Write(0, put={0: QUEUED}, epoch=0)).won
    assert found.runs.write(REF, Write(0, epoch=0, new_epoch=1)).won
    refused = found.runs.write(REF, Write(0, put={0: RUNNING}, epoch=0))
    assert (refused.won, refused.item.epoch) == (False, 1)
    assert found.runs.write(REF, Write(0, put={0: RUNNING})).won


def test_header_is_a_condition_and_is_written_with_entries(found: Stores) -> None:
    seen = Header(start=1.0)
    found.runs.create(INFO, Item(header=seen), ONE)
    intent = Intent("i", IntentKind.STOP, frozenset({0}), 5.0, RunState.FAILED)
    stopping = replace(seen, intent=intent)
    assert found.runs.write(REF, Write(0, put={0: QUEUED}, expect_header=seen, put_header=stopping)).won
    refused = found.runs.write(REF, Write(0, expect_header=seen, put_header=seen))
    assert (refused.won, refused.item.header) == (False, stopping)
    ended = replace(seen, state=RunState.FAILED, end=9.5, owed=frozenset({"run_ended"}))
    assert found.runs.write(REF, Write(0, expect_header=stopping, put_header=ended)).item.header == ended


def test_stamp_of_the_sweeper_is_kept(found: Stores) -> None:
    item = found.runs.write(REF, Write(0, resent=7.5, resends=2)).item
    assert (item.resent, item.resends) == (7.5, 2)
    assert found.runs.read(REF, [0])[0] == item


def test_active_runs_are_found_until_nothing_is_owed(found: Stores) -> None:
    header = Header(start=1.0)
    found.runs.announce(INFO)
    found.runs.create(INFO, Item(header=header), TWO)
    assert list(found.runs.active()) == [INFO]
    found.runs.write(REF, Write(HEADER, expect_header=header, put_header=replace(header, active=False)))
    assert list(found.runs.active()) == []


def test_jobs_and_errors_are_kept_by_try(found: Stores) -> None:
    found.attempts.put_job(REF, 1, 2, {"id": "j"})
    found.attempts.put_error(REF, 1, 2, "boom")
    assert (found.attempts.job(REF, 1, 2), found.attempts.error(REF, 1, 2)) == ({"id": "j"}, "boom")
    found.attempts.put_instance_name(REF, 1, 2, "Berlin")
    assert (found.attempts.instance_name(REF, 1, 2), found.attempts.instance_name(REF, 1, 1)) == ("Berlin", None)
    assert (found.attempts.job(REF, 1, 3), found.attempts.error(REF, 2, 2)) == (None, None)


def test_entry_that_is_put_back_to_nothing_is_absent(found: Stores) -> None:
    found.runs.write(REF, Write(0, put={0: Entry(TaskState.UPSTREAM_FAILED, 0, end=1.0)}))
    found.runs.write(REF, Write(0, put={0: Entry()}, epoch=0, new_epoch=1))
    assert found.runs.write(REF, Write(0, expect={0: Entry()}, put={0: QUEUED}, epoch=1)).won


def test_xcoms_belong_to_their_try(found: Stores) -> None:
    found.xcoms.push(REF, "t", -1, 2, {"return_value": [1, None], "k": "new"})
    found.xcoms.push(REF, "t", -1, 1, {"k": "old"})
    assert found.xcoms.pull(REF, "t", "k", -1) == (True, "new")
    assert found.xcoms.pull(REF, "t", "return_value", -1) == (True, [1, None])
    assert found.xcoms.pull(REF, "t", "k", 0) == (False, None)
    found.xcoms.push(REF, "t", -1, 3, {"k": "newest"})
    found.xcoms.clear(REF, "t", -1, 3)
    assert found.xcoms.pull(REF, "t", "return_value", -1) == (False, None)
    assert found.xcoms.pull(REF, "t", "k", -1) == (True, "newest")


def test_large_xcom_comes_back_whole(found: Stores) -> None:
    value = "x" * (MAX_INLINE_XCOM_BYTES + 1)
    found.xcoms.push(REF, "t", -1, 1, {"k": value})
    assert found.xcoms.pull(REF, "t", "k", -1) == (True, value)


def test_versions_are_stored_once_and_one_is_live(found: Stores) -> None:
    dag = draw("a>b", a={"retry": RetryPolicy(2, 5.0)}, b="all_done")
    found.specs.put("v2", dag)
    assert found.specs.get("v2") == dag
    with pytest.raises(KeyError):
        found.specs.get("v9")


def test_live_dag_is_replaced_only_as_it_was_read(found: Stores) -> None:
    first = Live("d", "v1", "a.yml", last=("l", "s", "e"), due=5.5, turn=1)
    second = replace(first, version="v2", paused=True, last=None, due=None)
    assert found.specs.live("d") is None
    assert not found.specs.put_live(second, first)
    assert found.specs.put_live(first, None)
    assert not found.specs.put_live(second, None)
    assert found.specs.put_live(second, first)
    assert found.specs.put_live(Live("a", "v1"), None)
    assert list(found.specs.all_live()) == [Live("a", "v1"), second]
    assert not found.specs.retire(first)
    assert found.specs.retire(second)
    assert found.specs.live("d") is None


def test_record_of_a_drop_is_replaced_only_as_it_was_read(found: Stores) -> None:
    first = Drop("a.yml", "s1", 1.5, ("d",), (), 1)
    second = replace(first, seen="s2", errors=("a.yml:1:1 LW101 x",), turn=2)
    assert not found.drops.remove(first)
    assert found.drops.put(first, None)
    assert not found.drops.put(second, None)
    assert found.drops.put(second, first)
    assert found.drops.all() == {"a.yml": second}
    assert not found.drops.remove(first)
    assert found.drops.remove(second)
    assert found.drops.all() == {}


def test_archives_of_modules_are_found_by_their_names(found: Stores) -> None:
    name, archive = pack({"lib/m.py": b"x = 1", "run.sh": b"echo 1"})
    assert pack({"run.sh": b"echo 1", "lib/m.py": b"x = 1"}) == (name, archive)
    assert pack({"run.sh": b"echo 2", "lib/m.py": b"x = 1"})[0] != name
    found.bundles.put(name, archive)
    assert member(found.bundles.get(name), "run.sh") == "echo 1"
    assert member(found.bundles.get(name), "none.sh") is None
    with pytest.raises(KeyError):
        found.bundles.get("none")


def test_run_is_announced_once_whoever_comes_later(found: Stores) -> None:
    other = replace(INFO, ref=replace(REF, version="v2"), created=9.0)
    assert found.runs.info("d", "r") is None
    assert found.runs.announce(INFO) == INFO
    assert found.runs.announce(other) == INFO
    assert found.runs.info("d", "r") == INFO


def test_recent_runs_of_a_dag_come_newest_first(found: Stores) -> None:
    made = [replace(INFO, ref=replace(REF, run_id=f"r{i}"), created=100.0 + i) for i in range(4)]
    for info in made:
        found.runs.announce(info)
    found.runs.announce(replace(INFO, ref=replace(REF, dag_id="other")))
    assert list(found.runs.recent("d", 3)) == made[:0:-1]
    assert list(found.runs.recent("none", 3)) == []


def test_runs_near_a_run_are_those_created_right_before_and_right_after_it(found: Stores) -> None:
    made = [replace(INFO, ref=replace(REF, run_id=f"r{i}"), created=100.0 + i) for i in range(7)]
    for info in (*made, replace(INFO, ref=replace(REF, dag_id="other"), created=103.0)):
        found.runs.announce(info)
    assert list(found.runs.near(made[3], 2)) == [made[1], made[2], made[4], made[5]]
    assert list(found.runs.near(made[0], 9)) == made[1:]
    assert list(found.runs.near(replace(INFO, ref=replace(REF, dag_id="none")), 9)) == []
    assert 0 <= found.runs.lag_seconds() < 60


def test_runs_created_in_the_same_instant_are_near_each_other(found: Stores) -> None:
    made = [replace(INFO, ref=replace(REF, run_id=f"r{i}"), created=100.0) for i in range(3)]
    for info in made:
        found.runs.announce(info)
    assert {one.ref.run_id for one in found.runs.near(made[1], 2)} == {"r0", "r2"}


@pytest.mark.parametrize("drawing", ["a>b,c>d", ",".join(f"t{i}" for i in range(TASKS_PER_SHARD + 3)) + ">z"])
def test_run_goes_to_its_end(found: Stores, drawing: str) -> None:
    world = put_in(World(draw(drawing)), found).run(Random(1))
    view = open_scope(world.ports, world.info).read_all()
    assert {entry.state for item in view.items.values() for entry in item.entries.values()} == {TaskState.SUCCESS}
    assert found.runs.active() in ((), [])


def test_retry_job_failure_and_clear_work_the_same(found: Stores) -> None:
    dag = draw("a>b>c", a={"retry": RetryPolicy(1, 30.0)})
    script = {"a": [Failed("x"), Succeeded()], "b": [Deferred({"id": 1}, 60.0), Failed("y"), Succeeded()]}
    world = put_in(World(dag, script), found).run()  # type: ignore[arg-type]
    assert world.log.lines[-1]["to"] == "failed"
    assert found.attempts.error(world.info.ref, 1, 1) == "y"
    apply_verb(world.scope, IntentKind.CLEAR, [1, 2])
    world.drain()
    sweep(world.ports)
    assert world.log.lines[-1]["to"] == "success"
    assert [line["try_number"] for line in world.log.lines if line.get("task_id") == "b"][-1] == 2


TIMES = st.none() | st.integers(0, 2**38).map(lambda ticks: ticks / 100)
COUNTS = st.tuples(*[st.integers(0, 10**5)] * 5)
ENTRIES = st.builds(
    Entry,
    st.sampled_from(TaskState),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.text("0123456789abcdef", max_size=12),
    TIMES,
    TIMES,
    TIMES,
    st.integers(0, 10**4),
    st.integers(0, 10**4),
    st.frozensets(st.integers(0, 10**4), max_size=5),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 10**6),
    st.none() | st.builds(Mapped, st.integers(0, 10**5), COUNTS, COUNTS, st.integers(0, 10**5)),
    st.integers(0, 10**5),
)


@settings(max_examples=300, deadline=None)
@given(ENTRIES)
def test_entry_comes_back_from_its_text_and_has_one_text(entry: Entry) -> None:
    text = entry_text(entry)
    assert entry_of(text) == entry
    assert entry_text(entry_of(text)) == text


def test_entries_are_short() -> None:
    now = 1_900_000_000.0
    running = replace(RUNNING, owner="abcdef", start=now, until=now + 930.0)
    ended = replace(running, state=TaskState.SUCCESS, owner="", end=now + 600.0, until=None)
    assert [len(entry_text(entry)) for entry in (QUEUED, running, ended)] == [4, 24, 17]
    assert (base36(-37), int("-11", 36)) == ("-11", -37)


@pytest.mark.parametrize(
    "header",
    [
        Header(),
        Header(RunState.SUCCESS, 1.5, 2.25, owed=frozenset({"a", "b"}), active=False),
        Header(intent=Intent("i", IntentKind.MARK, frozenset({1, 50}), 9.0, TaskState.FAILED)),
        Header(intent=Intent("i", IntentKind.CLEAR, frozenset(), 9.0)),
        Header(intent=Intent("i", IntentKind.STOP, frozenset(), 9.0, RunState.FAILED, "timed_out")),
        Header(
            RunState.FAILED, 1.5, 2.25, deadlines=((0, 5.25), (40, 1e9)), payer=Payer("me", 4.5), reason="timed_out"
        ),
    ],
)
def test_header_comes_back(header: Header) -> None:
    stored = {name: {"S": text} for name, text in header_values(header).items() if text is not None}
    assert header_of(stored) == header


def test_messages_and_dags_come_back() -> None:
    for hint in (Execute(INFO, 3, QUEUED), Poll(INFO, 1, 2, 3, 4.5, 60.0), Look(INFO), Look(INFO, (1, 2))):
        assert message_of(hint_text(hint)) == hint
    with pytest.raises(ValueError, match="dance"):
        message_of(hint_text(Look(INFO)).replace("look", "dance"))
    assert info_of(info_text(INFO)) == INFO
    dag = compiled(
        "d: {tags: [a], params: {p: 1}, task_groups: {g: {}}, tasks: {t: {operator: BashOperator, bash_command: x, task_group_name: g}}}"
    )
    assert dag_of(dag_text(dag)) == dag
