"""What contenders race for, and over which DAGs. All of it goes through the engine as it is deployed.

No sweep ever runs in a race and no message comes twice, so that nothing but the order of record and look can keep a run
from standing still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from leeward.aws.messages import message_of
from leeward.contract import FUNCTION_SECONDS
from leeward.core.dag import Dag
from leeward.core.run import RunInfo
from leeward.engine.handle import handle
from leeward.engine.hints import Execute
from leeward.engine.start_run import start_run
from tests.deployed.contenders import Lane
from tests.drawing import draw


def _layers() -> Dag:
    """Twelve layers of four, each waiting for all of the one before: `d` lies in one shard, the other three in the other."""
    layers = (",".join(f"{column}{number}" for column in "abcd") for number in range(12))
    found = draw(">".join(layers), dag={"dag_id": "layers"})
    return replace(found, tasks=tuple(sorted(found.tasks, key=lambda task: task.task_id[0] == "d")))


def _crossed() -> Dag:
    """Twelve times: x, y fail in two shards, so do p and q with them, each in the other's shard, and j waits for both."""
    names = [(f"x{number}", f"y{number}", f"p{number}", f"q{number}", f"j{number}") for number in range(12)]
    lines = (f"{x}>{p};{y}>{q};{p},{q}>{j}" for x, y, p, q, j in names)
    rules = {j: "all_done" for *_, j in names}
    found = draw(";".join(lines), dag={"dag_id": "crossed"}, **rules)
    return replace(found, tasks=tuple(sorted(found.tasks, key=lambda task: task.task_id[0] in "yp")))


LAYERS, CROSSED = _layers(), _crossed()
FAN_IN = draw(",".join(f"r{number}" for number in range(40)) + ">join", dag={"dag_id": "fan_in"})
FOUR = draw("a,b,c,d", dag={"dag_id": "four"})
DAGS = (LAYERS, CROSSED, FAN_IN, FOUR)


@dataclass(frozen=True)
class Claim:
    """Everybody wants every one of these tries, in step."""

    hints: Sequence[Execute]

    def __call__(self, lane: Lane) -> None:
        for hint in self.hints:
            lane.step()
            handle(lane.ports, hint, lane.ports.clock.now() + FUNCTION_SECONDS)


@dataclass(frozen=True)
class Start:
    """Everybody starts every one of these runs, in step."""

    infos: Sequence[RunInfo]

    def __call__(self, lane: Lane) -> None:
        for info in self.infos:
            lane.step()
            start_run(lane.ports, replace(info, created=lane.ports.clock.now()))


def work(lane: Lane) -> None:
    """Answer messages, whosever they are, until none is left and nobody is at one that could bring more."""
    lane.step()
    url = lane.setting.queue
    while not lane.barrier.broken:
        messages = lane.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        for message in messages:
            handle(lane.ports, message_of(message["Body"]), lane.ports.clock.now() + FUNCTION_SECONDS)
            lane.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if not messages and not on_their_way(lane.sqs, url):
            return


def on_their_way(sqs: Any, url: str) -> int:
    """Messages that wait, are delayed, or are being answered."""
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(found[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))
