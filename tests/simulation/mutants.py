"""Naive engines: each makes one mistake of those that the rules of the engine answer, and must be found out.

A mutant is a patch of our own code under the name of the mistake. Those of the store change a write on its way, as an
engine would that left a condition away.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias
from unittest.mock import patch

from leeward.core import callbacks, deadlines, decide, fold, instances, outcomes, verbs
from leeward.core import gates as core_gates
from leeward.core.address import block_of, blocks, instance, is_block, is_summary, item_of, summary, task_of
from leeward.core.dag import Dag, Task
from leeward.core.decide import Change
from leeward.core.fold import Lease, claimed
from leeward.core.gates import Gate, holds_slots, slots_of
from leeward.core.instances import relevant
from leeward.core.past import Past
from leeward.core.rules import verdict
from leeward.core.run import ENDS, Entry, Header, Intent, IntentKind, Item, Mapped, Payer, RunRef
from leeward.core.states import FINISHED, RunState, TaskState
from leeward.core.view import View
from leeward.engine import advance, deliver, end_run, execute_task, gates, intents, look, poll_task, record, sweep
from leeward.engine import callbacks as engine_callbacks
from leeward.engine import scope as engine_scope
from leeward.engine.amend import amend, read_header
from leeward.engine.execute_task import Execution
from leeward.engine.hints import Execute, Look, Poll
from leeward.engine.ports import Write, Written
from leeward.engine.scope import Scope, open_scope, send_at, shard_finished
from leeward.local.gates import MemoryGates
from leeward.local.run_store import MemoryRunStore
from tests.simulation.twins import Runs, Tokens

Mutant: TypeAlias = "Callable[[], Any]"
S = TaskState


def _writes(change: Callable[[Write], Write]) -> Any:
    """Every write of run state goes out changed."""
    real = MemoryRunStore.write

    def write(self: MemoryRunStore, ref: RunRef, write: Write) -> Written:
        return real(self, ref, change(write))

    return patch.object(MemoryRunStore, "write", write)


def _is_claim(write: Write) -> bool:
    befores = [entry.state for entry in write.expect.values()]
    return befores == [S.QUEUED] and [entry.state for entry in write.put.values()] == [S.RUNNING]


def _is_record(write: Write) -> bool:
    return any(write.expect[i].state is S.RUNNING for i in write.put if i in write.expect) and not write.new_epoch


def _is_verb(write: Write) -> bool:
    return write.new_epoch is not None


def _is_end(write: Write) -> bool:
    return write.put_header is not None and write.put_header.state is not RunState.RUNNING and not write.new_epoch


@contextmanager
def look_before_record() -> Iterator[None]:
    """F1: what follows is decided on what was read before the record."""
    real_write, seen = record._write, {}

    def write(scope: Scope, *arguments: Any) -> Any:
        seen[id(scope)] = scope.read_all()
        return real_write(scope, *arguments)

    def move_on(scope: Scope, view: View, touched: Any, **more: Any) -> None:
        old = seen.pop(id(scope), view)
        end_run.move_on(scope, replace(old, items={**old.items, **view.items}, header=view.header), touched, **more)

    with patch.object(record, "_write", write), patch.object(record, "move_on", move_on):
        yield


@contextmanager
def fold_what_follows() -> Iterator[None]:
    """F2: whatever is right after a task is claimed in the write that records it."""
    real = decide.close

    def close(dag: Dag, view: View, moment: Any, changes: Any, shard: int) -> tuple[Change, ...]:
        found = real(dag, view, moment, changes, shard)
        taken = {change.index for change in found}
        ended = [change for change in found if change.after.state is S.SUCCESS]
        for down in {down for change in ended for down in dag.graph.downstream[change.index]} - taken:
            entry = view.entry(down) if view.layout.shard(down) == shard else None
            if entry is not None and entry.state is S.NONE:
                after = Entry(S.QUEUED, entry.try_number + 1, base=entry.base)
                return (*found, Change(down, entry, after, "it follows"))
        return found

    with patch.object(fold, "close", close):
        yield


def fold_on_an_old_image() -> Any:
    """F3: a record carries what follows from an image of any epoch."""
    return _writes(lambda write: replace(write, epoch=None) if _is_record(write) else write)


def decide_in_any_epoch() -> Any:
    """R4: a decision takes effect whatever verbs came in between."""
    return _writes(lambda write: write if write.new_epoch or write.put_header else replace(write, epoch=None))


def claim_whatever_is_there() -> Any:
    """F4: a claim without a condition."""
    return _writes(lambda write: replace(write, expect={}) if _is_claim(write) else write)


@contextmanager
def claim_beside_the_state() -> Iterator[None]:
    """F4: a claim is a record of its own, and the state is written after it."""
    real = execute_task._claim

    def claim(execution: Execution, hint: Execute) -> View | None:
        attempts, ref = execution.scope.ports.attempts, execution.scope.info.ref
        number = hint.queued.try_number + 1000
        if attempts.job(ref, hint.index, number) is not None:
            return None
        attempts.put_job(ref, hint.index, number, "claimed")
        return real(execution, hint)

    with patch.object(execute_task, "_claim", claim):
        yield


def record_without_a_fence() -> Any:
    """F5: an end is recorded over whatever the entry has become."""
    return _writes(lambda write: replace(write, expect={}, epoch=None) if _is_record(write) else write)


def clear_starts_tries_anew() -> Any:
    """F5: a clear resets the number of tries."""
    real = verbs.applied

    def applied(intent: Intent, index: int, entry: Entry, now: float, after: Any = ()) -> Entry:
        cleared = intent.kind is IntentKind.CLEAR and index in intent.tasks
        return Entry() if cleared else real(intent, index, entry, now, after)

    return patch.object(intents, "applied", applied)


def clear_over_whatever_is_there() -> Any:
    """F5: a verb reads entries and writes what it makes of them, unconditionally."""
    return _writes(lambda write: replace(write, expect={}, epoch=None) if _is_verb(write) else write)


@contextmanager
def lost_answer_of_a_claim_is_a_refusal() -> Iterator[None]:
    """F6: a claim that was refused was somebody else's."""

    def claim(execution: Execution, hint: Execute) -> View | None:
        scope, shard = execution.scope, execution.scope.layout.shard(hint.index)
        lease = execution.lease(scope.dag.tasks[hint.index])
        after = claimed(hint.queued, lease, scope.ports.clock.now())
        written = scope.write(Write(shard, expect={hint.index: hint.queued}, put={hint.index: after}))
        return scope.empty_view().with_item(shard, written.item) if written.won else None

    with patch.object(execute_task, "_claim", claim):
        yield


def lost_answer_of_a_record_is_a_refusal() -> Any:
    """F6: a record that was refused means that the try was taken back."""
    return patch.object(record, "_took_effect", lambda *_: False)


@contextmanager
def token_of_the_message() -> Iterator[None]:
    """F6: an owner's token is drawn once a message, so that a redelivery takes a dead claim for its own."""

    def claim(execution: Execution, hint: Execute) -> View | None:
        scope, shard = execution.scope, execution.scope.layout.shard(hint.index)
        after = claimed(hint.queued, execution.lease(scope.dag.tasks[hint.index]), scope.ports.clock.now())
        written = scope.write(Write(shard, expect={hint.index: hint.queued}, put={hint.index: after}))
        owner = written.item.entry(hint.index).owner
        mine = written.won or owner == after.owner
        return scope.empty_view().with_item(shard, written.item) if mine else None

    def token(self: Tokens) -> str:
        return f"{self.invocation.message.number}"

    with patch.object(execute_task, "_claim", claim), patch.object(Tokens, "token", token):
        yield


def end_whatever_came_in_between() -> Any:
    """F7: a run ends if it was running when its end was decided."""
    return _writes(lambda write: replace(write, epoch=None, expect_header=None) if _is_end(write) else write)


@contextmanager
def verb_moves_the_epoch_of_the_header_alone() -> Iterator[None]:
    """F7: the items of a run keep their epochs when a verb comes."""

    def apply(scope: Scope, view: View, shard: int, intent: Intent, epoch: int) -> Item:
        item = scope.ports.runs.read(scope.info.ref, (shard,))[shard]
        changes = intents._changes(scope, shard, item, intent, view)
        expect = {change.index: change.before for change in changes}
        return scope.write(Write(shard, expect, {change.index: change.after for change in changes})).item

    with patch.object(intents, "_apply", apply):
        yield


@contextmanager
def stop_is_a_flag_of_the_header() -> Iterator[None]:
    """F8: a run that is stopped tells its header, and no task."""
    real = intents._changes

    def changes(scope: Scope, shard: int, item: Any, intent: Intent, *view: View) -> tuple[Change, ...]:
        return () if intent.kind is IntentKind.STOP else real(scope, shard, item, intent, *view)

    with patch.object(intents, "_changes", changes):
        yield


def polls_are_not_claimed() -> Any:
    """F18: every poll looks and re-arms itself."""

    def poll(ports: Any, hint: Poll, deadline: float) -> None:
        scope = open_scope(ports, hint.info)
        if hint.due > ports.clock.now():
            send_at(scope, hint, hint.due)
            return
        shard = scope.layout.shard(hint.index)
        view = scope.read(scope.empty_view(), (shard,))
        entry = view.items[shard].entry(hint.index)
        if (entry.state, entry.try_number) == (S.DEFERRED, hint.try_number):
            poll_task._poll(Execution(scope, deadline), view, hint.index, replace(entry, polls=hint.poll + 1))

    return patch("leeward.engine.handle.poll_task", poll)


@contextmanager
def everybody_dispatches() -> Iterator[None]:
    """F19: whoever looks sends everything that waits."""
    real = end_run.move_on

    def move_on(scope: Scope, view: View, touched: Any, **more: Any) -> None:
        real(scope, view, touched, **more)
        for shard, item in scope.read_all().items.items():
            waiting = [i for i in scope.layout.indexes(shard) if item.entry(i).state is S.QUEUED]
            scope.ports.dispatch.send([Execute(scope.info, i, item.entry(i)) for i in waiting])

    with patch.object(record, "move_on", move_on):
        yield


@contextmanager
def lease_shorter_than_the_function() -> Iterator[None]:
    """F20: a try is given up while its function may still live."""

    def lease(self: Execution, task: Task) -> Lease:
        del task
        return Lease(self.scope.ports.ids.token(), self.scope.ports.clock.now() + 60.0)

    with patch.object(Execution, "lease", lease):
        yield


@contextmanager
def end_owes_nothing() -> Iterator[None]:
    """F21: what follows from the end of a run is done after it, and not stored."""

    real = verbs.ended

    def ended(*about: Any) -> Header:
        return replace(real(*about), active=False)

    with patch.object(end_run, "ended", ended), patch.object(record, "ended", ended):
        yield


@contextmanager
def debts_are_not_stored() -> Iterator[None]:
    """F21: a try's callbacks are called after its record, which does not say so."""

    def settle(scope: Scope, view: View, index: int) -> None:
        shard = view.layout.shard(index)
        owing = callbacks.owing(scope.dag.tasks[index], view.items[shard].entry(index))
        engine_callbacks.pay(scope, view.with_entries({index: owing}), index)

    with patch.object(outcomes, "owing", lambda _, after: after), patch.object(record, "settle", settle):
        yield


@contextmanager
def missed_deadlines_are_not_stored() -> Iterator[None]:
    """F21: whoever misses a deadline takes it away and then calls what it asks for."""

    def miss(scope: Scope, item: Item) -> Item:
        payer = Payer(scope.ports.ids.token(), scope.ports.clock.now())
        late = deadlines.overdue(item.header, payer.since) if item.header else ()
        item, before = amend(scope, item, lambda header: _forgotten(header, payer))
        if before is not None:
            for place, due in late:
                engine_callbacks.pay_deadline(scope, before, place, due)
        return item

    with patch.object(look, "miss_deadlines", miss):
        yield


def _forgotten(header: Header, payer: Payer) -> Header | None:
    after = deadlines.missed(header, payer.since, payer)
    if after is None:
        return None
    active = header.state is RunState.RUNNING or bool(header.owed or after.deadlines)
    return replace(after, owed=header.owed, payer=header.payer, active=active)


def debts_are_paid_by_everybody() -> Any:
    """F21: whoever finds that a run owes something calls it."""
    return patch.object(deliver, "claimed", lambda header, payer: replace(header, payer=payer) if header.owed else None)


def sweep_overlooks_what_is_due() -> Any:
    """F24: the sweep re-sends hints, and does not look for retries that are due."""
    return patch.object(sweep, "look_at_run", lambda _: None)


@contextmanager
def early_timer_is_dropped() -> Iterator[None]:
    """F24: a retry's hint that comes before its time is not sent again."""
    with patch.object(look, "_early", lambda *_: None):
        yield


@contextmanager
def delayed_look_forgets_its_cause() -> Iterator[None]:
    """R2: the hint of a verdict that waits names the task that waits, whose own item may not hold the cause."""

    def arm(scope: Scope, view: View, decision: Any, touched: Any) -> None:
        for index, due in decision.later:
            given = decide.causes(scope.dag, view, index)
            if touched is None or not set(touched).isdisjoint(given):
                send_at(scope, Look(scope.info, (index,)), due)

    with patch.object(advance, "_arm", arm):
        yield


@contextmanager
def skip_stops_at_what_was_not_read() -> Iterator[None]:
    """R2: a branch's request is not followed into an item that has not been read."""
    real = decide._start

    def start(dag: Dag, view: View, moment: Any, index: int, entry: Entry | None) -> Any:
        if entry is not None or decide._skip_requested(dag, view, index) is None:
            return real(dag, view, moment, index, entry)
        waiting = any(decide._unfinished(view, up) for up in dag.graph.upstream[index])
        return None if waiting else view.unread((index,))

    with patch.object(decide, "_start", start):
        yield


def old_images_after_an_instant_end() -> Any:
    """R3: what follows from a task that an advancer ended itself is judged on what it had read before."""
    return patch.object(advance._Advance, "write_all", _write_all_on_old_images)


def _write_all_on_old_images(
    self: advance._Advance, view: View, moment: Any, changes: Any
) -> tuple[View, frozenset[int], bool]:
    fresh, ended = frozenset[int](), False
    for shard, own in advance._by_shard(view, changes):
        closed = decide.close(self.scope.dag, view, moment, own, shard)
        view, consequences = self.write(view, shard, closed, view.epoch)
        fresh |= consequences
        ended = ended or shard_finished(self.scope, shard, view.items[shard])
    return view, fresh, ended


def torn_views_decide() -> Any:
    """R4: decisions are made on items of several epochs."""
    return patch.object(View, "torn", property(lambda _: False))


def unread_is_unfinished() -> Any:
    """R2: an item that has not been read is taken for one where nothing has happened."""
    return patch.object(View, "unread", lambda self, indexes: frozenset())


def end_on_what_was_last_seen() -> Any:
    """R3: whoever finished the last entry of its own item ends the run."""
    return patch.object(end_run, "_moving", lambda view: False)


def running_counts_as_done() -> Any:
    """R2: a conclusion from a task that is still running."""
    real = decide.judge

    def judge(dag: Dag, view: View, index: int, *beat: float) -> TaskState | None:
        found = ((up, view.entry(up)) for up in decide.needs(dag, view, index))
        done = {up: replace(e, state=S.SUCCESS, beat=-1) for up, e in found if e and e.state is S.RUNNING}
        return real(dag, view.with_entries(done), index, *beat)

    return patch.object(decide, "judge", judge)


def setup_guards_only_what_comes_right_after_it() -> Any:
    """R2: a conclusion from direct upstream tasks alone."""
    real = decide.judge

    def judge(dag: Dag, view: View, index: int, *beat: float) -> TaskState | None:
        return real(dag, view, index, *beat) if not dag.guards[task_of(index)] else _unguarded(dag, view, index, *beat)

    return patch.object(decide, "judge", judge)


def _unguarded(dag: Dag, view: View, index: int, beat: float = math.inf) -> TaskState | None:
    return verdict(dag.tasks[task_of(index)].trigger_rule, decide._tally(dag, view, relevant(dag, view, index), beat))


def setup_wakes_only_what_comes_right_after_it() -> Any:
    """R3: whoever ends a setup looks at its direct downstream tasks alone."""
    real = decide._reach

    def reach(dag: Dag, view: View, touched: Collection[int]) -> list[int]:
        near = {down for index in touched for down in dag.graph.downstream[task_of(index)]}
        forgotten = {far for index in touched for far in dag.guarded[task_of(index)]} - near
        return [index for index in real(dag, view, touched) if index not in forgotten]

    return patch.object(decide, "_reach", reach)


def blocks_are_put_by_whoever_expands() -> Any:
    """F17: a block is put whatever is there already, so that a repeated expansion starts instances twice."""

    def change(write: Write) -> Write:
        queues = {entry.state for entry in write.put.values()} == {S.QUEUED}
        first = queues and all(entry.try_number == 1 for entry in write.put.values())
        return replace(write, expect={}, epoch=None) if is_block(write.shard) and first else write

    return _writes(change)


def counts_are_added() -> Any:
    """F17: whoever finishes a block adds its counts to those of the task."""

    def gathered(dag: Dag, view: View, index: int, entry: Entry, now: float) -> Any:
        mapped = entry.mapped
        assert mapped is not None
        found = [view.items[number].entries.values() for number in blocks(index, mapped.length) if number in view.items]
        done = [Counter(e.state for e in block) for block in found if block and all(e.state in FINISHED for e in block)]
        if not done:
            return view.unread((index, *(instance(index, i) for i in range(mapped.length)))) if not found else None
        counts = tuple(n + sum(block[end] for block in done) for end, n in zip(ENDS, mapped.counts, strict=True))
        total = replace(mapped, counts=counts)
        ended = sum(counts) >= mapped.length
        return replace(entry, mapped=total, state=instances._ending(total) if ended else entry.state)

    return patch.object(decide, "gathered", gathered)


@contextmanager
def older_summary_over_a_newer_one() -> Iterator[None]:
    """F17: what a block has come to is assigned to its summary after every record, in any order."""
    real = instances.summarised

    def summarised(view: View, address: int) -> Any:
        found = real(view, address)
        task, block = view.entry(task_of(address)), view.items.get(item_of(instance(task_of(address), 0)))
        if found is not None or task is None or task.mapped is None or block is None:
            return found
        counts = Counter(entry.state for entry in block.entries.values())
        told = Mapped(len(block.entries), tuple(counts[end] for end in ENDS))
        return Entry(S.EXPANDED, mapped=told) if any(told.counts) else None

    def follows(dag: Dag, view: View, address: int, touched: Any) -> Iterator[int]:
        yield from instances.follows(dag, view, address, touched)
        if not is_summary(address):
            yield summary(task_of(address), block_of(address))

    def change(write: Write) -> Write:
        return replace(write, expect={}, epoch=None) if any(map(is_summary, write.put)) else write

    with patch.object(decide, "summarised", summarised), patch.object(decide, "follows", follows), _writes(change):
        yield


@contextmanager
def limit_is_judged_on_a_view() -> Iterator[None]:
    """F11: who gets a slot follows from the tries that a look finds under way."""

    def offer(scope: Scope, view: View, wanted: Any) -> tuple[Any, Any]:
        seen, key = scope.read_instances(scope.read_all()), scope.info.ref.key
        used, got = Counter[Gate](), set()
        for index, entry in ((i, e) for item in seen.items.values() for i, e in item.entries.items()):
            if holds_slots(scope.task(index), entry):
                slots = slots_of(scope.dag, key, scope.ports.pools, index, entry.try_number)
                used.update({slot.gate: slot.count for slot in slots})
        for change in wanted:
            slots = slots_of(scope.dag, key, scope.ports.pools, change.index, change.after.try_number)
            if all(used[slot.gate] + slot.count <= slot.size for slot in slots):
                used.update({slot.gate: slot.count for slot in slots})
                got.add((change.index, change.after.try_number))
        return frozenset(got), frozenset()

    def give_back(scope: Scope, changes: Any) -> Any:
        ended = [change for change in changes if gates._ended(scope, change)]
        return frozenset(slot.gate for c in ended for slot in gates._slots_of(scope, c.index, c.before.try_number))

    with patch.object(advance, "offer", offer), patch.object(record, "give_back", give_back):
        yield


@contextmanager
def slots_have_no_names() -> Iterator[None]:
    """F11: a gate is a number, and nobody can tell which of its slots are dead."""
    with patch.object(gates, "dead", lambda *_, **__: False), patch.object(gates, "_over", lambda *_: False):
        yield


@contextmanager
def slots_are_given_back_after_the_look() -> Iterator[None]:
    """F12: the gate is still full of what has just ended when its end is looked at."""
    ended: list[Any] = []

    def move_on(scope: Scope, view: View, touched: Any, **_: Any) -> None:
        mine = [ended.pop()] if ended else []
        end_run.move_on(scope, view, touched)
        for changes in mine:
            gates.give_back(scope, changes)

    def give_back(_: Scope, changes: Any) -> Any:
        ended.append(changes)
        return frozenset()

    with patch.object(record, "give_back", give_back), patch.object(record, "move_on", move_on):
        yield


def loser_keeps_its_slots() -> Any:
    """F13: who took slots for a try that somebody else has seen to its end keeps them."""
    return patch.object(advance, "give_up", lambda *_: frozenset())


def full_gate_ends_the_search() -> Any:
    """F14: after the first refusal nothing else is tried, not even what holds its slots already."""
    real = core_gates._Room.let_in

    def let_in(self: Any, ask: Any) -> None:
        if not self.refused:
            real(self, ask)

    return patch.object(core_gates._Room, "let_in", let_in)


def repair_knows_only_later_tries() -> Any:
    """F15: a slot is dead only if its task has a later try, which one that was cleared has not."""

    def dead(hold: Any, number: int, entry: Entry, epoch: int, *, holding: bool) -> bool:
        return entry.try_number > number

    return patch.object(gates, "dead", dead)


def slots_outlive_the_epoch() -> Any:
    """F15: whoever took slots before a verb believes in them after it."""
    return patch.object(advance._Advance, "_forget", lambda *_: None)


def nobody_wakes_the_other_run() -> Any:
    """F16: who gives a slot of a pool back looks at its own run alone."""
    return patch.object(gates, "wake", lambda *_: None)


def waits_whatever_became_free() -> Any:
    """F16: a run that found a pool full goes on its list although a slot was given back in between."""
    real = MemoryGates.write

    def write(self: MemoryGates, writes: Any) -> Any:
        return real(self, [replace(write, used=None, expect_waiters={}) for write in writes])

    return patch.object(MemoryGates, "write", write)


def verb_expects_only_what_it_changes() -> Any:
    """R1: what began between a verb's look and its write, on what the verb takes back, is not seen by it."""
    return patch.object(intents, "_expected", lambda _s, _n, _i, _v, changes: {c.index: c.before for c in changes})


def failures_stop_others_and_are_not_stored() -> Any:
    """Section 3: whoever recorded a failure stops the others, and nobody else can know that this is due."""

    def move_on(scope: Scope, view: View, touched: Any, **more: Any) -> None:
        end_run.move_on(scope, view, touched, **more)
        tasks = {task_of(i) for i in touched if view.items[scope.layout.shard(i)].entry(i).state is S.FAILED}
        item = read_header(scope)
        moves = item.header is not None and item.header.state is RunState.RUNNING and item.header.intent is None
        if scope.dag.fail_fast and tasks and moves:
            end_run._stop_others(scope, item, tasks)

    @contextmanager
    def both() -> Iterator[None]:
        with patch.object(outcomes, "halting", lambda _, after: after), patch.object(record, "move_on", move_on):
            yield

    return both()


def block_takes_the_newest_epoch() -> Any:
    """R4: the first write of a block gives it the newest epoch that was seen, not that of the decision."""
    real = advance._Advance.write

    def write(self: Any, view: View, shard: int, changes: Any, epoch: int) -> Any:
        return real(self, view, shard, changes, max(epoch, view.epoch))

    return patch.object(advance._Advance, "write", write)


def everybody_is_the_first_run() -> Any:
    """Who depends on the past does not look for the run before."""
    return patch.object(advance, "read_past", lambda _p, dag, _i: Past(dag.dependents))


def nobody_wakes_the_next_run() -> Any:
    """The end of a task that the next run waits for is left to the sweep."""
    return patch.object(engine_scope, "wake_next", lambda *_: None)


def index_is_believed_at_once() -> Any:
    """A run that has just been created takes what the index does not show yet for what is not there."""
    return patch.object(Runs, "lag_seconds", lambda _: 0.0)


MUTANTS: Final[Mapping[str, Mutant]] = {
    mutant.__name__: mutant
    for mutant in (
        look_before_record,
        fold_what_follows,
        fold_on_an_old_image,
        decide_in_any_epoch,
        claim_whatever_is_there,
        claim_beside_the_state,
        record_without_a_fence,
        clear_starts_tries_anew,
        clear_over_whatever_is_there,
        lost_answer_of_a_claim_is_a_refusal,
        lost_answer_of_a_record_is_a_refusal,
        token_of_the_message,
        end_whatever_came_in_between,
        verb_moves_the_epoch_of_the_header_alone,
        stop_is_a_flag_of_the_header,
        polls_are_not_claimed,
        debts_are_not_stored,
        everybody_dispatches,
        lease_shorter_than_the_function,
        end_owes_nothing,
        missed_deadlines_are_not_stored,
        debts_are_paid_by_everybody,
        sweep_overlooks_what_is_due,
        early_timer_is_dropped,
        delayed_look_forgets_its_cause,
        skip_stops_at_what_was_not_read,
        old_images_after_an_instant_end,
        torn_views_decide,
        unread_is_unfinished,
        end_on_what_was_last_seen,
        running_counts_as_done,
        blocks_are_put_by_whoever_expands,
        counts_are_added,
        older_summary_over_a_newer_one,
        setup_guards_only_what_comes_right_after_it,
        setup_wakes_only_what_comes_right_after_it,
        limit_is_judged_on_a_view,
        slots_have_no_names,
        slots_are_given_back_after_the_look,
        loser_keeps_its_slots,
        full_gate_ends_the_search,
        repair_knows_only_later_tries,
        slots_outlive_the_epoch,
        nobody_wakes_the_other_run,
        waits_whatever_became_free,
        verb_expects_only_what_it_changes,
        failures_stop_others_and_are_not_stored,
        block_takes_the_newest_epoch,
        everybody_is_the_first_run,
        nobody_wakes_the_next_run,
        index_is_believed_at_once,
    )
}
"""By name; each is a context in which the engine makes that mistake."""
