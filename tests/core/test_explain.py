"""What people are told of a task that does not run: the sentence for each cause, from states and log lines written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leeward.core.address import BLOCK
from leeward.core.dag import Dag, Expansion, RetryPolicy, SkipScope, TaskGroup
from leeward.core.explain import Dependency, Explanation, Standing, explain, explain_all
from leeward.core.lines import address_of, iso, read_line
from leeward.core.phrases import span
from leeward.core.replay import Stored, beside, whole
from leeward.core.run import Entry, Header, Intent, IntentKind, Item, Mapped, RunInfo, RunRef, RunType
from leeward.core.states import RunState, TaskState
from leeward.core.view import Layout, View
from tests.drawing import draw

S = TaskState
NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""

INFO = RunInfo(
    RunRef("drawn", "r1", "v1"),
    RunType.MANUAL,
    "2024-01-15T00:00:00+00:00",
    "2024-01-15T00:00:00+00:00",
    "2024-01-15T00:00:00+00:00",
    "2024-01-15T00:00:00+00:00",
)
RUNNING = Entry(S.RUNNING, 1, owner="me", start=NOW - 60, until=NOW + 90)
DONE = Entry(S.SUCCESS, 1, start=NOW - 60, end=NOW - 50)
FAILED = replace(DONE, state=S.FAILED)
OVER = {"expand": Expansion((("x", [1, 2, 3]),))}
RETRIED = {"retry": RetryPolicy(2, 30.0)}


def stored(dag: Dag, header: Header | None = None, **entries: Entry) -> Stored:
    """A run in which these entries are stored; instances are named `m_0`."""
    places = {address_of(dag, _named(name)): entry for name, entry in entries.items()}
    view = View(Layout(len(dag.tasks)), header=header or Header(start=NOW - 100))
    for address, entry in places.items():
        number = view.layout.shard(address)
        item = view.items.get(number, Item())
        view = view.with_item(number, replace(item, entries={**item.entries, address: entry}))
    return Stored(INFO, whole(dag, view))


def _named(name: str) -> str:
    task, bracket, place = name.partition("_")
    return f"{task}[{place}]" if bracket else task


def line(task: str | None, before: str | None, after: str, cause: str = "", **more: Any) -> dict[str, Any]:
    """A line of the log, written by hand."""
    found: dict[str, Any] = {"at": iso(NOW - 30), "dag_id": "drawn", "run_id": "r1", "epoch": 0}
    found |= {"from": before, "to": after, "cause": cause}
    if task is not None:
        name, bracket, place = task.partition("_")
        found |= {"task_id": name, "map_index": int(place) if bracket else -1, "try_number": 0}
    return found | more


def waiting(task: str, gate: str, used: int, limit: int, **more: Any) -> dict[str, Any]:
    return line(task, "none", "none", "waits for a slot", gate=gate, used=used, limit=limit, slots=1) | more


def told(dag: Dag, seen: Stored, task: str, *lines: dict[str, Any]) -> Explanation:
    if lines:
        seen = beside(seen, [read_line(dag, each) for each in lines], NOW)
    return explain(dag, seen, NOW, address_of(dag, _named(task)))


def causes(found: Explanation) -> list[tuple[str, str]]:
    return [(cause.dependency.value, cause.reason) for cause in found.causes]


def only(found: Explanation) -> str:
    assert len(found.causes) == 1, found
    return found.causes[0].reason


def test_trigger_rule_names_everything_that_it_waits_for() -> None:
    dag = draw("a,b,c,d>e", b={"retry": RetryPolicy(2, 30.0)})
    retry = Entry(S.UP_FOR_RETRY, 1, start=NOW - 60, end=NOW - 50, until=NOW + 40)
    found = told(dag, stored(dag, a=DONE, b=retry, c=RUNNING), "e")
    assert causes(found) == [
        (
            "Trigger Rule",
            "all_success waits for b (up_for_retry until 08:00:40Z), c (running since 07:59:00Z, try 1 of 1), d (not started)",
        )
    ]
    assert found.causes[0].waits_for == ("b", "c", "d")
    assert (found.name, found.standing) == ("e", Standing.WAITING)


def test_long_list_is_cut_and_counted() -> None:
    dag = draw("a,b,c,d,e,f,g>z")
    assert only(told(dag, stored(dag), "z")).endswith("e (not started) and 2 more")


def test_states_on_the_way_are_told_with_the_time_that_the_log_knows() -> None:
    dag = draw("a,b>c")
    queued, deferred = Entry(S.QUEUED, 1), Entry(S.DEFERRED, 1, owner="me", start=NOW - 60, until=NOW + 5)
    seen = stored(dag, a=queued, b=replace(deferred, polls=1))
    lines = (line("a", "none", "queued", try_number=1), line("b", "running", "deferred", try_number=1))
    assert only(told(dag, seen, "a", *lines)) == "queued since 07:59:30Z: try 1 of 1 waits for an executor"
    assert (
        only(told(dag, seen, "b", *lines))
        == "deferred since 07:59:30Z: try 1 of 1 waits for its job, polled once so far"
    )
    assert "a (queued since 07:59:30Z), b (deferred since 07:59:30Z)" in only(told(dag, seen, "c", *lines))
    assert only(told(dag, seen, "a")) == "queued: try 1 of 1 waits for an executor"
    many = stored(dag, b=replace(deferred, polls=2))
    assert only(told(dag, many, "b")) == "deferred: try 1 of 1 waits for its job, polled 2 times so far"


def test_running_try_is_told_with_its_lease() -> None:
    dag = draw("a")
    found = told(dag, stored(dag, a=RUNNING), "a")
    assert causes(found) == [
        (
            "Task Instance Not Running",
            "running since 07:59:00Z: try 1 of 1, its lease ends at 08:01:30Z (in 90 s)",
        )
    ]
    assert (found.standing, found.causes[0].until) == (Standing.UNDER_WAY, NOW + 90)


def test_lease_that_has_expired_is_due() -> None:
    dag = draw("a", a=RETRIED)
    found = told(dag, stored(dag, a=replace(RUNNING, until=NOW - 1)), "a")
    assert (found.standing, found.words) == (Standing.DUE, ("due now: becomes up_for_retry, as its lease has expired",))


def test_retry_is_told_with_its_time() -> None:
    dag = draw("a", a=RETRIED)
    retry = Entry(S.UP_FOR_RETRY, 2, end=NOW - 50, until=NOW + 40)
    found = told(dag, stored(dag, a=retry), "a")
    assert causes(found) == [("Not In Retry Period", "retry 2 of 2 is due at 08:00:40Z (in 40 s)")]
    assert found.causes[0].until == NOW + 40
    due = told(dag, stored(dag, a=replace(retry, until=NOW)), "a")
    assert due.words == ("due now: becomes queued, as its retry is due",)


def test_failure_that_has_still_to_stop_the_others_is_told() -> None:
    dag = draw("a; b>c", dag={"fail_fast": True})
    found = told(dag, stored(dag, a=replace(FAILED, halts=True), b=RUNNING), "c")
    assert causes(found)[0] == ("Dagrun Running", "fail_fast stops the others now, because of a (failed)")


def test_what_fail_fast_stopped_says_so() -> None:
    dag = draw("a; b", dag={"fail_fast": True})
    lines = [
        line("a", "running", "failed", "others stopped", try_number=1, map_index=-1),
        line("b", "none", "skipped", "stopped by fail_fast", try_number=0, map_index=-1),
    ]
    there = stored(dag, a=FAILED, b=Entry(S.SKIPPED, end=NOW - 40))
    seen = beside(there, [read_line(dag, each) for each in lines], NOW)
    assert told(dag, seen, "a").words == ("failed at 07:59:10Z: others stopped, try 1 of 1",)
    assert told(dag, seen, "b").words == ("skipped at 07:59:20Z: stopped by fail_fast",)


def test_retry_waits_for_its_callback_too() -> None:
    dag = draw("a", a=RETRIED)
    retry = Entry(S.UP_FOR_RETRY, 1, end=NOW - 50, until=NOW + 40, owes=True)
    assert told(dag, stored(dag, a=retry), "a").words == (
        "retry 1 of 2 is due at 08:00:40Z (in 40 s)",
        "retry 1 of 2 waits until on_retry_callback has been called",
    )
    assert only(told(dag, stored(dag, a=replace(retry, until=NOW - 5)), "a")).endswith("has been called")


def test_early_verdict_is_told_with_the_moment_until_which_it_may_change() -> None:
    dag = draw("a,b>c")
    found = told(dag, stored(dag, a=replace(FAILED, end=NOW - 0.5), b=RUNNING), "c")
    assert only(found) == (
        "all_success makes it upstream_failed at 08:00:00Z (in 0.5 s), unless others end before, because of a (failed)"
    )
    assert found.causes[0].until == NOW + 0.5


def test_task_whose_rule_is_met_is_due() -> None:
    dag = draw("a>b")
    found = told(dag, stored(dag, a=DONE), "b")
    assert (found.causes, found.words) == ((), ("due now: becomes queued, as its trigger rule is met",))


def test_task_waits_for_setups_further_up() -> None:
    dag = draw("s>a>b", s={"is_setup": True}, b="none_failed")
    found = told(dag, stored(dag, s=RUNNING), "b")
    assert found.words == (
        "it must not start before its setups have succeeded: waits for s (running since 07:59:00Z, try 1 of 1)",
        "none_failed waits for a (not started)",
    )


def test_rule_that_nothing_can_meet_or_fail_any_more_is_said_to_wait_for_ever() -> None:
    dag = draw("a,b>c", c="all_skipped")
    skipped, removed = replace(DONE, state=S.SKIPPED), replace(DONE, state=S.REMOVED)
    found = told(dag, stored(dag, a=skipped, b=removed), "c")
    assert only(found) == ("all_skipped is neither met nor failed by a (skipped), b (removed): it waits for ever")


def test_task_that_the_run_is_without_is_told_and_so_is_who_waits_for_it() -> None:
    dag = draw("a>b", a={"end_date": "2020-01-01T00:00:00+00:00"})
    assert causes(told(dag, stored(dag), "a")) == [
        (
            "Logical Date",
            "not in this run: the task's start and end date do not hold the logical date 2024-01-15T00:00:00+00:00",
        )
    ]
    assert only(told(dag, stored(dag), "b")) == "all_success waits for a (not in this run)"
    assert [each.name for each in explain_all(dag, stored(dag), NOW)] == ["b"]


def test_mapped_task_names_the_instances_that_it_waits_for() -> None:
    dag = draw("m>z", m=OVER)
    whole_task = Entry(S.EXPANDED, start=NOW - 60, mapped=Mapped(3), width=3)
    seen = stored(dag, m=whole_task, m_0=DONE, m_1=RUNNING)
    found = told(dag, seen, "m")
    assert only(found) == (
        "expanded: 1 of 3 instances have ended; waits for m[1] (running since 07:59:00Z, try 1 of 1), m[2] (not started)"
    )
    assert found.causes[0].waits_for == ("m[1]", "m[2]")
    assert only(told(dag, seen, "z")) == (
        "all_success waits for m[1] (running since 07:59:00Z, try 1 of 1), m[2] (not started)"
    )
    assert told(dag, seen, "m_2").due == "due now: becomes queued, as its trigger rule is met"
    assert (told(dag, seen, "m_1").name, told(dag, seen, "m_0").standing) == ("m[1]", Standing.FINISHED)


def test_mapped_task_of_many_blocks_whose_instances_have_ended_ends_now() -> None:
    dag = draw("m", m={"expand": Expansion((("x", [*range(BLOCK + 1)]),))})
    entries = {f"m_{i}": DONE for i in range(BLOCK + 1)}
    entries["m"] = Entry(S.EXPANDED, start=NOW - 60, mapped=Mapped(BLOCK + 1), width=BLOCK + 1)
    found = told(dag, stored(dag, None, **entries), "m")
    assert only(found) == f"expanded: all {BLOCK + 1} instances have ended, so it ends now"
    three = draw("m", m=OVER)
    over = stored(three, m=Entry(S.EXPANDED, mapped=Mapped(3), width=3), m_0=DONE, m_1=DONE, m_2=DONE)
    assert told(three, over, "m").due == "due now: becomes success, as its instances have ended"


def test_mapped_task_waits_for_what_it_is_mapped_over_even_where_its_rule_is_met() -> None:
    source = {"__xcom__": "a", "key": "return_value"}
    dag = draw("a,b>m", m={"trigger_rule": "one_success", "expand": Expansion((("x", source),))})
    found = told(dag, stored(dag, a=RUNNING, b=DONE), "m")
    assert causes(found) == [
        (
            "Task has been mapped",
            "it is mapped over what has not ended: waits for a (running since 07:59:00Z, try 1 of 1)",
        )
    ]
    assert found.causes[0].waits_for == ("a",)
    both = told(dag, stored(dag, a=RUNNING), "m")
    assert [cause.dependency for cause in both.causes] == [Dependency.TRIGGER_RULE, Dependency.MAPPED]


def test_instance_of_a_mapped_group_waits_for_its_own_map_index() -> None:
    groups = (TaskGroup("g", expand=OVER["expand"]),)
    dag = draw("x>y", dag={"groups": groups}, x={"group": "g"}, y={"group": "g"})
    expanded = Entry(S.EXPANDED, start=NOW - 60, mapped=Mapped(3), width=3)
    seen = stored(dag, x=expanded, y=expanded, x_0=DONE, x_1=RUNNING)
    assert only(told(dag, seen, "y_1")) == "all_success waits for x[1] (running since 07:59:00Z, try 1 of 1)"
    assert told(dag, seen, "y_0").standing is Standing.DUE
    unexpanded = stored(dag, x=expanded, x_1=RUNNING)
    assert causes(told(dag, unexpanded, "y_1"))[-1] == ("Task has been mapped", "y is not expanded (none)")


def test_limits_are_named_as_airflow_names_them_with_what_was_seen() -> None:
    dag = draw("a", a={"pool": "db"})
    found = told(dag, stored(dag), "a", waiting("a", "pool db", 4, 4))
    assert causes(found) == [
        ("Pool Slots Available", "pool db has no free slot: 4 of 4 slots in use, seen at 07:59:30Z")
    ]
    assert found.standing is Standing.WAITING
    wide = told(dag, stored(dag), "a", waiting("a", "pool db", 3, 4, slots=2))
    assert only(wide) == "pool db has no free slot: 3 of 4 slots in use, 2 wanted, seen at 07:59:30Z"
    per_dag = told(dag, stored(dag), "a", waiting("a", "max_active_tis_per_dag", 1, 1))
    assert [cause.dependency for cause in per_dag.causes] == [Dependency.CONCURRENCY]


def test_all_limits_and_the_past_are_told_each_by_its_last_word() -> None:
    dag = draw("a", a={"pool": "db"})
    lines = [
        waiting("a", "pool db", 9, 9, at=iso(NOW - 20)),
        waiting("a", "pool db", 8, 9, at=iso(NOW - 25)),
        waiting("a", "max_active_tis_per_dag", 1, 1),
        line("a", "none", "none", "waits for the previous run", previous="r0"),
    ]
    found = told(dag, stored(dag), "a", *lines)
    assert sorted(found.words) == [
        "it depends on the past: waits for a of the run r0",
        "max_active_tis_per_dag has no free slot: 1 of 1 slots in use, seen at 07:59:30Z",
        "pool db has no free slot: 9 of 9 slots in use, seen at 07:59:40Z",
    ]
    assert Dependency.PREVIOUS_RUN in {cause.dependency for cause in found.causes}


def test_task_that_depends_on_the_past_waits_for_it_though_no_line_says_so() -> None:
    dag = draw("a", a={"depends_on_past": True})
    found = told(dag, stored(dag), "a")
    assert causes(found) == [("Previous Dagrun State", "it depends on the past: waits for a of the run before")]
    assert found.standing is Standing.WAITING


def test_word_on_a_pool_holds_for_every_task_of_the_run_that_uses_it() -> None:
    dag = draw("a,b,c", a={"pool": "db"}, b={"pool": "db"})
    wait = waiting("a", "pool db", 4, 4)
    assert only(told(dag, stored(dag), "b", wait)).startswith("pool db has no free slot")
    assert told(dag, stored(dag), "c", wait).standing is Standing.DUE
    other = waiting("a", "max_active_tis_per_dag", 1, 1)
    assert told(dag, stored(dag), "b", other).standing is Standing.DUE


def test_pool_that_was_full_before_is_told_of_a_task_that_is_due() -> None:
    dag = draw("a,b", a={"pool": "db"}, b={"pool": "db"})
    seen = stored(dag, a=Entry(S.QUEUED, 1))
    found = told(dag, seen, "b", waiting("a", "pool db", 4, 4))
    assert found.words == (
        "due now: becomes queued, as its trigger rule is met, once pool db has a free slot (it had none at 07:59:30Z)",
    )


def test_limit_within_the_run_is_counted_from_what_is_stored() -> None:
    dag = draw("a,b,c", dag={"max_active_tasks": 2})
    blocked = told(dag, stored(dag, b=RUNNING, c=Entry(S.QUEUED, 1)), "a")
    assert causes(blocked) == [
        ("Task Instance Slots Available", "max_active_tasks has no free slot: 2 of 2 in use in this run")
    ]
    assert told(dag, stored(dag, b=RUNNING, c=DONE), "a").standing is Standing.DUE
    many = draw("m,b", m={**OVER, "max_active_tis_per_dagrun": 1})
    expanded = Entry(S.EXPANDED, start=NOW - 60, mapped=Mapped(3), width=3)
    held = told(many, stored(many, m=expanded, m_0=RUNNING), "m_1")
    assert causes(held) == [
        ("Task Concurrency", "max_active_tis_per_dagrun has no free slot: 1 of 1 in use in this run")
    ]
    assert told(many, stored(many, m=expanded, m_0=DONE, b=RUNNING), "m_1").standing is Standing.DUE


def test_what_was_waited_for_is_over_with_the_next_change() -> None:
    dag = draw("a", a={**RETRIED, "pool": "db"})
    wait = waiting("a", "pool db", 1, 1, at=iso(NOW - 40))
    queued = told(dag, stored(dag, a=Entry(S.QUEUED, 1)), "a", wait, line("a", "none", "queued", try_number=1))
    assert only(queued) == "queued since 07:59:30Z: try 1 of 3 waits for an executor"
    cleared = line("a", "skipped", "none", "cleared", epoch=1)
    assert told(dag, stored(dag), "a", wait, cleared).standing is Standing.DUE


def test_run_that_is_queued_holds_all_of_its_tasks() -> None:
    dag = draw("a>b")
    header = Header(RunState.QUEUED)
    found = told(dag, stored(dag, header), "a", line(None, None, "queued", "max_active_runs"))
    assert causes(found) == [("Dagrun Running", "the run is queued since 07:59:30Z: max_active_runs")]
    paused = told(dag, stored(dag, header), "b", line(None, None, "queued", "paused"))
    assert causes(paused) == [
        ("Dag Not Paused", "the DAG is paused: the run is queued since 07:59:30Z"),
        ("Trigger Rule", "all_success waits for a (not started)"),
    ]
    assert only(told(dag, stored(dag, header), "a")) == "the run is queued"


def test_run_that_has_ended_starts_nothing_any_more() -> None:
    dag = draw("a>b", a={"end_date": "2020-01-01T00:00:00+00:00"})
    header = Header(RunState.FAILED, NOW - 100, NOW - 10, active=False)
    found = told(dag, stored(dag, header), "b", line(None, "running", "failed", "all_tasks_deadlocked"))
    assert found.words == (
        "the run has ended as failed: all_tasks_deadlocked: nothing of it starts any more",
        "all_success waits for a (not in this run)",
    )


def test_verb_on_its_way_holds_everything() -> None:
    dag = draw("a")
    header = Header(intent=Intent("x", IntentKind.STOP, frozenset(), NOW, RunState.FAILED))
    assert only(told(dag, stored(dag, header), "a")) == "the run is being changed by a verb: stop"
    seen = stored(dag)
    torn = replace(seen, view=replace(seen.view, items={0: Item(epoch=1), 1: Item()}))
    assert only(explain(dag, torn, NOW, 0)) == "the run is being changed by a verb"


def test_run_that_was_never_started_says_so() -> None:
    dag = draw("a")
    seen = stored(dag)
    assert (
        only(explain(dag, replace(seen, view=replace(seen.view, header=None)), NOW, 0))
        == "the run has not been started"
    )


def test_upstream_failed_task_names_what_it_follows_from_and_goes_back_to() -> None:
    dag = draw("a>b>c>d; x>d")
    given_up = Entry(S.UPSTREAM_FAILED, end=NOW - 40)
    seen = stored(dag, a=FAILED, b=given_up, c=given_up, d=given_up, x=DONE)
    assert only(told(dag, seen, "b")) == "upstream_failed at 07:59:20Z: because of a (failed)"
    assert only(told(dag, seen, "d")) == (
        "upstream_failed at 07:59:20Z: because of c (upstream_failed), which goes back to a (failed)"
    )
    assert causes(told(dag, seen, "b"))[0][0] == "Task Instance State"


def test_roots_are_told_once_however_many_ways_lead_to_them() -> None:
    dag = draw("a>b,c>d>e")
    given_up = Entry(S.UPSTREAM_FAILED, end=NOW - 40)
    seen = stored(dag, a=FAILED, b=given_up, c=given_up, d=given_up, e=given_up)
    assert only(told(dag, seen, "e")).endswith("because of d (upstream_failed), which goes back to a (failed)")


def test_task_skipped_by_a_branch_names_the_branch() -> None:
    dag = draw("b>x", b={"skip_scope": SkipScope.DIRECT})
    seen = stored(dag, b=replace(DONE, skip=frozenset({1})), x=Entry(S.SKIPPED, end=NOW - 40))
    assert only(told(dag, seen, "x")) == "skipped at 07:59:20Z: skipped by b"
    asked = stored(dag, b=replace(DONE, skip=frozenset({1})))
    assert told(dag, asked, "x").due == "due now: becomes skipped, as skipped by a branch"


def test_task_skipped_by_its_rule_names_whom_it_follows() -> None:
    dag = draw("a>b")
    seen = stored(dag, a=replace(DONE, state=S.SKIPPED), b=Entry(S.SKIPPED, end=NOW - 40))
    assert only(told(dag, seen, "b")) == "skipped at 07:59:20Z: because of a (skipped)"


def test_mapped_task_without_anything_to_be_mapped_over_names_the_source() -> None:
    source = {"__xcom__": "a", "key": "return_value"}
    dag = draw("a>m", m={"trigger_rule": "all_done", "expand": Expansion((("x", source),))})
    seen = stored(dag, a=FAILED, m=Entry(S.UPSTREAM_FAILED, end=NOW - 40))
    assert only(told(dag, seen, "m")) == "upstream_failed at 07:59:20Z: because of a (failed)"
    empty = draw("m", m={"expand": Expansion((("x", []),))})
    nothing = stored(empty, m=Entry(S.SKIPPED, end=NOW - 40))
    assert only(told(empty, nothing, "m")) == "skipped at 07:59:20Z"


def test_finished_task_is_told_by_the_cause_in_the_log() -> None:
    dag = draw("a>b", a=RETRIED)
    lines = (
        line("a", "running", "failed", "body failed, no try left", try_number=3),
        line("b", "none", "skipped", "run stopped"),
    )
    seen = stored(dag, a=replace(FAILED, try_number=3), b=Entry(S.SKIPPED))
    assert only(told(dag, seen, "a", *lines)) == "failed at 07:59:10Z: body failed, no try left, try 3 of 3"
    assert only(told(dag, seen, "b", *lines)) == "skipped at 07:59:30Z: run stopped"
    assert only(told(dag, seen, "a")) == "failed at 07:59:10Z"
    assert only(told(dag, stored(dag, b=replace(DONE, state=S.SKIPPED)), "b")) == "skipped at 07:59:10Z"


def test_line_of_another_state_is_not_told_of_what_is_stored_now() -> None:
    dag = draw("a")
    found = told(dag, stored(dag, a=DONE), "a", line("a", "queued", "running", "claimed", try_number=1))
    assert only(found) == "success at 07:59:10Z"


def test_list_holds_what_has_not_finished_or_after_the_end_what_did_not_succeed() -> None:
    dag = draw("a>b>c")
    assert [each.name for each in explain_all(dag, stored(dag, a=DONE, b=RUNNING), NOW)] == ["b", "c"]
    over = Header(RunState.FAILED, NOW - 100, NOW - 10)
    given_up = Entry(S.UPSTREAM_FAILED, end=NOW - 40)
    assert [each.name for each in explain_all(dag, stored(dag, over, a=DONE, b=FAILED, c=given_up), NOW)] == ["b", "c"]


def test_times_of_another_day_have_their_date() -> None:
    dag = draw("a")
    assert "since 2027-01-14T08:00:00Z" in only(told(dag, stored(dag, a=replace(RUNNING, start=NOW - 86400)), "a"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "overdue"),
        (0.25, "in 0.2 s"),
        (40, "in 40 s"),
        (600, "in 10 min"),
        (3 * 3600, "in 3.0 h"),
        (7 * 86400, "in 7 days"),
    ],
)
def test_span_is_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert span(seconds) == words
