"""What a failure makes of one entry, where `fail_fast` lets it stop the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.core.address import instance, summary
from leeward.core.dag import Dag, Task
from leeward.core.fail_fast import failed, halting, spared, stopped
from leeward.core.run import UNTOUCHED, Entry, Intent, IntentKind, Item, Mapped
from leeward.core.states import TaskState
from leeward.core.verbs import applied, touches
from leeward.core.view import Layout, View
from tests.core.test_setups import SETUP, TEARDOWN
from tests.drawing import draw

S = TaskState
FAST = Dag("d", (Task("a", "x"), Task("b", "x")), fail_fast=True)
FAILED = Entry(S.FAILED, 1, end=5.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.NONE, S.SKIPPED),
        (S.QUEUED, S.SKIPPED),
        (S.DEFERRED, S.SKIPPED),
        (S.UP_FOR_RETRY, S.SKIPPED),
        (S.UPSTREAM_FAILED, S.SKIPPED),
        (S.RUNNING, S.FAILED),
        (S.SUCCESS, S.SUCCESS),
        (S.FAILED, S.FAILED),
        (S.SKIPPED, S.SKIPPED),
        (S.REMOVED, S.REMOVED),
    ],
)
def test_running_body_has_failed_and_what_has_not_ended_is_skipped(before: TaskState, after: TaskState) -> None:
    assert stopped(0, Entry(before, 1, owes=before is S.UP_FOR_RETRY), 9.0).state is after


def test_mapped_task_finds_out_again_what_its_instances_come_to() -> None:
    known = Entry(S.FAILED, mapped=Mapped(3, (1, 1, 1, 0, 0)), width=3)
    assert stopped(0, known, 9.0) == Entry(S.EXPANDED, mapped=Mapped(3), width=3)
    assert stopped(0, replace(known, mapped=Mapped(3, (1, 2, 0, 0, 0))), 9.0).state is S.FAILED
    assert stopped(summary(0, 0), Entry(S.FAILED), 9.0) == UNTOUCHED


def test_only_a_final_failure_where_the_dag_says_so_has_to_stop_the_others() -> None:
    assert halting(FAST, FAILED).halts
    assert not halting(FAST, replace(FAILED, state=S.UP_FOR_RETRY)).halts
    assert not halting(replace(FAST, fail_fast=False), FAILED).halts


def test_failures_are_those_that_have_still_to_stop_the_others() -> None:
    view = View(Layout(2), {0: Item(entries={0: FAILED, instance(1, 4): replace(FAILED, halts=True)})})
    assert failed(FAST, view) == {1}
    assert failed(replace(FAST, fail_fast=False), view) == frozenset()


def test_teardowns_are_spared_and_the_task_that_failed_if_it_is_the_only_one() -> None:
    dag = draw("s>w>t; s>t; x", s=SETUP, t=TEARDOWN)
    assert spared(dag, {dag.index["w"]}) == {dag.index["w"], dag.index["t"]}
    assert spared(dag, {dag.index["w"], dag.index["x"]}) == {dag.index["t"]}


def test_intent_is_about_all_but_what_it_spares_and_pays_the_debt_of_that() -> None:
    intent = Intent("i", IntentKind.FAIL_FAST, frozenset({0}), 1.0)
    assert [touches(intent, 0), touches(intent, instance(0, 2)), touches(intent, 1)] == [False, False, True]
    assert applied(intent, 0, replace(FAILED, halts=True), 9.0) == FAILED
    assert applied(intent, instance(0, 2), Entry(S.RUNNING, 1), 9.0) == Entry(S.RUNNING, 1)
    assert applied(intent, 1, Entry(S.RUNNING, 1, owner="me", until=8.0), 9.0) == Entry(S.FAILED, 1, end=9.0)
