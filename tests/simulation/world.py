"""A whole installation in one thread: the functions' real handlers over twins, interleaved at every call that they make.

Each invocation is a greenlet that gives way before every call to the outside. Who goes on, what is delivered when, and what
goes wrong is answered by a `Chance`; nothing else is left to anybody. Time is virtual: it moves a little with every call, and
to the next thing that is due when nothing else can be done.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from zlib import crc32

from greenlet import greenlet

from lambdas.executor import handler as executor
from lambdas.scheduler import handler as scheduler
from leeward.contract import MAX_EVENT_AGE_SECONDS
from leeward.core.address import instance
from leeward.core.dag import Dag
from leeward.core.errors import EngineError, UsageError
from leeward.core.run import IntentKind, RunInfo
from leeward.core.states import RunState
from leeward.engine.apply_verb import apply_verb
from leeward.engine.ports import Ports
from leeward.engine.reconcile import Dropping, Overtaken, reconcile, settled
from leeward.engine.scope import open_scope
from leeward.local.clock import VirtualClock
from leeward.local.cloud import Cloud, Function, Message, Passes, Queue
from leeward.local.observers import MemoryEventLog, MemoryMetrics
from leeward.local.run_store import MemoryAttemptStore, MemoryXComStore
from leeward.local.spec_store import MemoryBucket, MemoryBundleStore, MemoryDropStore, MemoryRules, MemorySpecStore
from tests.simulation.bodies import Script, SimulatedBodies, Try, text_of
from tests.simulation.chance import Chance, Seeded
from tests.simulation.specs import DAG_ID
from tests.simulation.twins import POOLS, Here, Killed, Log, Runs, Sender, Slots, Through, Tokens

START = 1_800_000_000.0 - 40.0
"""Some seconds before a full hour (2027-01-15T08:00:00Z)."""

MAX_STEPS = 60_000
UNREPEATED = ("dispatch.send", "claims", "callbacks")
"""Calls that are not sent twice: messages are doubled by the queues, the worker's claim is made without an SDK, and the
client that invokes functions repeats nothing."""

RECOGNISED = ("runs.create",)
"""Calls of which the adapter recognises its own repetition."""

SWEEP = json.dumps({"sweep": True})
CALM = Seeded(0, {"none": 0.0})
"""No fault at all."""


class OutageError(Exception):
    """A call was throttled, or its answer did not come in time."""


FUNCTIONS = {
    "executor": Function("executor", loops=True, on_failure="dead"),
    "scheduler": Function("scheduler", loops=True, on_failure="dead"),
    "worker": Function("worker", loops=True, retries=0, on_failure="results"),
    "compiler": Function("compiler", 300.0, on_failure="dead"),
    "console": Function("console", retries=0),
}
QUEUES = {
    "tries": Queue("tries", "executor", "dead"),
    "results": Queue("results", "executor", "dead"),
    "looks": Queue("looks", "scheduler", "dead"),
    "dead": Queue("dead"),
}


@dataclass(frozen=True)
class Verb:
    """What a person asks of a run, and when (seconds since the epoch)."""

    at: float
    run_id: str
    kind: IntentKind
    tasks: tuple[str, ...] = ()


@dataclass
class Invocation:
    """One invocation of a function, suspended before its next call. `wakes` is when a frozen one may go on."""

    message: Message
    passes: Passes
    deadline: float
    body: greenlet
    name: str
    wakes: float = 0.0
    answers: list[str] = field(default_factory=list)
    tokens: int = 0
    struck: bool = False
    holds: Try | None = None
    made: set[str] = field(default_factory=set)

    def get_remaining_time_in_millis(self) -> float:
        return 900_000.0

    @property
    def sweeps(self) -> bool:
        """Whether it is the sweep of a minute."""
        return self.message.body == SWEEP


@dataclass
class Installation:
    """The twins, and what is known about the world. `wrong` tells of everything that must not happen."""

    script: Script
    chance: Chance
    verbs: list[Verb] = field(default_factory=list)
    asked: list[Verb] = field(default_factory=list)
    functions: Mapping[str, Function] = field(default_factory=lambda: FUNCTIONS)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    started: Counter[Try] = field(default_factory=Counter)
    lost: set[Try] = field(default_factory=set)
    reported: set[Try] = field(default_factory=set)
    called: Counter[tuple[str, str, int, str]] = field(default_factory=Counter)
    polled: dict[Try, float] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    stalls: list[str] = field(default_factory=list)
    traced: bool = False
    call_seconds: float = 0.01
    most_awake: int = 6
    steered: bool = False
    freed: float = 0.0
    steps: int = 0

    def __post_init__(self) -> None:
        self.cloud = Cloud(self.clock, self.functions, QUEUES)
        self.specs, self.rules = MemorySpecStore(), MemoryRules()
        self.runs = Runs(self.specs, world=self)
        self.attempts, self.xcoms = MemoryAttemptStore(), MemoryXComStore()
        self.bucket, self.drops, self.bundles = MemoryBucket(), MemoryDropStore(), MemoryBundleStore()
        self.log, self.metrics = MemoryEventLog(), MemoryMetrics()
        self.gates = Slots(world=self)
        self.alive: list[Invocation] = []
        self.claims: set[str] = set()
        self.names: Counter[str] = Counter()
        self.deliveries: Counter[str] = Counter()
        self.minute = self.hour = START
        self.hub = greenlet.getcurrent()

    def step(self) -> bool:
        """Let one invocation go on to its next call, or deliver a message, or let time pass; False if all is at rest."""
        self.steps += 1
        self._timers()
        now = self.clock.now()
        ready = [invocation for invocation in self.alive if invocation.wakes <= now]
        due = self.cloud.due() if len(ready) < self.most_awake else []
        if ready or due:
            place = self.chance.pick(len(ready) + len(due))
            self._resume(ready[place]) if place < len(ready) else self._deliver(due[place - len(ready)])
            return True
        return self._pass_time()

    def _pass_time(self) -> bool:
        moments = [invocation.wakes for invocation in self.alive]
        moments += [due for due in (self.cloud.next_due(),) if due is not None]
        if not moments and not self.busy:
            return False
        self.clock.advance_to(min([*moments, self.minute, self.hour, *(verb.at for verb in self.verbs)]))
        return True

    @property
    def busy(self) -> bool:
        """Whether time has to go on: a run moves, a schedule has not come to its end, a file is not compiled."""
        files, live = self.bucket.files(), self.specs.all_live()
        compiled = settled(self.drops.all(), files).issuperset(files)
        due = any(each.due is not None for each in live)
        return bool(self.runs.active() or self.verbs) or due or not compiled

    def _timers(self) -> None:
        """What EventBridge sends: the sweep of every minute; the ticks of DAGs' rules, here all on the hour."""
        now = self.clock.now()
        while self.verbs and self.verbs[0].at <= now:
            verb = self.verbs.pop(0)
            self.asked.append(verb)
            self.steered = True
            self.cloud.invoke("console", {"run_id": verb.run_id, "kind": verb.kind, "tasks": verb.tasks})
        while self.minute <= now:
            self.minute += 60.0
            self.cloud.send("looks", SWEEP)
        while self.hour <= now:
            self.hour = (self.hour // 3600 + 1) * 3600
            self.cloud.invoke("compiler", {"detail-type": "Scheduled Event"})
            for dag_id in sorted(self.rules.rules):
                if not self.chance.happens("drop_tick"):
                    self.cloud.send("looks", json.dumps({"tick": dag_id}))

    def _deliver(self, message: Message) -> None:
        if message.body != SWEEP:
            if self.chance.happens("lose"):
                self.cloud.lose(message)
                return
            if self.chance.happens("duplicate"):
                self.cloud.again(message)
        begun = self.cloud.begin(message)
        if begun is None:
            return
        passes, event = begun
        self.deliveries[message.body] += 1
        deadline = self.clock.now() + self.functions[message.function].seconds
        name = f"{message.function}.{crc32(message.body.encode()):08x}.{self.deliveries[message.body]}"
        invocation = Invocation(message, passes, deadline, greenlet(self._body), name)
        self.alive.append(invocation)
        self._settle(invocation, invocation.body.switch(invocation, event))

    def _resume(self, invocation: Invocation) -> None:
        self._settle(invocation, invocation.body.switch())

    def _settle(self, invocation: Invocation, ended: Any) -> None:
        """What became of an invocation that gave way: it waits before a call, or has ended."""
        if not invocation.body.dead:
            return
        self.alive.remove(invocation)
        response, story = ended
        if invocation.struck or story is not None:
            self.struck.add(invocation.name)
        if story is None:
            self.cloud.end(invocation.message, response)
        else:
            self.cloud.die(invocation.message, story)

    def _body(self, invocation: Invocation, event: Mapping[str, Any]) -> tuple[Any, str | None]:
        """An invocation's whole life, in its own greenlet: the response, or how it died."""
        try:
            return self._handle(invocation, event), None
        except Killed:
            return None, "Runtime exited"
        except OutageError as error:
            return None, str(error)
        except Overtaken as error:
            return None, f"overtaken: {error}"
        except Exception as error:  # noqa: BLE001 - no handler of ours may raise anything else
            self.wrong.append(f"{invocation.name}: {type(error).__name__}: {error}")
            return None, str(error)

    def _handle(self, invocation: Invocation, event: Mapping[str, Any]) -> Any:
        ports = self.ports(invocation)
        match invocation.message.function:
            case "executor":
                return executor.respond(ports, self.cloud, event, invocation)
            case "scheduler":
                return scheduler.respond(ports, self.cloud, event, invocation)
            case "compiler":
                return reconcile(self._dropping(invocation, ports))
            case "console":
                return _apply(ports, event)
        return self._work(invocation, event)

    def _work(self, invocation: Invocation, order: Mapping[str, Any]) -> None:
        """The worker: one delivery of an order takes its claim, its result is sent to the queue of results."""
        address = order["try"]
        claim = f"{address['run_id']} {order['task_id']} {address['try_number']} {address['owner']}"
        if self.clock.now() > order["start_by"] or not self.call(invocation, "claims", lambda: self._claim(claim)):
            return
        here = Here(self, invocation)
        here.starts((address["run_id"], order["task_id"], address["try_number"]))
        here.spends(order["seconds"])
        text = text_of({**address, "result": "done"})
        self.call(invocation, "sqs", lambda: self.cloud.send("results", text, 0.0, invocation.passes))

    def _claim(self, name: str) -> bool:
        free = name not in self.claims
        self.claims.add(name)
        return free

    def ports(self, invocation: Invocation) -> Ports:
        """The ports of one invocation: every call of them gives way first, and may fail."""
        through = {
            name: Through(self, invocation, name, getattr(self, name))
            for name in ("runs", "attempts", "xcoms", "specs", "rules", "gates")
        }
        return Ports(
            **through,
            dispatch=Through(self, invocation, "dispatch", Sender(self, invocation)),
            bodies=SimulatedBodies(self.script, self.clock.now, Here(self, invocation), self.reported),
            clock=self.clock,
            ids=Tokens(invocation),
            metrics=self.metrics,
            log=Log(self, invocation),
            pools=POOLS,
        )

    def _dropping(self, invocation: Invocation, ports: Ports) -> Dropping:
        def through(name: str) -> Any:
            return Through(self, invocation, name, getattr(self, name))

        return Dropping(ports, through("bucket"), through("drops"), through("bundles"), lambda _: None)

    def call(self, invocation: Invocation, name: str, do: Callable[[], Any]) -> Any:
        """One call of an invocation to the outside."""
        if self._may_fail(invocation.message) and self.chance.happens("freeze"):
            invocation.wakes = self.clock.now() + self.chance.lasts()
            invocation.struck = True
        self.hub.switch()
        chance = self.chance if self._may_fail(invocation.message) else CALM
        self.clock.advance_to(self.clock.now() + self.call_seconds)
        if chance.happens("kill"):
            raise Killed
        if chance.happens("throttle"):
            invocation.struck = True
            raise OutageError(f"{name} was throttled")
        answer = self._done(do)
        if name not in UNREPEATED and chance.happens("resend"):
            again = self._done(do)
            answer = answer if name in RECOGNISED else again
        if self.traced:
            invocation.answers.append(repr(answer))
        if chance.happens("late_kill"):
            raise Killed
        if chance.happens("time_out"):
            invocation.struck = True
            raise OutageError(f"{name} did not answer")
        return answer

    def _may_fail(self, message: Message) -> bool:
        """Whether a failure of this delivery still leaves another one, so that nothing ends among the dead letters."""
        if message.function in ("worker", "console"):
            return True
        if not message.queue and self.clock.now() - message.born > MAX_EVENT_AGE_SECONDS / 2:
            return False
        last = QUEUES[message.queue].receives if message.queue else self.functions[message.function].retries + 1
        return self.cloud.flying[message.number].receives < last

    def _done(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except EngineError as error:
            self.wrong.append(str(error))
            raise


def _apply(ports: Ports, event: Mapping[str, Any]) -> None:
    """Apply a person's verb, if there is such a run and no other verb is on its way."""
    info = ports.runs.info(DAG_ID, event["run_id"])
    if info is None:
        return
    scope, kind = open_scope(ports, info), IntentKind(event["kind"])
    tasks = [_address(scope.dag, name) for name in event["tasks"]]
    with suppress(UsageError):
        apply_verb(scope, kind, tasks, RunState.FAILED if kind is IntentKind.STOP else None)


def _address(dag: Dag, name: str) -> int:
    """The address of a task, or of an instance of a mapped one."""
    task_id, _, place = name.rstrip("]").partition("[")
    index = dag.index[task_id]
    return instance(index, int(place)) if place else index


@contextmanager
def shards_of(tasks: int) -> Iterator[None]:
    """Runs whose items hold so many tasks, or instances of one, so that small DAGs lie in several."""
    with ExitStack() as stack:
        stack.enter_context(patch("leeward.core.view.TASKS_PER_SHARD", tasks))
        for module in ("address", "instances", "verbs"):
            stack.enter_context(patch(f"leeward.core.{module}.BLOCK", tasks))
        yield


def everything(world: Installation) -> None:
    """Step until all is at rest."""
    everything_until(world, lambda: None)


def everything_until(world: Installation, look: Callable[[], None]) -> None:
    """Step until all is at rest, or until `look`, which is called before each step, raises."""
    told = io.StringIO()
    with redirect_stdout(told):
        while world.step():
            look()
            if world.steps > MAX_STEPS:
                world.wrong.append(f"not at rest after {MAX_STEPS} steps")
                break
    for line in told.getvalue().splitlines():
        if "OutageError" not in line:
            world.wrong.append(line)


def runs_of(world: Installation) -> list[RunInfo]:
    """Every run that was ever announced."""
    return [info for dag in sorted({key[0] for key in world.runs._infos}) for info in world.runs.recent(dag, 10_000)]
