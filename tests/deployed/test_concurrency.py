"""Eight threads in each of four processes want the same thing at the same time, of an account that is not ours.

The engine, the store of run state and the dispatcher are those that are deployed. What must have one winner is counted
where it is won, over all contenders; naive stores, which lose the same races, show that the counts can be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from leeward.aws.messages import message_of
from leeward.core.dag import Dag, Task
from leeward.core.facts import Failed, Outcome
from leeward.core.run import RunInfo, RunRef, RunType
from leeward.core.states import RunState
from leeward.engine.hints import Execute
from leeward.engine.ports import Ports
from leeward.engine.see_run import Seen, see_run
from leeward.engine.start_run import start_run
from leeward.local.bodies import HANDED_OVER
from tests.deployed.account import Account, started
from tests.deployed.assembly import resources
from tests.deployed.contenders import PROCESSES, THREADS, Contender, Contenders, Setting, contenders, crowd
from tests.deployed.noting import BlindStore, EarlyStore, HastyStore, Notes, NotingStore
from tests.deployed.races import CROSSED, DAGS, FAN_IN, FOUR, LAYERS, Claim, Start, on_their_way, work

Script = Mapping[str, Sequence[Outcome | None]]

DATE = "2024-01-15T00:00:00+00:00"
ALL = PROCESSES * THREADS
RUNS = 3
GOES_ON: Script = {f"r{number}": (HANDED_OVER,) for number in range(40)}
FAILS: Script = {f"{root}{number}": (Failed("as scripted"),) for root in "xy" for number in range(12)}
SCHEMA = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")


@dataclass
class Arena:
    """The account with the state table in it, the contenders, and what came of their races."""

    account: Account
    contenders: Contenders
    referee: Contender
    results: list[str] = field(default_factory=list)
    _names: Iterator[int] = field(default_factory=count)

    def setting(self, store: type[NotingStore] = NotingStore, script: Script | None = None) -> Setting:
        """The state table, and a queue of its own whose messages never come again."""
        name = f"hints-{next(self._names)}"
        made = self.referee.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "900"})
        return Setting(DAGS, "state", made["QueueUrl"], store, script or {})

    def infos(self, dag: Dag, runs: int) -> Sequence[RunInfo]:
        names = (f"manual__{next(self._names)}" for _ in range(runs))
        refs = [RunRef(dag.dag_id, name, dag.dag_id) for name in names]
        return [RunInfo(ref, RunType.MANUAL, DATE, DATE, DATE, DATE) for ref in refs]

    def start(self, setting: Setting, info: RunInfo) -> Notes:
        """Start a run before the race."""
        notes = Notes()
        assert start_run(self.ports(setting, notes), info)
        return notes

    def tell(self, what: str, found: Notes) -> None:
        counts = f"{found.started.total()} bodies started, {found.won.total()} changes won"
        self.results.append(f"{what}: {counts} in {found.writes_won} writes, {found.writes_refused} writes refused")

    def ports(self, setting: Setting, notes: Notes) -> Ports:
        return self.referee.ports(setting, notes)

    def queued(self, setting: Setting) -> Sequence[Execute]:
        """Take the messages that wait."""
        found: list[Execute] = []
        while on_their_way(self.referee.sqs, setting.queue):
            answer = self.referee.sqs.receive_message(QueueUrl=setting.queue, MaxNumberOfMessages=10)
            for message in answer["Messages"]:
                hint = message_of(message["Body"])
                assert isinstance(hint, Execute)
                found.append(hint)
                self.referee.sqs.delete_message(QueueUrl=setting.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def seen(self, setting: Setting, info: RunInfo) -> Seen:
        ports = self.ports(replace(setting, store=NotingStore), Notes())
        found = see_run(ports.runs, ports.specs, info)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Arena]:
    with started(tmp_path_factory.mktemp("account")) as account, contenders(account.endpoint) as found:
        (referee,) = crowd(account.endpoint, 1)
        (table,) = resources("AWS::DynamoDB::Table").values()
        referee.dynamodb.create_table(TableName="state", **{name: table[name] for name in SCHEMA})
        here = Arena(account, found, referee)
        yield here
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        shown = "\n  ".join([f"{PROCESSES} processes of {THREADS} threads", *sorted(here.results)])
        print(f"\n{shown}")  # noqa: T201


def _tries(arena: Arena, some: int) -> Sequence[Execute]:
    """Queued tries of one run over two shards, from both ends."""
    setting = arena.setting()
    arena.start(setting, *arena.infos(FAN_IN, 1))
    found = sorted(arena.queued(setting), key=lambda hint: hint.index)
    assert [hint.index for hint in found] == list(range(40))
    return [*found[: some // 2], *found[-some // 2 :]]


def test_every_try_is_claimed_by_one_of_all_contenders_and_its_body_started_once(arena: Arena) -> None:
    hints = _tries(arena, 40)
    found = arena.contenders.race(arena.setting(script=GOES_ON), Claim(hints))
    arena.tell(f"{40 * ALL} claims of 40 tries", found)
    run_id = hints[0].info.ref.run_id
    assert found.won == Counter((run_id, f"task {index}", "running") for index in range(40))
    assert found.started == Counter((run_id, f"r{index}", 1) for index in range(40))
    assert found.writes_refused == 40 * (ALL - 1)


@pytest.mark.parametrize("store", [BlindStore, HastyStore])
def test_claim_without_its_condition_has_several_winners(arena: Arena, store: type[NotingStore]) -> None:
    found = arena.contenders.race(arena.setting(store, GOES_ON), Claim(_tries(arena, 6)))
    arena.tell(f"{6 * ALL} claims of 6 tries over a naive {store.__name__}", found)
    assert max(found.won.values()) > 1
    assert max(found.started.values()) > 1


@pytest.mark.parametrize("dag", [FAN_IN, LAYERS, CROSSED], ids=lambda dag: dag.dag_id)
def test_run_of_two_shards_ends_with_no_sweep_and_every_change_has_one_winner(arena: Arena, dag: Dag) -> None:
    """The write that ends the run has one winner too."""
    total = Notes()
    for info in arena.infos(dag, RUNS):
        setting = arena.setting(script=FAILS if dag is CROSSED else None)
        found = arena.start(setting, info) + arena.contenders.race(setting, work)
        _ended_well(arena.seen(setting, info))
        assert found.won == _changes(dag, info.ref.run_id)
        assert found.started == Counter((info.ref.run_id, task.task_id, 1) for task in dag.tasks if _has_body(task))
        assert set(found.told) == {(info.ref.run_id, "running", 0), (info.ref.run_id, "success", 0)}
        total += found
    arena.tell(f"{RUNS} runs of {dag.dag_id}, {len(dag.tasks)} tasks each, all ended", total)


def _ended_well(seen: Seen) -> None:
    ends = {task.task_id: _changes_of(task)[-1] for task in seen.dag.tasks}
    assert {task.task_id: entry.state.value for task, entry in zip(seen.dag.tasks, seen.entries, strict=True)} == ends
    assert (seen.header.state, seen.header.active, seen.header.owed) == (RunState.SUCCESS, False, frozenset())


def _changes(dag: Dag, run_id: str) -> Counter[tuple[str, str, str]]:
    """All that ever changes in a run, each once."""
    run = [(run_id, "run", state) for state in ("created", "success")]
    tasks = [(run_id, f"task {index}", state) for index, task in enumerate(dag.tasks) for state in _changes_of(task)]
    return Counter([*run, *tasks])


def _changes_of(task: Task) -> Sequence[str]:
    """What a task goes through: those of `crossed` fail, or fail with their upstream."""
    if not _has_body(task):
        return ("upstream_failed",)
    return ("queued", "running", "failed" if task.task_id in FAILS else "success")


def _has_body(task: Task) -> bool:
    return task.task_id[0] not in "pq"


def test_look_before_the_record_loses_the_wake_up(arena: Arena) -> None:
    setting = arena.setting(EarlyStore)
    (info,) = arena.infos(LAYERS, 1)
    found = arena.start(setting, info) + arena.contenders.race(setting, work)
    arena.tell("1 run of layers over a naive EarlyStore, which stands still", found)
    assert arena.seen(setting, info).header.state is RunState.RUNNING


def test_run_that_all_start_has_one_creator_and_its_tries_are_queued_and_sent_once(arena: Arena) -> None:
    """Half of the runs were announced by somebody who got no further."""
    setting, infos = arena.setting(), arena.infos(FOUR, 8)
    for info in infos[:4]:
        arena.ports(setting, Notes()).runs.announce(info)
    found = arena.contenders.race(setting, Start(infos))
    arena.tell(f"{8 * ALL} starts of 8 runs", found)
    places = [(info.ref.run_id, index) for info in infos for index in range(4)]
    assert Counter((hint.info.ref.run_id, hint.index) for hint in arena.queued(setting)) == Counter(places)
    created = [(info.ref.run_id, "run", "created") for info in infos]
    assert found.won == Counter([*created, *((run_id, f"task {index}", "queued") for run_id, index in places)])
