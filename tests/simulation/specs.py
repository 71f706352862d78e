"""Random DAGs as specs, and what their bodies do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from leeward.core.dag import CallbackEvent, TriggerRule
from tests.simulation.bodies import Doing, Script

ENDS = ("success", "success", "success", "failed", "hopeless", "skipped")
RULES = [rule.value for rule in TriggerRule]
DAG_ID = "simulated"
TOLD = "callbacks.told"


@dataclass(frozen=True)
class Case:
    """A spec, what its tasks do, and how many task entries one item of a run holds.

    `verbs` are what a person asks of the run that was started by hand: after how many seconds, what, of which tasks. `runs` is
    how many runs are started by hand at the same time; the verbs are about the first one.
    """

    text: str
    script: Script
    shard: int
    scheduled: bool
    verbs: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    runs: int = 1


def random_case(random: Random) -> Case:
    """Any DAG, or one with mapped tasks, limits, `fail_fast` or dependencies on the past, or a small join, or a special one."""
    kind = random.random()
    if kind < 0.1:
        return _limited(random)
    if kind < 0.13:
        return _dependent(random)
    if kind < 0.15:
        return _failing_fast(random)
    if kind < 0.4:
        return _mapped(random)
    if kind < 0.6:
        return _any_dag(random)
    if kind < 0.85:
        return _steered_join(random)
    if kind < 0.96:
        return _crossed_join(random) if kind < 0.92 else _crossed_instant(random)
    return _late_setup(random) if kind < 0.975 else _told_pair(random)


def _limited(random: Random) -> Case:
    """Tasks that want the same slots, in up to three runs at once."""
    count = random.choice([2, 3, 3, 4, 5, 7])
    tasks = []
    for number in range(count):
        upstream = random.sample(range(number), random.choice([0, 0, 0, 1, 2]) if number > 1 else 0)
        task = {**_plain(f"t{number}"), "dependencies": [f"t{up}" for up in sorted(upstream)], **_wants(random)}
        if random.random() < 0.25:
            most = random.choice([None, 1, 2])
            task |= {"expand": {"op_args": [[i] for i in range(random.choice([2, 3, 5]))]}}
            task |= {"max_active_tis_per_dagrun": most} if most else {}
        tasks.append(task)
    down = {task["task_id"]: [t["task_id"] for t in tasks if task["task_id"] in t["dependencies"]] for task in tasks}
    script = {task["task_id"]: _limited_doings(random) for task in tasks}
    text = spec(tasks, most=random.choice([None, 1, 1, 2, 3]), most_runs=random.choice([None, None, 1, 1, 2]))
    return Case(
        text,
        script,
        random.choice([1, 2, 36]),
        scheduled=False,
        verbs=_verbs(random, down),
        runs=random.choice([1, 1, 2, 3]),
    )


def _dependent(random: Random) -> Case:
    """Tasks that depend on the past, in up to four runs. All of them succeed or are skipped in the end, so that no run waits
    for ever.
    """
    tasks: list[dict[str, Any]] = []
    for number in range(random.choice([1, 2, 2, 3, 4])):
        upstream = random.sample(range(number), random.choice([0, 1, 1, 2]) if number > 1 else min(number, 1))
        task = {**_plain(f"t{number}"), "dependencies": [f"t{up}" for up in sorted(upstream)], "retries": 50}
        key = random.choice(["depends_on_past", "depends_on_past", "wait_for_downstream", "owner"])
        task |= {"retry_delay": random.choice([0, 30]), key: "me" if key == "owner" else True}
        task |= {"wait_for_past_depends_before_skipping": True} if random.random() < 0.2 else {}
        tasks.append(task)
    down = {task["task_id"]: [t["task_id"] for t in tasks if task["task_id"] in t["dependencies"]] for task in tasks}
    script = {task["task_id"]: _passing(random) for task in tasks}
    scheduled = random.random() < 0.5
    verbs = _verbs(random, down) if random.random() < 0.5 else ()
    runs = random.choice([1, 2, 3, 4])
    return Case(spec(tasks, scheduled=scheduled), script, random.choice([1, 2, 36]), scheduled, verbs, runs)


def _passing(random: Random) -> list[Doing]:
    """What a task does that fails at most once."""
    where = random.choices(["here", "worker", "job"], [6, 2, 2])[0]
    seconds = [0.0, 0.0, 5.0, 50.0]
    found = [Doing(where, "failed", random.choice(seconds))] if random.random() < 0.2 else []  # type: ignore[arg-type]
    last = random.choice(["success"] * 6 + ["skipped"])
    return [*found, Doing(where, last, random.choice(seconds))]  # type: ignore[arg-type]


def _wants(random: Random) -> dict[str, Any]:
    """What a task needs slots of, how many, and how much it matters."""
    pool, slots = random.choice([("narrow", 1), ("wide", 1), ("wide", 1), ("wide", 2), (None, 1), (None, 1)])
    found: dict[str, Any] = {"retries": random.choice([0, 0, 1]), "retry_delay": random.choice([0, 30])}
    found |= {"pool": pool, "pool_slots": slots} if pool else {}
    found |= {"max_active_tis_per_dag": random.choice([1, 2])} if random.random() < 0.2 else {}
    found |= {"priority_weight": random.choice([1, 5])} if random.random() < 0.5 else {}
    return found | {"trigger_rule": random.choice(["all_success", "all_success", "all_done", "one_success"])}


def _limited_doings(random: Random) -> list[Doing]:
    where = random.choices(["here", "worker", "job"], [6, 2, 2])[0]
    ends = ["success"] * 8 + ["failed", "skipped"]
    seconds = [0.0, 0.0, 0.0, 5.0, 50.0]
    return [Doing(where, random.choice(ends), random.choice(seconds)) for _ in range(4)]  # type: ignore[arg-type]


def _steered_join(random: Random) -> Case:
    """Two or three tasks and one after them, cleared or stopped while some are done and others are not."""
    names = [f"t{number}" for number in range(random.choice([3, 4]))]
    tasks = [_plain(name) for name in names]
    tasks[-1]["dependencies"] = names[:-1]
    down = dict.fromkeys(names[:-1], names[-1:]) | {names[-1]: []}
    script = {name: [Doing("here", "success", random.choice([0.0, 0.0, 0.0, 5.0]))] for name in names}
    kind = random.choice(["clear", "clear", "clear", "stop"])
    verbs = []
    for _ in range(random.choice([1, 2]) if kind == "clear" else 1):
        first, later = random.choice(names), random.choice([0.3, 0.8, 0.8, 10.0]) * random.random()
        verbs.append((later, kind, (first, *down[first]) if kind == "clear" else ()))
    return Case(spec(tasks), script, random.choice([1, 2, 36]), scheduled=False, verbs=tuple(sorted(verbs)))


def _crossed_join(random: Random) -> Case:
    """A join of two tasks that end at once, in items that both hold something else that is not over."""
    names = ("t0", "t1", "t2", "t3")
    tasks = [_plain(name) for name in names]
    tasks[1]["dependencies"], tasks[3]["dependencies"] = ["t0"], ["t0", "t2"]
    script = {name: [Doing("here", "success", 90.0 if name == "t1" else 0.0)] for name in names}
    return Case(spec(tasks), script, random.choice([2, 2, 36]), scheduled=False)


def _crossed_instant(random: Random) -> Case:
    """A join of a task and of one without a body, which whoever ends its upstream ends at once in another item."""
    tasks = [_plain(name) for name in ("t0", "t1", "t2", "t3")]
    tasks.append({"task_id": "t4", "operator": "EmptyOperator", "dependencies": ["t0"]})
    tasks.append({**_plain("t5"), "dependencies": ["t1", "t4"]})
    script = {
        name: [Doing("here", "success", 90.0 if name in ("t2", "t3") else 0.0)]
        for name in ("t0", "t1", "t2", "t3", "t5")
    }
    return Case(spec(tasks), script, 2, scheduled=False)


def _late_setup(random: Random) -> Case:
    """A task that waits for nothing but a setup further up: one of its upstream tasks is enough and has long ended."""
    tasks = [_plain(name) for name in ("t0", "t1", "t2", "t3", "t4")]
    tasks[0]["is_setup"] = True
    tasks[2]["dependencies"] = ["t0"]
    tasks[3] |= {"dependencies": ["t1", "t2"], "trigger_rule": "one_success"}
    tasks[4] |= {"dependencies": ["t3"], "is_teardown": True, "setups": ["t0"]}
    seconds = {"t0": 5.0, "t2": 90.0}
    script = {task["task_id"]: [Doing("here", "success", seconds.get(task["task_id"], 0.0))] for task in tasks}
    return Case(spec(tasks), script, random.choice([1, 2, 36]), scheduled=False)


def _told_pair(random: Random) -> Case:
    """Two tasks that end at once in items of their own, with callbacks, in a run that has callbacks, too."""
    tasks = [{**_plain(name), "on_success_callback": TOLD} for name in ("t0", "t1")]
    script = {task["task_id"]: [Doing("here", "success", 5.0)] for task in tasks}
    return Case(spec(tasks, told=True), script, random.choice([1, 1, 36]), scheduled=False)


def _plain(name: str) -> dict[str, Any]:
    return {"task_id": name, "operator": "PythonOperator", "python_callable": "bodies.run", "dependencies": []}


def _any_dag(random: Random) -> Case:
    """Up to nine tasks in one to nine items."""
    count = random.choice([1, 2, 3, 3, 4, 4, 5, 6, 9])
    calm = random.random() < 0.5
    tasks = [_task(random, number, calm=calm) for number in range(count)]
    for _ in range(random.choice([0, 0, 1, 2]) if count > 2 else 0):
        _add_scope(random, tasks)
    down = {task["task_id"]: [t["task_id"] for t in tasks if task["task_id"] in t["dependencies"]] for task in tasks}
    script = {task["task_id"]: _doings(random, task, down) for task in tasks}
    scheduled = random.random() < 0.3
    shard = random.choice([1, 2, 2, 3, 36])
    told, verbs = random.random() < 0.3, _verbs(random, down)
    deadline = random.choice([20, 100, 700, 1500]) if random.random() < 0.3 else None
    text = spec(tasks, scheduled=scheduled, told=told, deadline=deadline)
    return Case(text, script, shard, scheduled, verbs)


def _failing_fast(random: Random) -> Case:
    """Tasks of which one's failure stops the others: with a branch, or a scope, or with mapped tasks."""
    count, mapped = random.choice([2, 3, 3, 4, 5, 7]), random.random() < 0.4
    tasks = [_task(random, number, calm=True) for number in range(count)]
    for task in tasks:
        if mapped and task["operator"] != "EmptyOperator":
            task["operator"] = "PythonOperator"
            many = random.choice([0, 0, 1, 2, 3])
            task.update({"expand": {"op_args": [[i] for i in range(many)]}} if many else {})
    if count > 2 and not mapped and random.random() < 0.6:
        _add_scope(random, tasks)
    down = {task["task_id"]: [t["task_id"] for t in tasks if task["task_id"] in t["dependencies"]] for task in tasks}
    script = {task["task_id"]: _doings(random, task, down) for task in tasks}
    shard, verbs = random.choice([1, 2, 2, 3, 36]), _verbs(random, down)
    return Case(spec(tasks, told=random.random() < 0.3, fail_fast=True), script, shard, scheduled=False, verbs=verbs)


def _add_scope(random: Random, tasks: list[dict[str, Any]]) -> None:
    """Make a task a setup and, mostly, a later one its teardown; what comes right after a setup must be of all_success."""
    first = random.randrange(len(tasks) - 1)
    setup, later = tasks[first], tasks[first + 1 :]
    if setup.get("is_teardown"):
        return
    setup["is_setup"] = True
    ends = [task for task in later if not task.get("is_setup")]
    if ends and random.random() < 0.9:
        teardown = random.choice(ends)
        name = setup["task_id"]
        teardown.pop("trigger_rule", None)
        teardown["dependencies"] = sorted({*teardown["dependencies"], name})
        teardown |= {"is_teardown": True, "setups": [name], "on_failure_fail_dagrun": random.random() < 0.3}
    for task in later:
        if setup["task_id"] in task["dependencies"] and not task.get("is_teardown"):
            task["trigger_rule"] = "all_success"


def _verbs(random: Random, down: Mapping[str, list[str]]) -> tuple[tuple[float, str, tuple[str, ...]], ...]:
    """One or two clears of a task and all after it, or a stop, or nothing."""
    kind = random.choices(["", "clear", "stop"], [6, 3, 1])[0]
    found = []
    for _ in range({"": 0, "clear": random.choice([1, 2]), "stop": 1}[kind]):
        first = random.choice(sorted(down))
        tasks = (first, *after(first, down)) if kind == "clear" else ()
        found.append((random.choice([0.05, 0.2, 0.5, 2.0, 30.0, 1500.0]), kind, tasks))
    return tuple(sorted(found))


def after(first: str, down: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Everything downstream of a task."""
    seen: list[str] = []
    todo = list(down[first])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.append(name)
            todo += down[name]
    return tuple(sorted(seen))


def spec(
    tasks: list[dict[str, Any]],
    *,
    scheduled: bool = False,
    told: bool = False,
    groups: list[Any] | None = None,
    deadline: int | None = None,
    most: int | None = None,
    most_runs: int | None = None,
    fail_fast: bool = False,
) -> str:
    """The spec of those tasks; a scheduled one has runs at 8:00 and, after it, at every full hour until 9:30.

    With `told` the end of a run has callbacks; `deadline` is how many seconds after its start it is to have succeeded. `most`
    is its max_active_tasks. With `fail_fast` a final failure stops the others.
    """
    dag: dict[str, Any] = {"tasks": tasks, "schedule": None} | ({"task_groups": groups} if groups else {})
    if most:
        dag["max_active_tasks"] = most
    if most_runs:
        dag["max_active_runs"] = most_runs
    if fail_fast:
        dag["fail_fast"] = True
    if told:
        dag |= {"on_success_callback": TOLD, "on_failure_callback": TOLD}
    if deadline is not None:
        dag["deadline"] = {
            "__type__": "airflow.sdk.DeadlineAlert",
            "reference": {"__type__": "airflow.sdk.DeadlineReference.DAGRUN_QUEUED_AT"},
            "interval": {"__type__": "datetime.timedelta", "seconds": deadline},
            "callback": {"__type__": "airflow.sdk.SyncCallback", "callback_callable": TOLD},
        }
    if scheduled:
        dag |= {
            "schedule": "0 * * * *",
            "start_date": "2027-01-15T07:30:00+00:00",
            "end_date": "2027-01-15T09:30:00+00:00",
        }
        dag["catchup"] = True
    return json.dumps({DAG_ID: dag})


def _task(random: Random, number: int, *, calm: bool) -> dict[str, Any]:
    upstream = random.sample(range(number), random.randint(0, min(number, 3)))
    rule = "all_success" if calm or random.random() < 0.3 else random.choice(RULES)
    operator = random.choices(["Python", "Empty", "Branch", "ShortCircuit"], [8, 1, 1, 1])[0]
    task: dict[str, Any] = {
        "task_id": f"t{number}",
        "operator": {"Branch": "BranchPythonOperator"}.get(operator, f"{operator}Operator"),
        "dependencies": [f"t{up}" for up in sorted(upstream)],
        "trigger_rule": rule,
        "retries": random.choice([0, 1, 2]),
        "retry_delay": random.choice([0, 30, 1000]),
    }
    if random.random() < 0.2:
        events = random.sample([event.value for event in CallbackEvent], random.randint(1, 3))
        task |= {f"on_{event}_callback": TOLD for event in events}
    return task if operator == "Empty" else {**task, "python_callable": "bodies.run"}


def _doings(random: Random, task: Mapping[str, Any], down: Mapping[str, list[str]]) -> list[Doing]:
    """What a task does in its first four tries."""
    if task["operator"] == "EmptyOperator":
        return [Doing()]
    where = random.choices(["here", "worker", "job"], [6, 2, 2])[0]
    found = []
    for _ in range(4):
        ends = random.choice(ENDS)
        skip = _skip(random, task, down) if ends == "success" else ()
        found.append(Doing(where, ends, random.choice([0.0, 0.0, 5.0, 50.0, 600.0]), skip))  # type: ignore[arg-type]
    return found


def _skip(random: Random, task: Mapping[str, Any], down: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The tasks that a branch asks to be skipped: some of its direct downstream; a short circuit: all after it, or none."""
    direct = down[task["task_id"]]
    if task["operator"] == "BranchPythonOperator":
        return tuple(random.sample(direct, random.randint(0, len(direct))))
    if task["operator"] != "ShortCircuitOperator" or random.random() < 0.5:
        return ()
    return after(task["task_id"], down)


def _mapped(random: Random) -> Case:
    """A list, a task mapped over it, and maybe one over that one, a mapped group, and something after them."""
    count = random.choice([0, 1, 2, 3, 3, 5, 7])
    tasks = [{**_plain("t0"), "retries": random.choice([0, 1]), "retry_delay": 0}]
    tasks.append(_over(random, "t1", "t0.output" if random.random() < 0.7 else [[i] for i in range(count)], ["t0"]))
    last = ["t1"]
    if random.random() < 0.4:
        tasks.append(_over(random, "t2", "t1.output", ["t1"]))
        last = random.choice([["t2"], ["t1", "t2"]])
    groups: list[dict[str, Any]] = []
    if random.random() < 0.5:
        groups.append({"group_name": "g", "expand": {"x": random.choice(["t0.output", list(range(count))])}})
        for name, up in (("t3", ["t0"]), ("t6", ["t0"]), ("t4", random.choice([["t3"], ["t3", "t6"]]))):
            inner = {**_plain(name), "task_group_name": "g", "dependencies": up, "retry_delay": 0}
            tasks.append({**inner, "retries": random.choice([0, 1]), "trigger_rule": _rule(random)})
        groups[0]["prefix_group_id"] = False
        last = [*last, "t4"] if random.random() < 0.6 else ["t4"]
    rule = random.choice([*RULES, "all_success"])
    tasks.append({**_plain("t5"), "dependencies": last, "trigger_rule": rule, "retries": 0})
    script = {task["task_id"]: _mapped_doings(random, task["task_id"], count) for task in tasks}
    for name in ("t1", "t3"):
        script[f"{name}[{random.randrange(3)}]"] = _mapped_doings(random, name, count)
    return Case(
        spec(tasks, groups=groups),
        script,
        random.choice([1, 2, 2, 3, 36]),
        scheduled=False,
        verbs=_steered(random, tasks),
    )


def _rule(random: Random) -> str:
    return "all_success" if random.random() < 0.6 else random.choice([rule for rule in RULES if rule != "always"])


def _over(random: Random, name: str, source: Any, upstream: list[str]) -> dict[str, Any]:
    """A task mapped over something."""
    more = {"retries": random.choice([0, 0, 1]), "retry_delay": random.choice([0, 30]), "trigger_rule": _rule(random)}
    return {**_plain(name), "dependencies": upstream, "expand": {"op_args": source}, **more}


def _mapped_doings(random: Random, name: str, count: int) -> list[Doing]:
    where = "here" if name == "t0" else random.choices(["here", "worker", "job"], [6, 2, 2])[0]
    pushes = [[i] for i in range(count)] if name == "t0" else random.choice([None, [1], [1], [1]])
    ends = ["success"] * 8 + ["failed", "hopeless", "skipped"]
    seconds = [0.0, 0.0, 0.0, 5.0, 50.0, 600.0]
    return [Doing(where, random.choice(ends), random.choice(seconds), (), pushes) for _ in range(3)]  # type: ignore[arg-type]


def _steered(random: Random, tasks: list[dict[str, Any]]) -> tuple[tuple[float, str, tuple[str, ...]], ...]:
    """A clear of a task and all after it, of one instance and all after it, or a stop, or nothing."""
    kind = random.choices(["", "clear", "one", "stop"], [5, 3, 3, 1])[0]
    if not kind:
        return ()
    down = {task["task_id"]: [t["task_id"] for t in tasks if task["task_id"] in t["dependencies"]] for task in tasks}
    first = random.choice(sorted(down))
    reached = (first, *after(first, down))
    if kind == "one":
        first = random.choice(sorted(down.keys() & {"t1", "t2"}))
        reached = (f"{first}[{random.randrange(3)}]", *after(first, down))
    at = random.choice([0.05, 0.2, 0.5, 2.0, 30.0, 1500.0])
    return ((at, "stop" if kind == "stop" else "clear", () if kind == "stop" else reached),)
