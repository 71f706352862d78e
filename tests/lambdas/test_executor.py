"""The executor through its real handler: tries that come together, and what a follower need not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest

from lambdas.executor.handler import answer_together
from leeward.engine.hints import Sweep, Tick
from tests.crash.account import Account
from tests.crash.installation import installed
from tests.crash.pump import Pump
from tests.crash.scenes import CHAIN, LONG_BODY, Scene


@dataclass
class Noting(Account):
    """An account that notes the orders of its worker, and the reads of its table while tasks run."""

    orders: list[Mapping[str, Any]] = field(default_factory=list)

    def body(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self.orders.append(order)
        return super().body(order)


def _orders(scene: Scene) -> list[Mapping[str, Any]]:
    account = Noting(scene)
    with installed(account):
        Pump(account).settle()
    return account.orders


def test_messages_that_come_together_are_answered_side_by_side() -> None:
    meet = Barrier(3, timeout=60)

    def answer(_: Any) -> None:
        meet.wait()

    answer_together([Tick("a"), Tick("b"), Sweep()], answer)


def test_message_that_fails_fails_the_invocation_and_takes_no_other_with_it() -> None:
    answered = []

    def answer(message: Any) -> None:
        if message == Tick("b"):
            raise KeyError("b")
        answered.append(message)

    with pytest.raises(KeyError):
        answer_together([Tick("a"), Tick("b"), Sweep()], answer)
    assert sorted(map(repr, answered)) == sorted(map(repr, [Tick("a"), Sweep()]))


@pytest.mark.parametrize("scene", [CHAIN, LONG_BODY], ids=["one executor", "another executor"])
def test_order_carries_what_upstream_tasks_pushed_whoever_ran_them(scene: Scene) -> None:
    last = _orders(scene)[-1]
    pushed = max(scene.pushing)
    tries = 2 if (pushed, 1) in scene.failing else 1
    assert last["xcoms"] == [[pushed, -1, "return_value", {"value": tries}]]
