"""The small values of the core: DAG, graph, view, layout, facts of branches, verbs, invariants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.contract import TASKS_PER_SHARD
from leeward.core.branching import not_chosen, short_circuited
from leeward.core.callbacks import OF_RUN
from leeward.core.codes import CODES
from leeward.core.dag import Callback, CallbackEvent, Dag, SkipScope, Task, TaskGroup
from leeward.core.errors import TaskError, UsageError
from leeward.core.invariants import INVARIANTS, violations
from leeward.core.run import UNTOUCHED, Entry, Header, Intent, IntentKind, Item, Payer, RunInfo, RunRef, RunType
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.transitions import LEGAL, TABLE, Actor, diagram
from leeward.core.verbs import accepted, applied, done, ended
from leeward.core.view import Layout, View
from tests.drawing import draw

DIAMOND = draw("a>b,c>d>e")
INFO = RunInfo(RunRef("d", "r", "v"), RunType.MANUAL, None, None, None, "2024-01-01T00:00:00+00:00")
OK = Entry(TaskState.SUCCESS, 1, end=1.0)
ME = Payer("me", 9.0)


def test_graph_knows_leaves_ancestors_and_descendants() -> None:
    assert DIAMOND.graph.leaves == (4,)
    assert DIAMOND.graph.ancestors(3) == {0, 1, 2}
    assert DIAMOND.graph.ancestors(0) == frozenset()
    assert DIAMOND.graph.descendants((1,)) == {3, 4}
    assert DIAMOND.task("c").upstream == ("a",)


def test_branch_skips_what_is_neither_chosen_nor_downstream_of_it() -> None:
    dag = draw("a>b,c,d; b>c")
    assert not_chosen(dag, dag.task("a"), ["b"]) == ("d",)
    assert set(not_chosen(dag, dag.task("a"), [])) == {"b", "c", "d"}


def test_branch_may_choose_a_group_by_its_first_tasks() -> None:
    dag = draw("a>x,y,z; x>w")
    inside = {"x": "g", "w": "g.h", "y": "g"}
    tasks = tuple(replace(task, group=inside.get(task.task_id)) for task in dag.tasks)
    grouped = replace(dag, tasks=tasks, groups=(TaskGroup("g"), TaskGroup("g.h", "g")))
    assert not_chosen(grouped, grouped.task("a"), ["g"]) == ("z",)


def test_branch_that_chooses_nothing_known_fails() -> None:
    with pytest.raises(TaskError, match="LW405"):
        not_chosen(DIAMOND, DIAMOND.task("a"), ["nobody"])


def test_short_circuit_skips_everything_or_the_next_only() -> None:
    everything = draw("a>b>c", a={"skip_scope": SkipScope.ALL})
    next_only = draw("a>b>c", a={"skip_scope": SkipScope.DIRECT})
    assert short_circuited(everything, everything.task("a")) == ("b", "c")
    assert short_circuited(next_only, next_only.task("a")) == ("b",)
    assert everything.skippers == ((), (0,), (0,))
    assert next_only.skippers == ((), (0,), ())


def test_layout_fills_shards_in_order() -> None:
    layout = Layout(TASKS_PER_SHARD + 1)
    assert (layout.shards, layout.single, layout.shard(TASKS_PER_SHARD)) == (2, False, 1)
    assert list(layout.indexes(1)) == [TASKS_PER_SHARD]
    assert Layout(0).single


def test_view_tells_what_was_read() -> None:
    layout = Layout(TASKS_PER_SHARD + 1)
    view = View(layout).with_item(0, Item())
    assert view.entry(0) == UNTOUCHED
    assert view.entry(TASKS_PER_SHARD) is None
    assert view.unread((0, TASKS_PER_SHARD)) == {1}
    assert not view.torn
    assert view.with_item(1, Item(epoch=1)).torn


def test_view_can_be_asked_what_a_write_would_make_of_it() -> None:
    view = View(Layout(2)).with_item(0, Item(header=Header()))
    after = view.with_entries({1: OK})
    assert (after.entry(1), view.entry(1)) == (OK, UNTOUCHED)
    assert after.header == Header()


def test_every_state_can_be_reached_and_every_unfinished_one_left() -> None:
    reached = {row.after for row in TABLE}
    assert reached == set(TaskState)
    left = {row.before for row in TABLE if row.actor is not Actor.VERB}
    assert left >= set(TaskState) - FINISHED


def test_diagram_shows_each_legal_pair_once() -> None:
    arrows = [line for line in diagram().splitlines() if "-->" in line]
    pairs = {(row.before, row.after) for row in TABLE if row.actor is not Actor.VERB}
    assert len(arrows) == len(pairs) + 1
    assert pairs <= LEGAL


def _intent(kind: IntentKind, state: RunState | TaskState | None = None) -> Intent:
    return Intent("i", kind, frozenset({0}), 5.0, state)


def test_clear_keeps_the_try_number_and_counts_retries_from_there() -> None:
    cleared = applied(_intent(IntentKind.CLEAR), 0, replace(OK, try_number=3), 9.0)
    assert cleared == Entry(try_number=3, base=3)
    assert applied(_intent(IntentKind.CLEAR), 1, OK, 9.0) == OK


def test_stop_skips_whatever_has_not_finished() -> None:
    stop = _intent(IntentKind.STOP, RunState.FAILED)
    assert applied(stop, 7, Entry(TaskState.RUNNING, 2), 9.0).state is TaskState.SKIPPED
    assert applied(stop, 7, OK, 9.0) == OK


def test_mark_sets_a_state_once() -> None:
    mark = _intent(IntentKind.MARK, TaskState.FAILED)
    marked = applied(mark, 0, OK, 9.0)
    assert (marked.state, marked.end) == (TaskState.FAILED, 9.0)
    assert applied(mark, 0, marked, 10.0) == marked


def test_header_carries_the_intent_until_every_item_is_done() -> None:
    ended = Header(RunState.SUCCESS, end=3.0, active=False)
    clear = accepted(DIAMOND, ended, _intent(IntentKind.CLEAR))
    assert (clear.state, clear.end, clear.active) == (RunState.QUEUED, None, True)
    assert accepted(DIAMOND, ended, _intent(IntentKind.MARK, TaskState.FAILED)).state is RunState.RUNNING
    told = Dag("d", (Task("t", "x"),), callbacks={CallbackEvent.FAILURE: (Callback("m.f"),)})
    assert done(told, clear, 9.0, ME) == replace(clear, intent=None)
    stopped = done(told, accepted(told, Header(), _intent(IntentKind.STOP, RunState.FAILED)), 9.0, ME)
    assert (stopped.state, stopped.end, set(stopped.owed), stopped.active) == (RunState.FAILED, 9.0, {OF_RUN}, True)


def test_run_whose_end_owes_nothing_is_not_active_any_more() -> None:
    untold = ended(Dag("d", (Task("t", "x"),)), Header(), RunState.SUCCESS, 9.0, ME)
    assert (untold.owed, untold.active) == (frozenset(), False)


RUNNING = Entry(TaskState.RUNNING, 1, owner="me", until=9.0)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("legal_transition", Item(entries={0: OK}), Item(entries={0: Entry(TaskState.QUEUED, 2)})),
        ("tries_only_grow", Item(entries={0: Entry(TaskState.QUEUED, 2)}), Item(entries={0: RUNNING})),
        ("finished_stays", Item(entries={0: OK}), Item(entries={0: Entry(TaskState.FAILED, 1)})),
        ("epoch_only_grows", Item(epoch=2), Item(epoch=1)),
        ("running_has_an_owner", Item(), Item(entries={0: Entry(TaskState.RUNNING, 1)})),
        ("claim_is_exclusive", Item(entries={0: RUNNING}), Item(entries={0: replace(RUNNING, owner="you")})),
        (
            "ended_runs_stay",
            Item(header=Header(RunState.FAILED)),
            Item(header=Header(RunState.SUCCESS)),
        ),
        ("failure_stops_the_others", Item(), Item(entries={0: replace(OK, halts=True)})),
    ],
)
def test_invariant_finds_what_it_is_named_after(name: str, before: Item, after: Item) -> None:
    found = violations(DIAMOND, before, after)
    assert any(story.startswith(f"{name}: ") for story in found)


def test_run_with_fail_fast_does_not_end_before_a_failure_has_stopped_the_others() -> None:
    failed = Item(1, {0: Entry(TaskState.FAILED, 1, halts=True)}, Header(RunState.RUNNING))
    dag = replace(DIAMOND, fail_fast=True)
    assert violations(dag, failed, failed) == ()
    (story,) = violations(dag, failed, replace(failed, header=Header(RunState.FAILED)))
    assert story == "failure_stops_the_others: a: the run ended before it had stopped the others"
    paid = replace(failed, entries={0: Entry(TaskState.FAILED, 1)})
    assert "failure_stops_the_others: a: forgot to stop the others" in violations(dag, failed, paid)
    assert violations(dag, failed, replace(paid, epoch=2)) == ()


def test_invariants_are_silent_about_an_ordinary_step() -> None:
    before = Item(entries={0: RUNNING}, header=Header(RunState.FAILED))
    after = Item(1, {0: OK}, Header(RunState.RUNNING))
    assert violations(DIAMOND, before, after) == ()
    assert violations(DIAMOND, after, after) == ()
    assert len(INVARIANTS) == 11


def test_errors_carry_their_codes() -> None:
    assert UsageError("LW301", "no run").code == "LW301"
    assert not TaskError("LW401", "no").retryable
    assert all(code[:2] == "LW" and text.endswith(".") for code, text in CODES.items())
