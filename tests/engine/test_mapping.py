"""Mapped tasks and groups over the twins: what ends in which state, and what stays right when something is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from leeward.core.address import BLOCK, blocks, instance, summaries
from leeward.core.dag import Dag, Expansion, RetryPolicy, SkipScope, TaskGroup, TriggerRule
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.run import IntentKind
from leeward.core.states import RunState, TaskState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.hints import Execute, Look, Result, Sweep
from tests.drawing import draw
from tests.world import World

Script = Mapping[str, Sequence[Outcome | None]]
S = TaskState
BOOM = Failed("boom")
MANY = 100


def over(source: Any) -> Expansion:
    return Expansion((("x", source),))


def pushed(task_id: str) -> Any:
    return {"__xcom__": task_id, "key": "return_value"}


def returns(value: Any) -> Outcome:
    return Succeeded({"return_value": value})


def mapped(drawing: str, count: int, **tasks: Any) -> Dag:
    """A DAG whose task m is mapped over a list of so many numbers."""
    more = tasks.pop("m", {})
    return draw(drawing, m={"expand": over(list(range(count))), **more}, **tasks)


def group(drawing: str, source: Any, members: Sequence[str], **tasks: Any) -> Dag:
    """A DAG in which those tasks are a mapped group."""
    extra = {name: {**tasks.pop(name, {}), "group": "g"} for name in members}
    return draw(drawing, dag={"groups": (TaskGroup("g", expand=over(source)),)}, **extra, **tasks)


def states(world: World) -> dict[str, str]:
    return {name: entry.state.value for name, entry in world.rows.items()}


def test_mapped_task_runs_once_for_each_value() -> None:
    world = World(mapped("a>m>z", 3)).run()
    assert states(world) == dict.fromkeys(("a", "m[0]", "m[1]", "m[2]", "z"), "success")
    assert world.header.state is RunState.SUCCESS
    assert {name: n for (name, _), n in world.bodies.started.items()} == dict.fromkeys(states(world), 1)


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, MANY, 40 * BLOCK])
def test_any_number_of_blocks_comes_to_its_end(count: int) -> None:
    dag = draw("a>m>z", m={"expand": over(pushed("a"))}, dag={"max_map_length": 10_000})
    world = World(dag, {"a": [returns(list(range(count)))]}).run(Random(count))
    found = world.entries["m"].mapped
    assert world.header.state is RunState.SUCCESS
    assert found is not None
    assert (found.length, found.counts[0], sum(found.counts)) == (count, count, count)


def test_empty_list_skips_the_task_and_what_follows() -> None:
    dag = draw("a>m>y,z", m={"expand": over(pushed("a"))}, z="all_done")
    world = World(dag, {"a": [returns([])]}).run()
    assert states(world) == {"a": "success", "m": "skipped", "y": "skipped", "z": "success"}


@pytest.mark.parametrize("value", [None, "text", 5])
def test_task_that_pushes_nothing_to_map_over_fails_itself(value: Any) -> None:
    dag = draw("a>m", m={"expand": over(pushed("a"))})
    world = World(dag, {"a": [returns(value)]}).run()
    assert states(world) == {"a": "failed", "m": "upstream_failed"}
    assert "LW420" in str(world.ports.attempts.error(world.info.ref, 0, 1))


def test_task_that_pushes_too_long_a_list_fails_itself() -> None:
    dag = draw("a>m", m={"expand": over(pushed("a"))}, dag={"max_map_length": 3})
    world = World(dag, {"a": [returns([1, 2, 3, 4])]}).run()
    assert states(world) == {"a": "failed", "m": "upstream_failed"}
    assert "LW421" in str(world.ports.attempts.error(world.info.ref, 0, 1))


def test_mapping_over_a_mapped_task_takes_what_was_pushed() -> None:
    dag = mapped("m>n", 3, n={"expand": over(pushed("m")), "trigger_rule": TriggerRule("all_done")})
    world = World(dag, {"m[0]": [BOOM], "m[1]": [returns(None)], "m[2]": [returns(7)]}).run()
    found = {**states(world), "m[1]": None}
    assert found == {"m[0]": "failed", "m[1]": None, "m[2]": "success", "n[0]": "success", "n[1]": "success"}


def test_skipped_source_skips_a_mapped_task_whatever_its_rule() -> None:
    dag = draw("a>m", m={"expand": over(pushed("a")), "trigger_rule": TriggerRule("all_done")})
    assert states(World(dag, {"a": [Skipped()]}).run()) == {"a": "skipped", "m": "skipped"}
    assert states(World(dag, {"a": [BOOM]}).run()) == {"a": "failed", "m": "upstream_failed"}


def test_rule_always_does_not_wait_for_what_is_mapped_over() -> None:
    dag = draw("a>m", m={"expand": over(pushed("a")), "trigger_rule": TriggerRule("always")})
    assert states(World(dag, {"a": [returns([1])]}).run()) == {"a": "success", "m": "upstream_failed"}


def test_early_rule_waits_for_what_is_mapped_over() -> None:
    dag = draw("a,b>m", m={"expand": over(pushed("b")), "trigger_rule": TriggerRule("one_success")})
    world = World(dag, {"b": [returns([1, 2])]}).start()
    for hint in sorted(world.queue.take(), key=str):
        world.handle(hint)
    assert states(world.drain())["m[1]"] == "success"


def test_literals_stand_as_rows_before_and_without_expansion() -> None:
    world = World(mapped("a>m>z", 2), {"a": [BOOM]}).start()
    assert states(world) == {"a": "queued", "m[0]": "none", "m[1]": "none", "z": "none"}
    rows = ("m[0]", "m[1]", "z")
    assert states(world.drain()) == {"a": "failed", **dict.fromkeys(rows, "upstream_failed")}


def test_one_failed_needs_one_instance_only() -> None:
    world = World(mapped("m>f,d", 3, f="one_failed", d="all_success"), {"m[1]": [BOOM]}).start()
    (hint,) = world.queue.take()
    assert isinstance(hint, Execute)
    world.handle(hint.apart()[1])
    assert (states(world)["f"], states(world)["m[0]"]) == ("queued", "queued")
    assert world.entries["m"].state is S.EXPANDED
    world.handle(hint)
    found = states(world.drain())
    assert (found["f"], found["d"]) == ("success", "upstream_failed")
    assert world.header.state is RunState.FAILED


def test_failure_and_skip_of_one_pass_are_a_failure() -> None:
    for seed in range(10):
        world = World(mapped("m>d", 4), {"m[0]": [Skipped()], "m[3]": [BOOM]}).start()
        hints = [each for hint in world.queue.take() if isinstance(hint, Execute) for each in hint.apart()]
        Random(seed).shuffle(hints)
        for hint in hints:
            world.handle(hint)
        assert states(world.drain())["d"] == "upstream_failed"


def test_instances_retry_one_by_one() -> None:
    dag = mapped("m", 3, m={"retry": RetryPolicy(2, 60.0)})
    world = World(dag, {"m[1]": [BOOM, Succeeded()], "m[2]": [BOOM, BOOM, Succeeded()]}).run()
    assert {name: entry.try_number for name, entry in world.rows.items()} == {"m[0]": 1, "m[1]": 2, "m[2]": 3}
    assert world.header.state is RunState.SUCCESS


def test_doubled_hints_start_no_instance_twice() -> None:
    world = World(mapped("m>z", MANY)).start()
    hints = world.queue.take()
    for hint in (*hints, *hints, *hints[:1]):
        world.handle(hint)
    assert set(world.bodies.started.values()) == {1}
    assert world.drain().header.state is RunState.SUCCESS


def test_overlapping_hint_claims_what_is_left() -> None:
    world = World(mapped("m", 4)).start()
    (hint,) = world.queue.take()
    assert isinstance(hint, Execute)
    world.handle(hint.apart()[2])
    world.handle(hint)
    assert Counter(world.bodies.started.values()) == {1: 4}
    assert world.header.state is RunState.SUCCESS


def test_deferred_and_handed_over_instances_end() -> None:
    script: Script = {
        "m[0]": [Deferred("job", 20.0), Succeeded()],
        "m[1]": [None],
        "m[2]": [Deferred("job", 20.0), BOOM],
    }
    world = World(mapped("m>z", 3), script).start().drain()
    assert states(world)["m[1]"] == "running"
    owner = world.rows["m[1]"].owner
    for address in (instance(9, 0), instance(0, 999)):
        world.handle(Result("drawn", "manual__1", address, 1, owner, "late"))
    world.handle(Result("drawn", "manual__1", instance(0, 1), 1, owner, "late"))
    assert states(world.drain()) == {"m[0]": "success", "m[1]": "success", "m[2]": "failed", "z": "upstream_failed"}
    assert world.ports.xcoms.pull_all(world.info.ref, "m", "return_value") == {1: "late"}


def test_lost_instance_is_found_by_its_lease() -> None:
    world = World(mapped("m", 3), {"m[1]": [None]}).start().drain()
    world.clock.advance_to(world.clock.now() + 2000.0)
    world.handle(Sweep())
    assert states(world.drain()) == {"m[0]": "success", "m[1]": "failed", "m[2]": "success"}


def test_sweep_sends_lost_hints_of_instances_again() -> None:
    world = World(mapped("m", MANY)).start()
    world.queue.take()
    for _ in range(3):
        world.handle(Sweep())
        world.clock.advance_to(world.clock.now() + 200.0)
    assert world.drain().header.state is RunState.SUCCESS


@pytest.mark.parametrize("writes", range(1, 30))
def test_any_write_may_be_the_last_before_a_crash(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world, left = World(mapped("a>m>z", MANY, z="all_done"), {"m[40]": [BOOM]}), [writes]
    real = world.runs.write

    def write(*arguments: Any) -> Any:
        done = real(*arguments)
        left[0] -= 1
        if not left[0]:
            raise ConnectionError
        return done

    monkeypatch.setattr(world.runs, "write", write)
    with suppress(ConnectionError):
        world.start()
    waiting = world.queue.take()
    while waiting:
        try:
            world.handle(waiting[0])
        except ConnectionError:
            continue
        waiting = [*waiting[1:], *world.queue.take()]
    for _ in range(20):
        world.clock.advance_to(world.clock.now() + 1000.0)
        world.handle(Sweep())
        world.drain()
    found = states(world)
    assert found["z"] == "success" or ("z", 1) not in world.bodies.started
    assert not {"none", "queued", "running"} & set(found.values())
    assert set(world.bodies.started.values()) == {1}


def test_clear_of_a_mapped_task_runs_all_of_it_again() -> None:
    dag = draw("a>m>z", m={"expand": over(pushed("a"))})
    world = World(dag, {"a": [returns([1] * 50), returns([1] * 40), returns([1] * 60)]}).run()
    for count, tries in ((40, 2), (60, 3)):
        apply_verb(world.scope, IntentKind.CLEAR, (0, 1, 2))
        world.drain()
        entry = world.entries["m"]
        assert entry.mapped is not None
        assert (entry.mapped.length, entry.mapped.counts[0], entry.width) == (count, count, max(50, count))
        assert (world.rows["m[3]"].try_number, world.header.state) == (tries, RunState.SUCCESS)
    assert world.rows["m[45]"].try_number == 2
    assert world.rows["m[55]"].try_number == 1


def test_instances_beyond_a_shorter_list_are_removed() -> None:
    dag = draw("a>m", m={"expand": over(pushed("a"))})
    world = World(dag, {"a": [returns([1] * 4), returns([1] * 2)]}).run()
    apply_verb(world.scope, IntentKind.CLEAR, (0, 1))
    world.drain()
    view = world.scope.read(world.scope.empty_view(), blocks(1, 4))
    assert [entry.state for i in range(4) if (entry := view.entry(instance(1, i)))] == [S.SUCCESS] * 2 + [S.REMOVED] * 2


@pytest.mark.parametrize("count", [3, MANY])
def test_clear_of_one_instance_runs_that_one_again(count: int) -> None:
    world = World(mapped("a>m>z", count), {"m[2]": [BOOM, Succeeded()]}).run()
    assert world.header.state is RunState.FAILED
    apply_verb(world.scope, IntentKind.CLEAR, (instance(1, 2), 2))
    assert world.drain().header.state is RunState.SUCCESS
    assert {name for name, entry in world.rows.items() if entry.try_number == 2} == {"m[2]"}
    assert world.entries["m"].state is S.SUCCESS


def test_marks_reach_instances_and_whole_tasks() -> None:
    world = World(mapped("m>z", MANY), {"m[2]": [BOOM]}).run()
    apply_verb(world.scope, IntentKind.MARK, (instance(0, 2),), S.SUCCESS)
    assert world.drain().entries["m"].state is S.SUCCESS
    apply_verb(world.scope, IntentKind.MARK, (0,), S.FAILED)
    assert {entry.state for entry in world.rows.values()} == {S.FAILED, S.UPSTREAM_FAILED}
    assert world.drain().header.state is RunState.FAILED


def test_stop_reaches_instances_that_were_never_written() -> None:
    world = World(mapped("m>z", MANY)).start()
    world.handle(world.queue.take()[0])
    apply_verb(world.scope, IntentKind.STOP, state=RunState.FAILED)
    found = Counter(states(world.drain()).values())
    assert found == {"success": BLOCK, "skipped": MANY - BLOCK + 1}
    assert world.header.state is RunState.FAILED


def test_verb_before_the_blocks_are_written_keeps_the_old_expansion_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(mapped("a>m>z", MANY)).start()
    real, stopped = world.runs.write, list[bool]()

    def write(ref: Any, write: Any) -> Any:
        if write.shard == blocks(1, MANY)[1] and not stopped:
            stopped.append(True)
            apply_verb(world.scope, IntentKind.CLEAR, (1,))
        return real(ref, write)

    monkeypatch.setattr(world.runs, "write", write)
    assert world.drain().header.state is RunState.SUCCESS
    assert Counter(entry.try_number for name, entry in world.rows.items() if name[0] == "m") == {
        2: BLOCK,
        1: MANY - BLOCK,
    }


def test_group_runs_depth_first() -> None:
    dag = group("s>a>b>z", pushed("s"), ["a", "b"])
    world = World(dag, {"s": [returns([1, 2, 3])], "a[1]": [None]}).run()
    found = states(world)
    assert (found["a[1]"], found["b[1]"]) == ("running", "none")
    assert (found["b[0]"], found["b[2]"]) == ("success", "success")
    world.handle(Result("drawn", "manual__1", instance(1, 1), 1, world.rows["a[1]"].owner, 1))
    assert set(states(world.drain()).values()) == {"success"}


def test_failure_in_a_group_reaches_its_own_map_index_alone() -> None:
    dag = group("a>b,c>z", [1, 2, 3], ["a", "b", "c"], c={"trigger_rule": TriggerRule("one_failed")})
    world = World(dag, {"a[1]": [BOOM], "a[2]": [Skipped()]}).run()
    assert states(world) == {
        "a[0]": "success",
        "a[1]": "failed",
        "a[2]": "skipped",
        "b[0]": "success",
        "b[1]": "upstream_failed",
        "b[2]": "skipped",
        "c[0]": "skipped",
        "c[1]": "success",
        "c[2]": "skipped",
        "z": "upstream_failed",
    }


def test_group_over_many_blocks_with_tasks_without_body() -> None:
    dag = group("s>a>b>c>z", pushed("s"), ["a", "b", "c"], b={"instant": True}, z="all_done")
    world = World(dag, {"s": [returns([0] * MANY)], "a[70]": [BOOM]}).run(Random(1))
    assert Counter(states(world).values()) == {"success": 3 * (MANY - 1) + 2, "failed": 1, "upstream_failed": 2}


def test_group_over_nothing_is_skipped() -> None:
    dag = group("s>a>b>z", pushed("s"), ["a", "b"], z="none_failed")
    world = World(dag, {"s": [returns([])]}).run()
    assert states(world) == {"s": "success", "a": "skipped", "b": "skipped", "z": "success"}


def test_group_whose_upstream_failed_is_not_run() -> None:
    dag = group("s>a>b", [1, 2], ["a", "b"])
    assert set(states(World(dag, {"s": [BOOM]}).run()).values()) == {"failed", "upstream_failed"}


def test_branch_in_a_group_skips_in_its_own_map_index() -> None:
    dag = group(
        "a>b,c>d",
        [1, 2],
        ["a", "b", "c", "d"],
        a={"skip_scope": SkipScope.DIRECT},
        d={"trigger_rule": TriggerRule("none_failed")},
    )
    world = World(dag, {"a[0]": [Succeeded(skip=("b",))], "a[1]": [Succeeded(skip=("c",))]}).run()
    found = states(world)
    assert [found[name] for name in ("b[0]", "c[0]", "b[1]", "c[1]", "d[1]")] == [
        *("skipped", "success", "success", "skipped", "success")
    ]


def test_mapped_branch_outside_of_groups_skips_nothing() -> None:
    dag = mapped("m>b,c", 2, m={"skip_scope": SkipScope.DIRECT})
    world = World(dag, {"m": [Succeeded(skip=("b",))]}).run()
    assert set(states(world).values()) == {"success"}


def test_branch_skips_a_mapped_task_that_it_did_not_choose() -> None:
    dag = draw("a>b,m>z", a={"skip_scope": SkipScope.DIRECT}, m={"expand": over([1, 2])}, z="all_done")
    world = World(dag, {"a": [Succeeded(skip=("m",))]}).run()
    assert (states(world)["m[0]"], states(world)["m[1]"], states(world)["z"]) == ("skipped", "skipped", "success")


@pytest.mark.parametrize("seed", range(25))
def test_any_order_of_hints_gives_the_same_end(seed: int) -> None:
    random = Random(seed)
    dag = group(
        "s>a>b>m>z",
        pushed("s"),
        ["a", "b"],
        m={"expand": over(pushed("b")), "trigger_rule": TriggerRule("all_done")},
        z="all_done",
    )
    world = World(dag, {"s": [returns([0] * 80)], "a[3]": [BOOM], "b[9]": [Skipped()], "b": [returns(1)]}).start()
    waiting: list[Any] = []
    while hints := (waiting or world.queue.take()):
        hint = hints.pop(random.randrange(len(hints)))
        waiting = [*hints, *world.queue.take()]
        for each in hint.apart() if isinstance(hint, Execute) and random.random() < 0.3 else (hint,):
            world.handle(each)
    found = states(world.drain())
    assert Counter(name[0] for name in found) == {"s": 1, "a": 80, "b": 80, "m": 78, "z": 1}
    assert Counter(found.values()) == {
        "failed": 1,
        "upstream_failed": 1,
        "skipped": 1,
        "success": 80 - 1 + 80 - 2 + 78 + 2,
    }


def test_hint_to_look_at_an_instance_that_waits_for_its_retry_is_armed_again() -> None:
    world = World(mapped("m", 2, m={"retry": RetryPolicy(1, 3000.0)}), {"m[1]": [BOOM, Succeeded()]}).start()
    for hint in world.queue.take():
        world.handle(hint)
    world.handle(Look(world.info, (instance(0, 1),)))
    assert world.drain().header.state is RunState.SUCCESS
    assert world.rows["m[1]"].try_number == 2


def test_summaries_are_written_once_for_each_block() -> None:
    world = World(mapped("m", MANY)).run()
    view = world.scope.read(world.scope.empty_view(), summaries(0, MANY))
    (item,) = view.items.values()
    assert [entry.mapped.length for _, entry in sorted(item.entries.items()) if entry.mapped] == [32, 32, 32, 4]


def test_early_verdict_in_a_group_waits_for_the_other_upstream_of_its_map_index() -> None:
    dag = group("a,c>b", [1, 2], ["a", "b", "c"])
    world = World(dag, {"a[0]": [Skipped()], "c[0]": [None]}).start()
    for hint in world.queue.take():
        world.handle(hint)
    assert states(world)["b[0]"] == "none"
    world.clock.advance_to(world.clock.now() + 0.5)
    world.handle(Result("drawn", "manual__1", instance(1, 0), 1, world.rows["c[0]"].owner, 1))
    assert (states(world.drain())["b[0]"], states(world)["b[1]"]) == ("skipped", "success")
