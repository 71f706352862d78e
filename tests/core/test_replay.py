"""Lines of the event log, written and read again, and what was stored as they tell it, in whatever order they came."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.core.address import instance
from leeward.core.decide import Change
from leeward.core.errors import UsageError
from leeward.core.lines import address_of, name_of, read_line
from leeward.core.replay import Stored, info_of, rebuilt
from leeward.core.run import Entry, Mapped, RunType
from leeward.core.states import RunState, TaskState
from leeward.engine.events import changed, deadline_missed, run_changed
from tests.core.test_explain import INFO, NOW, OVER, line
from tests.drawing import draw

S = TaskState
DAG = draw("a>b,m>z", m=OVER)
FAR = 1e12


def _replayed(*lines: dict[str, Any], moment: float = FAR) -> Stored:
    return rebuilt(DAG, INFO, [read_line(DAG, each) for each in lines], moment)


def _state(seen: Stored, address: int = 0) -> str:
    entry = seen.view.entry(address)
    assert entry is not None
    return entry.state.value


moments = st.none() | st.integers(0, 10**9).map(lambda ms: 1_800_000_000.0 + ms / 1000)
counts = st.lists(st.integers(0, 9), min_size=5, max_size=5)
mapped = st.builds(
    lambda length, found, firsts, pushed: Mapped(
        length, tuple(found), tuple(f if c else 0 for c, f in zip(found, firsts, strict=True)), pushed
    ),
    st.integers(1, 2000),
    counts,
    counts,
    st.integers(0, 9),
)
entries = st.builds(
    Entry,
    state=st.sampled_from(TaskState),
    try_number=st.integers(0, 99),
    base=st.integers(0, 99),
    start=moments,
    end=moments,
    until=moments,
    polls=st.integers(0, 99),
    beat=st.integers(0, 99),
    skip=st.frozensets(st.sampled_from([1, 2, 3, instance(2, 0), instance(2, 40)])),
    owes=st.booleans(),
    halts=st.booleans(),
    pushed=st.none() | st.integers(0, 99),
    mapped=st.none() | mapped,
    width=st.integers(0, 99),
)


@given(entries, st.sampled_from([0, 2, instance(2, 0), instance(2, 33)]))
def test_line_says_all_of_an_entry(entry: Entry, address: int) -> None:
    owner = "me" if entry.state in (S.RUNNING, S.DEFERRED) else ""
    entry = replace(entry, owner=owner)
    found = read_line(DAG, changed(DAG, INFO, Change(address, Entry(), entry, "cause"), 3, NOW))
    assert (found.address, found.epoch, found.at, found.cause) == (address, 3, NOW, "cause")
    assert found.entry == entry


def test_line_of_an_end_names_who_owned_the_try_and_the_entry_does_not() -> None:
    before = Entry(S.RUNNING, 1, owner="me")
    told = changed(DAG, INFO, Change(0, before, Entry(S.SUCCESS, 1), "body returned"), 0, NOW)
    found = read_line(DAG, told)
    assert told["owner"] == "me"
    assert found.entry == Entry(S.SUCCESS, 1)


@pytest.mark.parametrize("address", [0, 2, instance(2, 0), instance(2, 123)])
def test_name_of_an_instance_leads_back_to_it(address: int) -> None:
    assert address_of(DAG, name_of(DAG, address)) == address


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"at": "soon"}, "LW330"),
        ({"at": None}, "LW330"),
        ({"to": "dancing"}, "LW330"),
        ({"map_index": "x"}, "LW330"),
        ({"skip": ["nobody"]}, "LW330"),
        ({"mapped": 3}, "LW330"),
        ({"task_id": "nobody"}, "LW331"),
    ],
)
def test_what_is_no_line_of_this_dag_is_refused(broken: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError, match=code):
        read_line(DAG, line("a", "none", "queued") | broken)


def test_log_tells_what_its_run_is_about() -> None:
    told = run_changed(INFO, None, RunState.RUNNING, INFO.run_type.value, 0, NOW)
    found = info_of("drawn", [line("a", "none", "queued"), told])
    assert (found.ref, found.run_type, found.logical_date) == (INFO.ref, RunType.MANUAL, INFO.logical_date)
    assert found.created == NOW
    with pytest.raises(UsageError, match="LW332"):
        info_of("drawn", [line("a", "none", "queued")])


STORY = (
    line("a", "none", "queued", try_number=1, at="2027-01-15T08:00:00+00:00"),
    line("a", "queued", "running", try_number=1, at="2027-01-15T08:00:01+00:00", owner="x"),
    line("a", "running", "up_for_retry", try_number=1, at="2027-01-15T08:00:02+00:00", owes=True),
    line("a", "up_for_retry", "up_for_retry", try_number=1, at="2027-01-15T08:00:03+00:00"),
    line("a", "up_for_retry", "running", try_number=2, at="2027-01-15T08:00:04+00:00", owner="y"),
    line("a", "running", "none", "cleared", try_number=2, epoch=1, at="2027-01-15T08:00:05+00:00"),
)


def test_order_of_lines_does_not_matter() -> None:
    expected = _replayed(*STORY)
    for order in permutations(STORY):
        assert _replayed(*order) == expected
    for upto, state in enumerate(("none", "queued", "running", "up_for_retry", "up_for_retry", "running", "none")):
        assert _state(_replayed(*reversed(STORY[:upto]))) == state


def test_line_of_a_slow_function_is_put_where_it_belongs() -> None:
    late = line("a", "queued", "running", try_number=1, at="2027-01-15T09:00:00+00:00")
    lost = line("a", "running", "failed", "lease expired", try_number=1, at="2027-01-15T08:30:00+00:00")
    assert _state(_replayed(STORY[0], lost, late)) == "failed"


def test_missing_line_is_passed_over() -> None:
    for missing in range(len(STORY)):
        kept = [each for place, each in enumerate(STORY) if place != missing]
        expected = "running" if missing == len(STORY) - 1 else "none"
        assert _state(_replayed(*kept)) == expected
    assert _state(_replayed(STORY[0], STORY[2])) == "up_for_retry"


def test_line_that_came_twice_changes_nothing() -> None:
    twice = [each for each in STORY[:3] for _ in range(2)]
    assert _state(_replayed(*twice)) == "up_for_retry"


def test_only_what_was_told_up_to_the_moment_is_rebuilt() -> None:
    begun = line(None, None, "running", "manual", at="2027-01-15T07:59:59+00:00")
    ended = line(None, "running", "failed", "task_failure", at="2027-01-15T08:00:09+00:00")
    seen = _replayed(begun, *STORY, ended, moment=NOW + 2.5)
    assert _state(seen) == "up_for_retry"
    assert seen.view.header is not None
    assert (seen.view.header.state, seen.view.header.start) == (RunState.RUNNING, NOW - 1)
    over = _replayed(begun, *STORY, ended).view.header
    assert over is not None
    assert (over.state, over.end, over.active) == (RunState.FAILED, NOW + 9, False)
    assert _replayed(begun, moment=NOW - 100).view.header is None


def test_waiting_without_any_change_before_it_is_kept() -> None:
    waits = line("a", "none", "none", "waits for a slot", gate="pool p", used=1, limit=1)
    seen = _replayed(waits)
    assert [each.gate for each in seen.of(0).waits] == ["pool p"]
    assert (seen.of(0).last, _state(seen), seen.of(1).waits) == (None, "none", ())


def test_deadline_that_is_missed_does_not_change_the_run() -> None:
    dag = draw("a")
    begun = read_line(dag, run_changed(INFO, None, RunState.RUNNING, "manual", 0, NOW - 9))
    missed = read_line(dag, deadline_missed(INFO, RunState.RUNNING, NOW - 2, None, 0, NOW - 1))
    last = rebuilt(dag, INFO, [begun, missed], NOW).run
    assert last is not None
    assert last.cause == "manual"
