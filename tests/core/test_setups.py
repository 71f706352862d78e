"""Setups and teardowns: their scopes, what they make of the tasks inside, and which tasks a run's state is that of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.contract import EARLY_VERDICT_SECONDS, TASKS_PER_SHARD
from leeward.core.branching import not_chosen, short_circuited
from leeward.core.dag import Dag, SkipScope, TriggerRule
from leeward.core.decide import Moment, decide, outcome
from leeward.core.rules import Tally, verdict
from leeward.core.run import Entry, Item, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.core.view import Layout, View
from tests.core.test_decide import BAD, INFO, NOW, OK, RUNNING, SKIP, _states, _view
from tests.drawing import draw

SETUP = {"is_setup": True}
TEARDOWN = {"is_teardown": True, "trigger_rule": TriggerRule.ALL_DONE_SETUP_SUCCESS}
FAILING = {**TEARDOWN, "on_failure_fail_dagrun": True}
ALWAYS = {"trigger_rule": TriggerRule.ALWAYS}
RUN, FAIL, SKIPPED = TaskState.QUEUED, TaskState.UPSTREAM_FAILED, TaskState.SKIPPED


def named(dag: Dag, indexes: object) -> set[str]:
    return {dag.tasks[index].task_id for index in indexes}  # type: ignore[attr-defined]


def scoped() -> Dag:
    """A setup `s`, its work and its teardown `t`; `x` comes after the work and is out of the scope."""
    return draw("s>w>v>t; s>t; v>x", s=SETUP, t=TEARDOWN)


def test_scope_is_what_lies_between_a_setup_and_its_teardowns() -> None:
    dag = scoped()
    assert named(dag, dag.scopes.members(dag.index["s"])) == {"w", "v"}
    assert named(dag, dag.scopes.teardowns_of(dag.index["s"])) == {"t"}


def test_scope_of_a_setup_without_a_teardown_is_all_that_follows() -> None:
    dag = draw("s>w>v; a>v", s=SETUP)
    assert named(dag, dag.scopes.members(dag.index["s"])) == {"w", "v"}


def test_setup_guards_its_scope_but_for_what_comes_right_after_it() -> None:
    dag = draw("s>w>v>u>t; s>t; s>r>t; v>x; w>y", s=SETUP, t=TEARDOWN, u=ALWAYS)
    guards = {task.task_id: named(dag, dag.guards[i]) for i, task in enumerate(dag.tasks) if dag.guards[i]}
    assert guards == {"v": {"s"}}
    assert named(dag, dag.guarded[dag.index["s"]]) == {"v"}


def test_setup_inside_a_scope_is_guarded_too() -> None:
    dag = draw("s>w>r>v>q>t; s>t; r>q", s=SETUP, r=SETUP, t=TEARDOWN, q=TEARDOWN)
    guards = {task.task_id: named(dag, dag.guards[i]) for i, task in enumerate(dag.tasks) if dag.guards[i]}
    assert guards == {"r": {"s"}, "v": {"s"}}


@pytest.mark.parametrize(
    ("guards", "state"),
    [
        (Tally(0), RUN),
        (Tally(1), None),
        (Tally(1, success=1), RUN),
        (Tally(2, success=1), None),
        (Tally(2, failed=1), FAIL),
        (Tally(2, upstream_failed=1, skipped=1), FAIL),
        (Tally(2, success=1, skipped=1), SKIPPED),
    ],
)
def test_what_became_of_a_guard_comes_before_the_rule(guards: Tally, state: TaskState | None) -> None:
    assert verdict(TriggerRule.ONE_DONE, Tally(2, success=1), guards) is state


def test_rule_may_give_a_task_up_before_its_guards_have_ended() -> None:
    assert verdict(TriggerRule.ALL_SUCCESS, Tally(2, failed=1), Tally(1)) is FAIL


def test_task_in_scope_waits_for_the_setup_whatever_its_rule() -> None:
    dag = draw("s>w>v>t; s>t; a>v", s=SETUP, t=TEARDOWN, v="one_success")
    assert decide(dag, _view(dag, s=RUNNING, a=OK), NOW, (dag.index["a"],)).changes == ()
    freed = decide(dag, _view(dag, s=OK, a=OK), NOW, (dag.index["s"],))
    assert _states(dag, freed) == {"w": RUN, "v": RUN}
    lost = decide(dag, _view(dag, s=BAD, w=replace(OK, end=900.0), a=OK), NOW)
    assert _states(dag, lost)["v"] is FAIL


def test_verdict_of_the_first_pass_holds_for_guards_too() -> None:
    dag = draw("s,r>w>v>t; s,r>t", s=SETUP, r=SETUP, t=TEARDOWN)
    skip_first = _view(dag, s=replace(BAD, beat=2), r=SKIP, w=SKIP)
    assert _states(dag, decide(dag, skip_first, NOW))["v"] is SKIPPED
    fail_first = _view(dag, s=BAD, r=replace(SKIP, beat=2), w=replace(SKIP, beat=3))
    assert _states(dag, decide(dag, fail_first, NOW))["v"] is FAIL


def test_early_verdict_waits_a_moment_for_a_guard() -> None:
    dag = draw("s>w>v>t; s>t; a>v", s=SETUP, t=TEARDOWN, v="none_skipped")
    decision = decide(dag, _view(dag, s=RUNNING, a=replace(SKIP, end=999.5)), NOW)
    assert decision.later == ((dag.index["v"], 999.5 + EARLY_VERDICT_SECONDS),)


def test_guard_in_another_item_is_read_before_a_task_is_given_a_state() -> None:
    names = ",".join(f"t{i}" for i in range(TASKS_PER_SHARD - 1))
    dag = draw(f"s>{names}>x>v", s=SETUP)
    v, x = dag.index["v"], dag.index["x"]
    layout = Layout(len(dag.tasks))
    seen = View(layout).with_item(1, Item(entries={x: OK}))
    assert decide(dag, seen, NOW, (x,)).look == {0}
    assert v in {c.index for c in decide(dag, seen.with_item(0, Item(entries={0: OK})), NOW, (x,)).changes}


def test_teardown_runs_when_all_is_done_and_a_setup_has_succeeded() -> None:
    dag = scoped()
    lost = replace(SKIP, state=FAIL)
    for setup, state in ((OK, RUN), (BAD, FAIL), (SKIP, SKIPPED)):
        view = _view(dag, s=setup, w=BAD, v=lost, x=lost)
        assert _states(dag, decide(dag, view, NOW)) == {"t": state}


def test_teardowns_count_for_the_run_only_if_they_say_so() -> None:
    dag = draw("s>w>t; s>t", s=SETUP, t=TEARDOWN)
    assert named(dag, dag.leaves) == {"w"}
    assert outcome(dag, _view(dag, s=OK, w=OK, t=BAD), INFO) is RunState.SUCCESS
    assert outcome(dag, _view(dag, s=OK, w=BAD, t=OK), INFO) is RunState.FAILED
    counted = draw("s>w>t; s>t", s=SETUP, t=FAILING)
    assert named(counted, counted.leaves) == {"t"}
    assert outcome(counted, _view(counted, s=OK, w=BAD, t=OK), INFO) is RunState.SUCCESS


def test_in_a_dag_of_teardowns_the_last_ones_count() -> None:
    dag = draw("t>u", t=TEARDOWN, u=TEARDOWN)
    assert named(dag, dag.leaves) == {"u"}


def test_clearing_a_task_clears_its_setups_and_teardowns() -> None:
    dag = scoped()
    cleared = dag.scopes.cleared

    def of(*names: str) -> set[str]:
        return named(dag, cleared(dag.index[name] for name in names))

    assert of("v") == {"s", "v", "t"}
    assert of("s") == {"s", "t"}
    assert of("t") == {"t"}
    assert of("x") == {"x"}
    assert of("x", "w") == {"x", "w", "s", "t"}


def test_short_circuit_spares_teardowns_and_a_branch_does_not() -> None:
    dag = draw("c>w>t; c>t", c={"skip_scope": SkipScope.ALL}, t=TEARDOWN)
    assert short_circuited(dag, dag.task("c")) == ("w",)
    assert not_chosen(dag, dag.task("c"), ["w"]) == ()
    assert not_chosen(dag, dag.task("c"), []) == ("w", "t")


def _dated(**dates: str) -> Dag:
    return draw("a>b; c", a=dates)


def _in(date: str | None, kind: RunType = RunType.SCHEDULED) -> RunInfo:
    return replace(INFO, logical_date=date, run_type=kind, ref=RunRef("d", "r", "v"))


@pytest.mark.parametrize(
    ("dates", "date", "there"),
    [
        ({"start_date": "2024-01-15T00:00:00+00:00"}, "2024-01-15T00:00:00+00:00", True),
        ({"start_date": "2024-01-15T00:00:01+00:00"}, "2024-01-15T00:00:00+00:00", False),
        ({"start_date": "2024-01-15T01:00:00+01:00"}, "2024-01-15T00:00:00+00:00", True),
        ({"end_date": "2024-01-15T00:00:00+00:00"}, "2024-01-15T00:00:00+00:00", True),
        ({"end_date": "2024-01-14T23:59:59+00:00"}, "2024-01-15T00:00:00+00:00", False),
        ({"start_date": "2024-01-16T00:00:00+00:00"}, None, True),
    ],
)
def test_run_is_without_the_tasks_whose_dates_do_not_hold_its_own(
    dates: dict[str, str], date: str | None, there: bool
) -> None:
    dag = _dated(**dates)
    found = decide(dag, _view(dag), Moment(_in(date), 1000.0))
    assert _states(dag, found) == ({"a": RUN, "c": RUN} if there else {"c": RUN})


def test_backfill_has_every_task() -> None:
    dag = _dated(start_date="2025-01-01T00:00:00+00:00")
    moment = Moment(_in("2024-01-15T00:00:00+00:00", RunType.BACKFILL), 1000.0)
    assert set(_states(dag, decide(dag, _view(dag), moment))) == {"a", "c"}


def test_run_without_any_task_has_succeeded() -> None:
    dag = draw("a>b", a={"end_date": "2020-01-01T00:00:00+00:00"}, b={"end_date": "2020-01-01T00:00:00+00:00"})
    assert decide(dag, _view(dag), NOW).changes == ()
    assert outcome(dag, _view(dag), INFO) is RunState.SUCCESS


def test_dags_own_dates_bound_its_schedule_only() -> None:
    dag = replace(_dated(start_date="2023-01-01T00:00:00+00:00"), start_date="2099-01-01T00:00:00+00:00")
    assert set(_states(dag, decide(dag, _view(dag), NOW))) == {"a", "c"}


def test_what_waits_for_an_absent_task_waits_for_ever_unless_another_settles_it() -> None:
    dag = draw("a,b>c; a,b>d", a={"start_date": "2025-01-01T00:00:00+00:00"}, d="one_success")
    assert _states(dag, decide(dag, _view(dag, b=OK), NOW)) == {"d": RUN}
    assert _states(dag, decide(dag, _view(dag, b=replace(BAD, end=1000.0)), NOW)) == {"c": FAIL}
    assert outcome(dag, _view(dag, b=OK, c=OK, d=BAD), INFO) is RunState.FAILED
    assert outcome(dag, _view(dag, b=OK, d=OK), INFO) is None


def test_absent_task_is_not_skipped_by_a_branch() -> None:
    dag = draw("b>x", b={"skip_scope": SkipScope.DIRECT}, x={"end_date": "2020-01-01T00:00:00+00:00"})
    asked = Entry(TaskState.SUCCESS, 1, end=1.0, skip=frozenset({1}))
    assert decide(dag, _view(dag, b=asked), NOW).changes == ()
