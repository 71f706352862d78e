"""What follows from what is stored, one rule a test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.contract import EARLY_VERDICT_SECONDS, TASKS_PER_SHARD
from leeward.core.dag import Dag, Expansion, RetryPolicy, SkipScope
from leeward.core.decide import Decision, Moment, close, decide, outcome, retry_seed
from leeward.core.facts import Deferred, Failed, Skipped, Succeeded
from leeward.core.fold import Fold, Lease, fold
from leeward.core.outcomes import recorded
from leeward.core.run import Entry, Header, Intent, IntentKind, Item, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.core.view import Layout, View
from tests.drawing import draw

INFO = RunInfo(
    RunRef("d", "r", "v"), RunType.MANUAL, "2024-01-15T00:00:00+00:00", None, None, "2024-01-15T00:00:00+00:00"
)
NOW = Moment(INFO, 1000.0)
OK = Entry(TaskState.SUCCESS, 1, start=1.0, end=2.0)
BAD = Entry(TaskState.FAILED, 1, start=1.0, end=2.0)
SKIP = Entry(TaskState.SKIPPED, 0, end=2.0)
RUNNING = Entry(TaskState.RUNNING, 1, owner="me", start=1.0, until=5000.0)
LEASE = Lease("token", 9000.0)


def _view(dag: Dag, header: Header | None = None, **entries: Entry) -> View:
    view = View(Layout(len(dag.tasks)))
    for shard in range(view.layout.shards):
        inside = {dag.index[n]: e for n, e in entries.items() if view.layout.shard(dag.index[n]) == shard}
        view = view.with_item(shard, Item(entries=inside, header=header if shard == 0 else None))
    return view


def _states(dag: Dag, decision: Decision) -> dict[str, TaskState]:
    return {dag.tasks[c.index].task_id: c.after.state for c in decision.changes}


def test_roots_are_queued_with_their_first_try() -> None:
    dag = draw("a,b>c")
    decision = decide(dag, _view(dag), NOW)
    assert _states(dag, decision) == {"a": TaskState.QUEUED, "b": TaskState.QUEUED}
    assert {change.after.try_number for change in decision.changes} == {1}


def test_torn_view_decides_nothing() -> None:
    dag = draw(",".join(f"t{i}" for i in range(TASKS_PER_SHARD + 1)))
    view = _view(dag).with_item(1, Item(epoch=1))
    assert decide(dag, view, NOW) == Decision()


def test_unfinished_upstream_delays() -> None:
    dag = draw("a,b>c")
    assert decide(dag, _view(dag, a=OK, b=RUNNING), NOW).changes == ()


def test_retry_is_queued_when_due_and_not_before() -> None:
    dag = draw("a")
    waiting = Entry(TaskState.UP_FOR_RETRY, 1, start=1.0, end=2.0, until=1000.0, beat=4)
    (change,) = decide(dag, _view(dag, a=waiting), NOW).changes
    assert change.after == Entry(TaskState.QUEUED, 2, beat=5)
    assert decide(dag, _view(dag, a=waiting), Moment(INFO, 999.0)).changes == ()


def test_expired_lease_is_a_lost_try() -> None:
    expired = replace(RUNNING, until=1000.0)
    once, twice = draw("a"), draw("a", a={"retry": RetryPolicy(1)})
    assert _states(once, decide(once, _view(once, a=expired), NOW)) == {"a": TaskState.FAILED}
    assert _states(twice, decide(twice, _view(twice, a=expired), NOW)) == {"a": TaskState.UP_FOR_RETRY}


def test_overdue_job_is_nobodys_loss() -> None:
    dag = draw("a")
    deferred = Entry(TaskState.DEFERRED, 1, owner="me", until=10.0)
    assert decide(dag, _view(dag, a=deferred), NOW).changes == ()


def test_join_over_two_shards_is_looked_at_only_when_its_own_shard_settles_nothing() -> None:
    names = [f"t{i}" for i in range(2 * TASKS_PER_SHARD)]
    dag = draw(",".join(names) + ">join")
    layout = Layout(len(dag.tasks))
    finished = dict.fromkeys(layout.indexes(0), OK)
    own = View(layout).with_item(0, Item(entries=finished))
    assert decide(dag, own, NOW, (0,)).look == {1}
    busy = View(layout).with_item(0, Item(entries={**finished, 3: RUNNING}))
    assert decide(dag, busy, NOW, (0,)) == Decision()
    middle = own.with_item(1, Item(entries=dict.fromkeys(layout.indexes(1), OK)))
    assert decide(dag, middle, NOW, (0,)).look == {2}
    everything = middle.with_item(2, Item())
    assert _states(dag, decide(dag, everything, NOW, (0,))) == {"join": TaskState.QUEUED}


def test_early_verdict_waits_a_moment_for_unfinished_tasks() -> None:
    dag = draw("a,b>c")
    decision = decide(dag, _view(dag, a=replace(SKIP, end=999.5), b=RUNNING), NOW)
    assert (decision.changes, decision.later) == ((), ((2, 999.5 + EARLY_VERDICT_SECONDS),))
    late = decide(dag, _view(dag, a=replace(SKIP, end=900.0), b=RUNNING), NOW)
    assert _states(dag, late) == {"c": TaskState.SKIPPED}


def test_only_all_success_waits_for_its_early_verdict() -> None:
    dag = draw("a,b>c", c="none_failed")
    decision = decide(dag, _view(dag, a=replace(BAD, end=999.5), b=RUNNING), NOW)
    assert _states(dag, decision) == {"c": TaskState.UPSTREAM_FAILED}


def test_early_verdict_waits_for_a_branch_that_may_skip_the_task_instead() -> None:
    dag = draw("b,a>c", b={"skip_scope": SkipScope.DIRECT}, c="none_failed")
    decision = decide(dag, _view(dag, a=replace(BAD, end=999.5), b=RUNNING), NOW)
    assert (decision.changes, decision.later) == ((), ((2, 999.5 + EARLY_VERDICT_SECONDS),))


def test_verdict_that_nobody_gave_up_for_waits_a_moment_for_a_branch_too() -> None:
    dag = draw("b,a>c", b={"skip_scope": SkipScope.DIRECT}, c="all_failed")
    decision = decide(dag, _view(dag, a=replace(OK, end=999.5), b=RUNNING), NOW)
    assert decision.later == ((2, 999.5 + EARLY_VERDICT_SECONDS),)
    late = decide(dag, _view(dag, a=OK, b=RUNNING), NOW)
    assert _states(dag, late) == {"c": TaskState.SKIPPED}


def test_early_verdict_reads_what_it_has_not_seen() -> None:
    names = [f"t{i}" for i in range(TASKS_PER_SHARD)]
    dag = draw(",".join(names) + ",x>c")
    layout = Layout(len(dag.tasks))
    own = View(layout).with_item(1, Item(entries={TASKS_PER_SHARD: replace(BAD, end=1000.0)}))
    assert decide(dag, own, NOW, (TASKS_PER_SHARD,)).look == {0}


def test_failure_wins_over_a_skip_of_the_same_pass_and_loses_to_an_earlier_one() -> None:
    dag = draw("a,b>c")
    same = _view(dag, a=SKIP, b=BAD)
    assert _states(dag, decide(dag, same, NOW)) == {"c": TaskState.UPSTREAM_FAILED}
    later = _view(dag, a=SKIP, b=replace(BAD, beat=1))
    assert _states(dag, decide(dag, later, NOW)) == {"c": TaskState.SKIPPED}


def test_task_without_body_succeeds_at_once_and_what_follows_travels_in_the_same_write() -> None:
    dag = draw("a>b>c>d", b={"instant": True}, c={"instant": True})
    first = decide(dag, _view(dag, a=OK), NOW, (0,)).changes
    closed = close(dag, _view(dag, a=OK), NOW, first, 0)
    assert [change.after.state for change in closed] == [TaskState.SUCCESS, TaskState.SUCCESS, TaskState.QUEUED]
    assert [change.after.beat for change in closed] == [1, 2, 3]


def test_skip_request_reaches_queued_waiting_and_given_up_tasks_but_no_running_one() -> None:
    dag = draw("b>p,q,r,s,t", b={"skip_scope": SkipScope.DIRECT})
    view = _view(
        dag,
        b=replace(OK, skip=frozenset(range(1, 6)), beat=3),
        p=Entry(TaskState.QUEUED, 1),
        q=Entry(TaskState.UP_FOR_RETRY, 1, until=5000.0),
        r=Entry(TaskState.UPSTREAM_FAILED, 0, end=1.0),
        s=RUNNING,
    )
    decision = decide(dag, view, NOW, (0,))
    assert set(_states(dag, decision)) == {"p", "q", "r", "t"}
    assert {change.after.beat for change in decision.changes} == {3}
    assert decide(dag, _view(dag, b=OK, r=replace(SKIP, state=TaskState.UPSTREAM_FAILED)), NOW, (3,)).changes == ()


def test_task_waits_until_whoever_may_skip_it_has_been_read() -> None:
    names = ",".join(f"t{i}" for i in range(TASKS_PER_SHARD - 1))
    dag = draw(f"b>{names}>x>y", b={"skip_scope": SkipScope.ALL}, y="all_done")
    layout = Layout(len(dag.tasks))
    x, y = dag.index["x"], dag.index["y"]
    assert layout.shard(x) == layout.shard(y) == 1
    seen = View(layout).with_item(1, Item(entries={x: OK}))
    assert decide(dag, seen, NOW, (x,)).look == {0}


def test_candidates_of_an_unread_branch_are_none() -> None:
    dag = draw("b>" + ",".join(f"t{i}" for i in range(TASKS_PER_SHARD)), b={"skip_scope": SkipScope.DIRECT})
    assert decide(dag, View(Layout(len(dag.tasks))).with_item(1, Item()), NOW, (0,)).look == {0}


@pytest.mark.parametrize(("entry", "state"), [(OK, RunState.SUCCESS), (BAD, RunState.FAILED), (SKIP, RunState.SUCCESS)])
def test_run_ends_as_its_leaves_did(entry: Entry, state: RunState) -> None:
    dag = draw("a>b")
    assert outcome(dag, _view(dag, a=BAD, b=entry), INFO) is state


def test_run_does_not_end_while_a_task_is_unfinished() -> None:
    dag = draw("a>b")
    assert outcome(dag, _view(dag, a=OK, b=RUNNING), INFO) is None


def test_seed_of_the_jitter_is_airflows() -> None:
    assert retry_seed(INFO, "t") == "d#t#2024-01-15 00:00:00+00:00"
    assert retry_seed(replace(INFO, logical_date=None), "t") == "d#t#None"


def test_outcomes_become_entries() -> None:
    dag = draw("a>b", a={"retry": RetryPolicy(1, 30.0)})
    made = {
        type(result).__name__: recorded(dag, NOW, 0, RUNNING, result).after
        for result in (
            Succeeded(skip=("b",)),
            Skipped(),
            Deferred("job", 60.0),
            Failed("x"),
            Failed("x", retryable=False),
        )
    }
    assert made["Succeeded"] == replace(
        RUNNING, state=TaskState.SUCCESS, owner="", end=1000.0, until=None, skip=frozenset({1})
    )
    assert made["Skipped"].state is TaskState.SKIPPED
    assert (made["Deferred"].state, made["Deferred"].until) == (TaskState.DEFERRED, 1060.0)
    assert made["Failed"].state is TaskState.FAILED
    assert recorded(dag, NOW, 0, RUNNING, Failed("x")).cause == "body failed, tries left"


def _fold(dag: Dag, view: View, result: Succeeded | Deferred, *, may: bool = True) -> Fold:
    change = recorded(dag, NOW, 0, RUNNING, result)
    return fold(dag, view, NOW, change, lambda _: LEASE if may else None)


def test_fold_claims_the_next_body_in_the_write_that_records_this_one() -> None:
    dag = draw("a>b,c")
    plan = _fold(dag, _view(dag, a=RUNNING), Succeeded())
    assert [change.after.state for change in plan.changes] == [
        TaskState.SUCCESS,
        TaskState.RUNNING,
        TaskState.QUEUED,
    ]
    assert plan.follow is not None
    assert (plan.follow.after.owner, plan.follow.after.until) == ("token", 9000.0)
    assert not plan.alone


def test_fold_leaves_bodies_alone_that_may_not_run_here() -> None:
    dag = draw("a>b")
    plan = _fold(dag, _view(dag, a=RUNNING), Succeeded(), may=False)
    assert (plan.follow, plan.changes[1].after.state) == (None, TaskState.QUEUED)


def test_unfinished_outcome_is_recorded_alone() -> None:
    dag = draw("a>b")
    assert _fold(dag, _view(dag, a=RUNNING), Deferred("job", 1.0)).alone


def test_fold_ends_a_run_of_one_item() -> None:
    dag = draw("a")
    assert _fold(dag, _view(dag, Header(), a=RUNNING), Succeeded()).end is RunState.SUCCESS


def test_fold_does_not_end_a_run_with_fail_fast_before_its_instances_were_looked_at() -> None:
    over = {"expand": Expansion((("x", [1]),))}
    for more, ended in (({}, RunState.SUCCESS), ({"m": over}, None)):
        dag = draw("a; m", dag={"fail_fast": True}, **more)
        assert _fold(dag, _view(dag, Header(), a=RUNNING, m=Entry(TaskState.SUCCESS)), Succeeded()).end is ended


@pytest.mark.parametrize(
    "header",
    [
        None,
        Header(RunState.FAILED),
        Header(intent=Intent("i", IntentKind.CLEAR, frozenset(), 1.0)),
    ],
)
def test_fold_does_not_end_a_run_that_a_verb_holds_or_that_it_does_not_know(header: Header | None) -> None:
    dag = draw("a")
    assert _fold(dag, _view(dag, header, a=RUNNING), Succeeded()).end is None
