"""Run one queued try to its record, and go on with what follows while that is legal.

Claim, body, record; release and dispatch; then, and only then, the next body. The claim is the state change itself. A
redelivered hint finds its try claimed and leaves, unless the try is over and nobody may have advanced since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leeward.contract import LEASE_MARGIN_SECONDS, MAX_INLINE_XCOM_BYTES
from leeward.core.address import map_index_of
from leeward.core.dag import Json, Task
from leeward.core.decide import Change
from leeward.core.facts import Deferred, Failed, Outcome
from leeward.core.fold import Lease, claimed
from leeward.core.outcomes import mappable, recorded
from leeward.core.run import Entry
from leeward.core.states import FINISHED
from leeward.core.view import View
from leeward.engine.attempts import attempt
from leeward.engine.callbacks import announce
from leeward.engine.end_run import move_on
from leeward.engine.hints import Execute
from leeward.engine.ports import Ports, Write
from leeward.engine.record import Recorded, record, record_all
from leeward.engine.scope import Scope, open_scope
from leeward.operators.base import HandedOver


@dataclass(frozen=True, slots=True)
class Execution:
    """One invocation of an executor: all that it claims ends before `deadline` (seconds since the epoch).

    `left` is what tasks that ended in it have pushed, by task id and key: those that follow here need not read it.
    """

    scope: Scope
    deadline: float
    left: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    def lease(self, task: Task) -> Lease:
        """A new token, and a lease that ends when whatever may run the body has surely been killed."""
        ports = self.scope.ports
        lives = ports.bodies.plan(task).outlives_seconds
        if lives is None:
            return Lease(ports.ids.token(), self.deadline + LEASE_MARGIN_SECONDS)
        until = max(self.deadline, ports.clock.now() + lives)
        return Lease(ports.ids.secret(), until + LEASE_MARGIN_SECONDS)

    def lease_to_follow(self, task: Task) -> Lease | None:
        """The lease of a task whose body fits into what is left of this invocation."""
        left = self.deadline - self.scope.ports.clock.now()
        fits = left > self.scope.ports.bodies.plan(task).needs_seconds + LEASE_MARGIN_SECONDS
        return self.lease(task) if fits else None


def execute_task(ports: Ports, hint: Execute, deadline: float) -> None:
    """Claim and run a queued try, and then whatever may follow it inline; or several instances of a mapped task at once."""
    execution = Execution(open_scope(ports, hint.info), deadline)
    if hint.others:
        run_together(execution, *_claim_all(execution, hint.tries))
        return
    view = _claim(execution, hint)
    go_on(execution, None if view is None else Recorded(view, hint.index))


def go_on(execution: Execution, step: Recorded | None) -> None:
    """Run what a step found to follow, and what follows from that, while it is legal here."""
    while step is not None and step.follow is not None:
        step = _run(execution, step.view, step.follow)


def _claim(execution: Execution, hint: Execute) -> View | None:
    """The image in which the try is ours, or None if it is not to be run here."""
    scope = execution.scope
    shard = scope.layout.shard(hint.index)
    before = hint.queued
    after = claimed(before, execution.lease(scope.task(hint.index)), scope.ports.clock.now())
    written = scope.write(Write(shard, expect={hint.index: before}, put={hint.index: after}))
    view = scope.empty_view().with_item(shard, written.item)
    found = written.item.entry(hint.index)
    if written.won or found == after:
        scope.won((Change(hint.index, before, after, "claimed"),), written.item.epoch)
        return view
    if found.state in FINISHED:
        move_on(scope, view, (hint.index,))
    return None


def _claim_all(execution: Execution, tries: Mapping[int, Entry]) -> tuple[View, list[int]]:
    """The image in which tries of one item are ours, and which those are: all in one write, or what is left of them."""
    scope = execution.scope
    shard = scope.layout.shard(next(iter(tries)))
    view, left, over = scope.empty_view(), dict(tries), set[int]()
    while left:
        now = scope.ports.clock.now()
        after = {index: claimed(queued, execution.lease(scope.task(index)), now) for index, queued in left.items()}
        written = scope.write(Write(shard, expect=left, put=after))
        view = view.with_item(shard, written.item)
        ours = [i for i in left if written.won or written.item.entry(i) == after[i]]
        if ours:
            scope.won((Change(i, left[i], after[i], "claimed") for i in ours), written.item.epoch)
            return view, ours
        over |= {i for i in left if written.item.entry(i).state in FINISHED}
        left = {i: queued for i, queued in left.items() if written.item.entry(i) == queued}
    if over:
        move_on(scope, view, over)
    return view, []


def _run(execution: Execution, view: View, index: int) -> Recorded | None:
    """Run the body of a claimed try and record what it did; None if it goes on elsewhere."""
    scope = execution.scope
    entry = view.items[view.layout.shard(index)].entry(index)
    forget(scope, index, entry)
    announce(scope, index, entry)
    if scope.ports.clock.now() > execution.deadline:  # frozen on the way here: the lease may be over
        return None
    try:
        outcome = scope.ports.bodies.start(attempt(scope, index, entry, execution.deadline, execution.left))
    except HandedOver:
        return None
    return conclude(execution, view, index, outcome)


def run_together(execution: Execution, view: View, claims: Sequence[int]) -> None:
    """Run the bodies of claimed tries at the same time; those that end together are recorded in one write."""
    scope = execution.scope
    item = next(iter(view.items.values()))
    for index in claims:
        forget(scope, index, item.entry(index))
        announce(scope, index, item.entry(index))
    late = scope.ports.clock.now() > execution.deadline  # frozen on the way here: the leases may be over
    attempts = [attempt(scope, index, item.entry(index), execution.deadline) for index in claims]
    for ended in scope.ports.bodies.start_all(attempts) if attempts and not late else ():
        changes: list[Change] = []
        for each, told in ended:
            entry, outcome = item.entry(each.index), mappable(scope.dag, each.index, told)
            keep(scope, each.index, entry, outcome)
            changes.append(recorded(scope.dag, scope.moment(), each.index, entry, outcome))
        record_all(scope, changes)


def forget(scope: Scope, index: int, entry: Entry) -> None:
    """A try begins without the XComs of those before it."""
    if entry.try_number > 1:
        scope.ports.xcoms.clear(scope.info.ref, scope.task(index).task_id, map_index_of(index), entry.try_number)


def conclude(execution: Execution, view: View, index: int, outcome: Outcome) -> Recorded | None:
    """Keep what a body left behind and record its end; None if the try was taken back meanwhile."""
    scope = execution.scope
    entry = view.items[view.layout.shard(index)].entry(index)
    outcome = mappable(scope.dag, index, outcome)
    keep(scope, index, entry, outcome)
    single = map_index_of(index) < 0
    if single and not isinstance(outcome, Deferred) and len(json.dumps(outcome.xcoms)) <= MAX_INLINE_XCOM_BYTES:
        execution.left[scope.task(index).task_id] = outcome.xcoms
    change = recorded(scope.dag, scope.moment(), index, entry, outcome)
    return record(scope, view, change, execution.lease_to_follow)


def keep(scope: Scope, index: int, entry: Entry, outcome: Outcome) -> None:
    """Store what a body left behind (XComs, a job, an error), before its record makes it visible."""
    ref, number = scope.info.ref, entry.try_number
    if isinstance(outcome, Deferred):
        scope.ports.attempts.put_job(ref, index, number, outcome.job)
        return
    if outcome.xcoms:
        scope.ports.xcoms.push(ref, scope.task(index).task_id, map_index_of(index), number, outcome.xcoms)
    if isinstance(outcome, Failed):
        scope.ports.attempts.put_error(ref, index, number, outcome.error)
    if outcome.name:
        scope.ports.attempts.put_instance_name(ref, index, number, outcome.name)
