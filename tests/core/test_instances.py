"""Addresses of instances, what a view of blocks shows, and what must hold of them."""

from __future__ import annotations

import pytest

from leeward.core.address import (
    BLOCK,
    all_in,
    block_of,
    blocks,
    instance,
    is_block,
    is_summary,
    item_of,
    map_index_of,
    summaries,
    summary,
    task_of,
)
from leeward.core.dag import Expansion, TriggerRule
from leeward.core.decide import Moment, decide
from leeward.core.invariants import violations
from leeward.core.run import Entry, Item, Mapped, RunInfo, RunRef, RunType
from leeward.core.states import TaskState
from leeward.core.view import Layout, View
from tests.drawing import draw

S = TaskState
DAG = draw("a>m>z", m={"expand": Expansion((("x", {"__xcom__": "a", "key": "return_value"}),))})
NOW = Moment(RunInfo(RunRef("d", "r", "v"), RunType.MANUAL, None, None, None, ""), 1000.0)
ALL = Mapped(40, (40, 0, 0, 0, 0))


@pytest.mark.parametrize("task", [0, 7])
@pytest.mark.parametrize("place", [0, 1, BLOCK - 1, BLOCK, BLOCK * BLOCK, 9999])
def test_addresses_say_what_they_are(task: int, place: int) -> None:
    address, block = instance(task, place), place // BLOCK
    told = summary(task, block)
    assert (task_of(address), map_index_of(address), block_of(address)) == (task, place, block)
    assert (task_of(told), map_index_of(told), block_of(told)) == (task, -1, block)
    assert (is_summary(address), is_summary(told), is_summary(task)) == (False, True, False)
    assert (is_block(item_of(address)), is_block(item_of(told))) == (True, False)
    assert address in all_in(item_of(address))
    assert told in all_in(item_of(told))
    assert item_of(address) in blocks(task, place + 1)
    assert (item_of(told) in summaries(task, place + 1)) is (place >= BLOCK)
    assert map_index_of(task) == -1


def _view(*entries: Entry) -> View:
    return View(Layout(3)).with_item(0, Item(entries=dict(enumerate(entries))))


def test_everything_that_is_not_known_is_read_first() -> None:
    done, mapped = Entry(S.SUCCESS, 1, pushed=40), Entry(S.EXPANDED, mapped=Mapped(40), width=40)
    assert decide(DAG, View(Layout(3)), NOW, (instance(1, 3),)).look == {0, item_of(instance(1, 3))}
    assert decide(DAG, _view(done, mapped), NOW, (instance(1, 3),)).look == {item_of(instance(1, 3))}
    assert decide(DAG, View(Layout(3)), NOW, (1,)).look == {0}
    seen = decide(DAG, _view(done, mapped), NOW, (1,))
    assert seen.look == {*blocks(1, 40), *summaries(1, 40)}


def test_source_in_another_item_is_read_before_the_task_expands() -> None:
    over = Expansion((("x", {"__xcom__": "t40", "key": "return_value"}),))
    wide = draw(
        ",".join(f"t{i}" for i in range(80)) + ">m", m={"expand": over, "trigger_rule": TriggerRule.ONE_SUCCESS}
    )
    view = View(Layout(81)).with_item(0, Item(entries={0: Entry(S.SUCCESS, 1)})).with_item(2, Item())
    assert decide(wide, view, NOW, (0,)).look == {1}


def test_instance_of_a_task_that_is_not_expanded_waits() -> None:
    view = _view(Entry(S.SUCCESS, 1, pushed=1), Entry()).with_item(item_of(instance(1, 0)), Item())
    found = decide(DAG, view, NOW, (instance(1, 0),))
    assert [change.index for change in found.changes] == []


def test_blocks_keep_their_epochs_apart_from_those_that_were_never_written() -> None:
    number = item_of(instance(1, 0))
    view = View(Layout(3)).with_item(0, Item(4)).with_item(number, Item())
    assert (view.torn, view.epoch, view.fresh(number), view.fresh(0)) == (False, 4, True, False)
    written = view.with_item(number, Item(3, {instance(1, 0): Entry(S.QUEUED, 1)}))
    assert (written.torn, written.fresh(number)) == (True, False)


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (
            {summary(1, 0): Entry(S.SUCCESS, mapped=ALL)},
            {summary(1, 0): Entry(S.FAILED, mapped=Mapped(40, (39, 1, 0, 0, 0)))},
            "summary_is_final: m",
        ),
        (
            {1: Entry(S.EXPANDED, mapped=Mapped(40))},
            {1: Entry(S.SUCCESS, mapped=Mapped(40, (9, 0, 0, 0, 0)))},
            "counts_fit: m",
        ),
        ({1: Entry(S.EXPANDED, mapped=Mapped(4))}, {1: Entry(S.EXPANDED, mapped=Mapped(5))}, "expansion_is_fixed: m"),
        (
            {1: Entry(S.EXPANDED, mapped=Mapped(4, (1, 1, 0, 0, 0)))},
            {1: Entry(S.EXPANDED, mapped=Mapped(4, (1, 0, 0, 0, 0)))},
            "expansion_is_fixed: m",
        ),
        ({1: Entry(S.EXPANDED, mapped=Mapped(4))}, {1: Entry(S.EXPANDED)}, "expansion_is_fixed: m"),
        ({instance(1, 2): Entry(S.SUCCESS, 1)}, {instance(1, 2): Entry(S.QUEUED, 2)}, "legal_transition: m[2]"),
    ],
)
def test_what_must_not_be_has_a_name(before: dict[int, Entry], after: dict[int, Entry], name: str) -> None:
    found = violations(DAG, Item(entries=before), Item(entries=after))
    assert [story for story in found if story.startswith(name)]
    assert violations(DAG, Item(entries=after), Item(entries=after)) == ()
