"""Which run is the run before, and whom it lets start: Airflow's `prev_dagrun_dep`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from leeward.core.dag import Dag
from leeward.core.decide import MET, Moment, decide
from leeward.core.past import Before, Past, earlier, following, past_of, previous, waits
from leeward.core.run import Entry, Item, Mapped, RunInfo, RunRef, RunType
from leeward.core.states import TaskState
from leeward.core.view import Layout, View
from tests.drawing import draw

PAST = {"depends_on_past": True}
WHOLE = {"depends_on_past": True, "wait_for_downstream": True}


def run(day: int | None, run_type: RunType = RunType.SCHEDULED, created: float = 0.0, name: str = "") -> RunInfo:
    date = None if day is None else f"2026-01-{day:02}T00:00:00+00:00"
    return RunInfo(RunRef("drawn", name or f"r{day}", "v1"), run_type, date, date, date, date or "", created)


def states(dag: Dag, found: Mapping[str, TaskState | Entry]) -> View:
    entries = {dag.index[name]: e if isinstance(e, Entry) else Entry(e, 1) for name, e in found.items()}
    return View(Layout(len(dag.tasks))).with_item(0, Item(entries=entries))


def passed(dag: Dag, found: Mapping[str, Any], before: Dag | None = None, prior: tuple[Before, ...] = ()) -> set[str]:
    before = before or dag
    there = Before(run(1), before)
    return {dag.tasks[i].task_id for i in past_of(dag, there, states(before, found), prior).passed}


MANUAL = RunType.MANUAL


def test_run_before_is_the_one_with_the_latest_logical_date_before_it() -> None:
    known = [run(1), run(3), run(2, MANUAL), run(None), run(5), run(4)]
    found = earlier(run(4), known)
    assert [one.ref.run_id for one in found] == ["r3", "r2", "r1"]
    assert previous(draw("a"), found) == run(3)
    assert previous(draw("a"), earlier(run(3), known)) == run(2, MANUAL)


def test_with_catchup_manual_runs_are_nobodys_run_before() -> None:
    assert previous(draw("a", dag={"catchup": True}), earlier(run(3), [run(1), run(2, MANUAL)])) == run(1)


def test_run_without_a_logical_date_has_no_run_before_it_and_none_after() -> None:
    assert earlier(run(None), [run(1)]) == []
    assert following(run(None), [run(1)]) == []
    assert previous(draw("a"), []) is None


def test_the_next_runs_are_those_whose_run_before_it_may_be() -> None:
    known = [run(1), run(3, MANUAL), run(4), run(5), run(None)]
    assert following(run(2), known) == [run(3, MANUAL), run(4)]
    assert following(run(4), known) == [run(5)]
    assert following(run(5), known) == []


S = TaskState


@pytest.mark.parametrize("state", list(TaskState))
def test_only_what_succeeded_or_was_skipped_lets_the_next_one_start(state: TaskState) -> None:
    dag = draw("a>b", a=PAST)
    assert passed(dag, {"a": state}) == ({"a"} if state in (S.SUCCESS, S.SKIPPED) else set())


def test_downstream_tasks_count_where_they_are_waited_for() -> None:
    dag = draw("a>b,c>d", a=WHOLE)
    assert dag.awaited == {0, 1, 2}
    assert passed(dag, {"a": S.SUCCESS, "b": S.SUCCESS, "c": S.SKIPPED}) == {"a"}
    assert passed(dag, {"a": S.SUCCESS, "b": S.SUCCESS, "c": S.FAILED}) == set()
    assert passed(dag, {"a": S.SUCCESS, "b": S.SUCCESS}) == set()
    assert passed(dag, {"a": S.FAILED, "b": S.SUCCESS, "c": S.SUCCESS}) == set()


def test_every_instance_of_a_mapped_task_counts() -> None:
    dag = draw("a", a=PAST)
    good, bad = Mapped(2, (1, 0, 0, 1, 0)), Mapped(2, (1, 0, 0, 0, 1))
    assert passed(dag, {"a": Entry(S.SUCCESS, mapped=good)}) == {"a"}
    assert passed(dag, {"a": Entry(S.SUCCESS, mapped=bad)}) == set()
    assert passed(dag, {"a": Entry(S.EXPANDED, mapped=good)}) == set()
    assert passed(dag, {"a": Entry(S.SKIPPED, mapped=Mapped(0))}) == {"a"}


def test_task_that_the_run_before_does_not_have_waits_unless_it_is_its_first() -> None:
    first = {**PAST, "ignore_first_depends_on_past": True}
    old, new = draw("a"), draw("a;b", b=first)
    assert passed(draw("a;b", b=PAST), {"a": S.SUCCESS}, before=old) == set()
    assert passed(new, {"a": S.SUCCESS}, before=old, prior=(Before(run(1), old),)) == {"b"}
    assert passed(new, {"a": S.SUCCESS}, before=old, prior=(Before(run(1), old), Before(run(0 + 1), new))) == set()


def test_task_that_was_not_in_the_run_before_because_of_its_dates_waits() -> None:
    dag = draw("a", a={**PAST, "start_date": "2026-01-02T00:00:00+00:00"})
    assert passed(dag, {}) == set()
    assert passed(replace(dag, catchup=True), {}) == {"a"}


def test_with_catchup_a_run_before_the_start_date_does_not_count() -> None:
    dag = draw("a", a=PAST, dag={"catchup": True, "start_date": "2026-01-01T00:00:00+00:00"})
    assert passed(dag, {}) == set()
    assert passed(replace(dag, start_date="2026-01-01T00:00:01+00:00"), {}) == {"a"}


def test_a_task_is_behind_until_the_run_before_lets_it_start() -> None:
    dag = draw("a;b", a=PAST)
    view, info = states(dag, {}), run(2)
    unknown = decide(dag, view, Moment(info, 0.0))
    assert [change.index for change in unknown.changes] == [1]
    assert [(change.index, change.cause) for change in unknown.behind] == [(0, MET)]
    assert decide(dag, view, Moment(info, 0.0, past=Past(frozenset()))).behind == unknown.behind
    free = decide(dag, view, Moment(info, 0.0, past=Past(frozenset({0}))))
    assert [change.index for change in free.changes] == [0, 1]
    assert not free.behind


def test_a_retry_waits_for_the_past_too() -> None:
    dag = draw("a", a=PAST)
    view = states(dag, {"a": Entry(S.UP_FOR_RETRY, 1, until=5.0)})
    assert [change.after.state for change in decide(dag, view, Moment(run(2), 6.0)).behind] == [S.QUEUED]


@pytest.mark.parametrize("waiting", [False, True])
def test_a_skip_waits_for_the_past_only_where_the_task_says_so(waiting: bool) -> None:
    dag = draw("a>b", b={**PAST, "wait_for_past_depends_before_skipping": waiting})
    found = decide(dag, states(dag, {"a": Entry(S.SKIPPED, end=0.0)}), Moment(run(2), 1e9))
    assert bool(found.behind) is waiting
    assert bool(found.changes) is not waiting


def test_a_task_whose_upstream_failed_does_not_wait_for_the_past() -> None:
    dag = draw("a>b", b={**PAST, "wait_for_past_depends_before_skipping": True})
    found = decide(dag, states(dag, {"a": Entry(S.FAILED, 1, end=0.0)}), Moment(run(2), 1e9))
    assert [change.after.state for change in found.changes] == [S.UPSTREAM_FAILED]


def test_a_run_waits_while_a_task_that_depends_on_the_past_has_not_ended() -> None:
    dag = draw("a;b", a=PAST)
    assert waits(dag, states(dag, {"b": S.SUCCESS}), run(2))
    assert not waits(dag, states(dag, {"a": S.FAILED}), run(2))
