"""What an outcome makes of the entry of its try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from leeward.core.address import instance, map_index_of, task_of
from leeward.core.callbacks import owing
from leeward.core.dag import Dag
from leeward.core.decide import Change, Moment, retry_seed
from leeward.core.facts import Deferred, Failed, Outcome, Raised, Skipped, Succeeded
from leeward.core.fail_fast import halting
from leeward.core.retry import after_failure, ruling
from leeward.core.run import Entry
from leeward.core.states import TaskState

RETURN_VALUE: Final = "return_value"


def recorded(dag: Dag, moment: Moment, index: int, entry: Entry, result: Outcome) -> Change:
    """The change that records what a running or deferred try did, and what it owes."""
    change = _recorded(dag, moment, index, entry, result)
    return replace(change, after=halting(dag, owing(dag.tasks[task_of(index)], change.after)))


def _recorded(dag: Dag, moment: Moment, index: int, entry: Entry, result: Outcome) -> Change:
    match result:
        case Succeeded():
            after = _ended(entry, TaskState.SUCCESS, moment.now, _skipped(dag, index, result.skip))
            after = replace(after, pushed=_pushed(dag, index, result))
            return Change(index, entry, after, "body returned")
        case Skipped():
            after = _ended(entry, TaskState.SKIPPED, moment.now)
            return Change(index, entry, after, "body skipped itself")
        case Deferred():
            due = moment.now + result.poll_seconds
            after = replace(entry, state=TaskState.DEFERRED, until=due)
            return Change(index, entry, after, "job started, waiting")
    return _failed(dag, moment, index, entry, result)


def mappable(dag: Dag, index: int, result: Outcome) -> Outcome:
    """The outcome, or a failure if something is mapped over the task and what it returned can't be: Airflow's rules.

    Instances of a mapped task may push anything, or nothing: what is mapped over them is the list of what they pushed.
    """
    if index not in dag.mapped_over or not isinstance(result, Succeeded):
        return result
    value = result.xcoms.get(RETURN_VALUE)
    kept = {key: item for key, item in result.xcoms.items() if key != RETURN_VALUE}
    if value is None:
        told = "LW420 nothing was pushed, and another task is mapped over it"
        return Failed(told, xcoms=kept, raised=Raised())
    if isinstance(value, str) or not isinstance(value, (Sequence, Mapping)):
        told = f"LW420 a {type(value).__name__} can't be mapped over: return a list or a mapping"
        return Failed(told, xcoms=kept, raised=Raised())
    if len(value) > dag.max_map_length:
        told = f"LW421 {len(value)} values to map over are more than max_map_length, {dag.max_map_length}"
        return Failed(told, xcoms=kept, raised=Raised())
    return result


def _pushed(dag: Dag, index: int, result: Succeeded) -> int | None:
    """How many values there are to map over: those of a list, or whether an instance pushed one."""
    if task_of(index) not in dag.mapped_over or RETURN_VALUE not in result.xcoms:
        return None
    value = result.xcoms[RETURN_VALUE]
    return 1 if map_index_of(index) >= 0 or not isinstance(value, (Sequence, Mapping)) else len(value)


def _skipped(dag: Dag, index: int, names: Iterable[str]) -> frozenset[int]:
    """What a branch asks to be skipped. An instance of a mapped one reaches those of its map index in its group alone."""
    found = {dag.index[name] for name in names}
    here = map_index_of(index)
    if here < 0:
        return frozenset(found)
    return frozenset(instance(each, here) for each in found & dag.companions[task_of(index)])


def _failed(dag: Dag, moment: Moment, index: int, entry: Entry, result: Failed) -> Change:
    task = dag.tasks[task_of(index)]
    seed = retry_seed(moment.info, task.task_id)
    rule = ruling(task.retry, result.raised)
    after = after_failure(task.retry, entry, seed, moment.now, retryable=result.retryable, rule=rule)
    left = "no try left" if after.state is TaskState.FAILED else "tries left"
    why = f" ({rule.action}: {rule.reason})" if rule.reason and result.retryable else ""
    return Change(index, entry, after, f"body failed, {left}{why}")


def _ended(entry: Entry, state: TaskState, now: float, skip: frozenset[int] = frozenset()) -> Entry:
    return replace(entry, state=state, owner="", end=now, until=None, polls=0, skip=skip)
