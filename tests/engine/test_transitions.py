"""Every cell of the transition table: what is legal is seen in a run, and nothing else is either legal or left unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from leeward.core.address import instance
from leeward.core.dag import Expansion, RetryPolicy, SkipScope, TaskGroup
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.run import UNTOUCHED, Entry, Header, IntentKind, Item
from leeward.core.states import RunState, TaskState
from leeward.core.transitions import IMPOSSIBLE, LEGAL, TABLE, Transition
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Execute
from leeward.engine.look import look_at_run
from leeward.engine.sweep import sweep
from tests.drawing import draw
from tests.world import World

S = TaskState
RETRIED = {"retry": RetryPolicy(1, 30.0)}
JOB = Deferred("job", 60.0)
OVER_TWO = Expansion((("x", [1, 2]),))


def _ran(drawing: str, script: dict[str, list[Outcome]] | None = None, **tasks: Any) -> World:
    return World(draw(drawing, **tasks), dict(script or {})).run()


def _stored(drawing: str, entries: dict[str, Entry], **tasks: Any) -> World:
    """A run in which these entries are stored, and nobody has looked yet."""
    world = World(draw(drawing, **tasks))
    item = Item(entries={world.dag.index[name]: entry for name, entry in entries.items()}, header=Header(start=1.0))
    world.runs.announce(world.info)
    assert world.runs.create(world.info, item, world.scope.layout)
    return world


def _entry(state: TaskState) -> Entry:
    """An entry as it is stored in that state."""
    if state is S.NONE:
        return UNTOUCHED
    owner = "me" if state in (S.RUNNING, S.DEFERRED) else ""
    until = 9e9 if state in (S.RUNNING, S.DEFERRED, S.UP_FOR_RETRY) else None
    tries = 0 if state in (S.UPSTREAM_FAILED, S.REMOVED) else 1
    return Entry(state, tries, owner=owner, start=1.0, until=until)


def _expired(**task: Any) -> World:
    world = _stored("a", {"a": Entry(S.RUNNING, 1, owner="dead", start=1.0, until=2.0)}, a=task)
    sweep(world.ports)
    return world


def _skipped_by_a_branch(before: TaskState) -> World:
    branch = Entry(S.SUCCESS, 1, start=1.0, end=2.0, skip=frozenset({1}))
    world = _stored("b>x", {"b": branch, "x": _entry(before)}, b={"skip_scope": SkipScope.DIRECT})
    look_at_run(world.scope)
    return world


def _retry_claimed_at_once() -> World:
    """A task whose retry falls due while another one before it still runs, in the same item."""
    world = World(draw("a,t>u", u={"trigger_rule": "one_success", **RETRIED}), {"u": [Failed("x")]}).start()
    first, last = world.queue.take()
    assert isinstance(last, Execute)
    world.handle(first)
    world.clock.advance_to(world.clock.now() + 40.0)
    world.handle(last)
    return world


def _verb(before: TaskState, kind: IntentKind, state: TaskState | RunState | None = None) -> World:
    world = _stored("a,b", {"a": _entry(before), "b": _entry(S.RUNNING)})
    apply_verb(world.scope, kind, (0,), state)
    return world


def _verbs() -> Iterator[Callable[[], World]]:
    for state in TaskState:
        yield lambda state=state: _verb(state, IntentKind.CLEAR)  # type: ignore[misc]
        yield lambda state=state: _verb(state, IntentKind.STOP, RunState.FAILED)  # type: ignore[misc]
        yield lambda state=state: _verb(state, IntentKind.MARK, S.SUCCESS)  # type: ignore[misc]
        yield lambda state=state: _verb(state, IntentKind.MARK, S.FAILED)  # type: ignore[misc]


def _mapped(outcome: Outcome) -> World:
    """A task of two instances that end so, one of which is then cleared."""
    world = World(draw("m", m={"expand": OVER_TWO}), {"m": [outcome]}).run()
    apply_verb(world.scope, IntentKind.CLEAR, (instance(0, 0),))
    return world


def _mapped_group() -> World:
    """Two tasks in a mapped group: what follows a failed instance is upstream_failed, and then cleared."""
    dag = draw("x>y", dag={"groups": (TaskGroup("g", expand=OVER_TWO),)}, x={"group": "g"}, y={"group": "g"})
    world = World(dag, {"x": [Failed("x")]}).run()
    apply_verb(world.scope, IntentKind.CLEAR, (instance(1, 0),))
    return world


def _shrunk() -> World:
    """A mapped task whose second expansion has fewer instances."""
    source = {"__xcom__": "a", "key": "return_value"}
    lists: list[Outcome] = [Succeeded({"return_value": [1, 2]}), Succeeded({"return_value": [1]})]
    world = World(draw("a>m", m={"expand": Expansion((("x", source),))}), {"a": lists}).run()
    apply_verb(world.scope, IntentKind.CLEAR, (0, 1))
    return world.drain()


def _fails_fast(before: TaskState) -> World:
    """A failure that has still to stop another task."""
    world = _stored(
        "a,b", {"a": Entry(S.FAILED, 1, start=1.0, end=2.0, halts=True), "b": _entry(before)}, dag={"fail_fast": True}
    )
    sweep(world.ports)
    return world


SCENES: tuple[Callable[[], World], ...] = (
    lambda: _ran("a>b"),
    lambda: _ran("a>b", a={"instant": True}),
    lambda: _ran("a>b", {"a": [Failed("x")]}),
    lambda: _ran("a>b", {"a": [Skipped()]}),
    lambda: _ran("a", {"a": [Failed("x")]}, a=RETRIED),
    lambda: _ran("a", {"a": [JOB, Succeeded()]}),
    lambda: _ran("a", {"a": [JOB, Skipped()]}),
    lambda: _ran("a", {"a": [JOB, Failed("x")]}),
    lambda: _ran("a", {"a": [JOB, Failed("x"), Succeeded()]}, a=RETRIED),
    _retry_claimed_at_once,
    _expired,
    lambda: _expired(**RETRIED),
    *(lambda before=before: _skipped_by_a_branch(before) for before in (S.QUEUED, S.UP_FOR_RETRY, S.UPSTREAM_FAILED)),
    *(lambda outcome=outcome: _mapped(outcome) for outcome in (Succeeded(), Failed("x"), Skipped())),
    _mapped_group,
    _shrunk,
    *(lambda before=before: _fails_fast(before) for before in TaskState),
    *_verbs(),
)


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, str, str]]:
    """Every change of a state that a scene wrote, with its cause."""
    lines = [line for scene in SCENES for line in scene().log.lines if "task_id" in line]
    return {(str(line["from"]), str(line["to"]), str(line["cause"])) for line in lines}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.before}-{row.after}-{row.cause}")
def test_legal_transition_is_seen(row: Transition, seen: set[tuple[str, str, str]]) -> None:
    causes = {cause for before, after, cause in seen if (before, after) == (row.before, row.after)}
    assert any(row.cause.startswith(cause) for cause in causes)


def test_no_other_transition_is_seen(seen: set[tuple[str, str, str]]) -> None:
    assert {(before, after) for before, after, _ in seen if before != after} <= {(b.value, a.value) for b, a in LEGAL}


def test_every_pair_of_states_is_legal_or_impossible_for_a_reason_and_never_both() -> None:
    impossible = [(before, row.after) for row in IMPOSSIBLE for before in row.befores]
    pairs = {(before, after) for before, after in product(TaskState, repeat=2) if before is not after}
    assert len(impossible) == len(set(impossible))
    assert not LEGAL.intersection(impossible)
    assert LEGAL.union(impossible) == pairs
    assert all(row.reason for row in IMPOSSIBLE)
