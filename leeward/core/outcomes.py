"""What an outcome makes of the entry of its try."""

from __future__ import annotations

from dataclasses import replace

from leeward.core.callbacks import owing
from leeward.core.dag import Dag
from leeward.core.decide import Change, Moment, retry_seed
from leeward.core.facts import Deferred, Failed, Outcome, Skipped, Succeeded
from leeward.core.retry import after_failure
from leeward.core.run import Entry
from leeward.core.states import TaskState


def recorded(dag: Dag, moment: Moment, index: int, entry: Entry, result: Outcome) -> Change:
    """The change that records what a running or deferred try did, and what it owes."""
    change = _recorded(dag, moment, index, entry, result)
    return replace(change, after=owing(dag.tasks[index], change.after))


def _recorded(dag: Dag, moment: Moment, index: int, entry: Entry, result: Outcome) -> Change:
    match result:
        case Succeeded():
            skip = frozenset(dag.index[task_id] for task_id in result.skip)
            after = _ended(entry, TaskState.SUCCESS, moment.now, skip)
            return Change(index, entry, after, "body returned")
        case Skipped():
            after = _ended(entry, TaskState.SKIPPED, moment.now)
            return Change(index, entry, after, "body skipped itself")
        case Deferred():
            due = moment.now + result.poll_seconds
            after = replace(entry, state=TaskState.DEFERRED, until=due)
            return Change(index, entry, after, "job started, waiting")
    return _failed(dag, moment, index, entry, result)


def _failed(dag: Dag, moment: Moment, index: int, entry: Entry, result: Failed) -> Change:
    task = dag.tasks[index]
    seed = retry_seed(moment.info, task.task_id)
    after = after_failure(task.retry, entry, seed, moment.now, retryable=result.retryable)
    left = "no try left" if after.state is TaskState.FAILED else "tries left"
    return Change(index, entry, after, f"body failed, {left}")


def _ended(entry: Entry, state: TaskState, now: float, skip: frozenset[int] = frozenset()) -> Entry:
    return replace(entry, state=state, owner="", end=now, until=None, polls=0, skip=skip)
