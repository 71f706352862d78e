"""What was stored of a run at a moment, rebuilt from the lines of its event log up to that moment.

Lines come from many functions, and a slow one may write its line after those of changes that follow. So the lines of one
entry are not taken by their times alone but chained: each goes on from the state in which the one before it ended. Whoever
holds the stored state itself (the table, for the present moment) gives that, and takes from the log what it tells beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from leeward.core.address import blocks, summaries
from leeward.core.dag import Dag
from leeward.core.errors import UsageError
from leeward.core.lines import DEADLINE_MISSED, Line, seconds_of
from leeward.core.run import Entry, Header, Item, RunInfo, RunRef, RunType
from leeward.core.states import RUN_FINISHED, RunState, TaskState
from leeward.core.view import Layout, View


@dataclass(frozen=True, slots=True)
class Told:
    """What the log tells of a task instance: its last change, and what it has waited for since then."""

    last: Line | None = None
    waits: tuple[Line, ...] = ()


UNTOLD: Final = Told()


@dataclass(frozen=True, slots=True)
class Stored:
    """One run at a moment: what was stored, what the log tells of task instances (by address), the run's last line."""

    info: RunInfo
    view: View
    told: Mapping[int, Told] = field(default_factory=dict)
    run: Line | None = None

    def of(self, address: int) -> Told:
        """What the log tells of a task instance; only as far as it is about the entry that is stored."""
        told, entry = self.told.get(address, UNTOLD), self.view.entry(address)
        if entry is None or (told.last is not None and not _about(told.last, entry)):
            told = replace(told, last=None)
        return replace(told, waits=tuple(line for line in told.waits if entry is not None and _about(line, entry)))


def _about(line: Line, entry: Entry) -> bool:
    return (line.after, line.try_number) == (entry.state.value, entry.try_number)


def info_of(dag_id: str, lines: Iterable[Mapping[str, Any]]) -> RunInfo:
    """What a run is about, as far as the line of its creation says. Raises UsageError LW332 where there is none."""
    first = next((line for line in lines if line.get("from", "") is None and "version" in line), None)
    if first is None:
        raise UsageError("LW332", f"the log does not tell how this run of {dag_id} began")
    logical_date = first.get("logical_date")
    return RunInfo(
        RunRef(dag_id, str(first["run_id"]), str(first["version"])),
        RunType(str(first["run_type"])),
        logical_date,
        logical_date,
        logical_date,
        run_after=str(first["at"]),
        created=seconds_of(first["at"]),
    )


def rebuilt(dag: Dag, info: RunInfo, lines: Iterable[Line], moment: float) -> Stored:
    """The run as it was stored at a moment. Without a line up to then there was no run: its view has no header."""
    log = _read(line for line in lines if line.at <= moment)
    view = View(Layout(len(dag.tasks)), header=_header(log.run))
    items: dict[int, dict[int, Entry]] = {}
    for address, told in log.told.items():
        if told.last is not None and told.last.entry is not None:
            items.setdefault(view.layout.shard(address), {})[address] = told.last.entry
    view = replace(view, items={number: Item(entries=found) for number, found in items.items()})
    return Stored(info, whole(dag, view), log.told, log.last)


def beside(stored: Stored, lines: Iterable[Line], moment: float) -> Stored:
    """What is stored, with what the log tells beside it."""
    log = _read(line for line in lines if line.at <= moment)
    return replace(stored, told=log.told, run=log.last)


def whole(dag: Dag, view: View) -> View:
    """The view with an empty item wherever nothing was ever written, so that nothing counts as unread."""
    wanted = [*range(view.layout.shards)]
    for index in range(len(dag.tasks)):
        entry = view.entry(index)
        width = 0 if entry is None or entry.mapped is None else max(entry.width, entry.mapped.length)
        wanted += [*blocks(index, width), *summaries(index, width)]
    epoch = max((item.epoch for item in view.items.values()), default=0)
    empty = {number: Item(epoch=epoch) for number in wanted if number not in view.items}
    return replace(view, items={**view.items, **empty})


@dataclass(frozen=True, slots=True)
class _Log:
    """The run's own changes in their order, and by address what is told of task instances."""

    run: Sequence[Line]
    told: Mapping[int, Told]

    @property
    def last(self) -> Line | None:
        return self.run[-1] if self.run else None


def _read(lines: Iterable[Line]) -> _Log:
    run: list[Line] = []
    groups: dict[int, list[Line]] = {}
    for line in (each for each in lines if each.cause != DEADLINE_MISSED):
        (run if line.address is None else groups.setdefault(line.address, [])).append(line)
    return _Log([*_chained(run, None)], {address: _told(found) for address, found in groups.items()})


def _told(lines: Sequence[Line]) -> Told:
    changes = [*_chained([line for line in lines if not line.waits], TaskState.NONE.value)]
    last = changes[-1] if changes else None
    return Told(last, _latest(line for line in lines if line.waits and (last is None or line.epoch >= last.epoch)))


def _latest(waits: Iterable[Line]) -> tuple[Line, ...]:
    """The last word on each limit, and on the past."""
    return tuple({(line.cause, line.gate): line for line in sorted(waits, key=lambda line: line.at)}.values())


def _chained(lines: Sequence[Line], start: str | None) -> Iterator[Line]:
    """Lines of one entry in the order of their changes: epoch by epoch, try by try, each from where the last one ended.

    Where a line is missing its successor goes on all the same; what is older than what is known by then changes nothing.
    """
    state = start
    groups: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.epoch, line.try_number), []).append(line)
    for number in sorted(groups):
        left = sorted(groups[number], key=lambda line: (line.before != line.after, line.at))
        known = float("-inf")
        while left:
            fits = next((line for line in left if line.before == state), None)
            line = fits or min(left, key=lambda each: each.at)
            left.remove(line)
            if fits is None and line.at <= known:
                continue
            state, known = line.after, max(known, line.at)
            yield line


def _header(changes: Sequence[Line]) -> Header | None:
    """The header, as far as the log tells of it: what a run's end owes, and verbs on their way, are not told."""
    if not changes:
        return None
    last, state = changes[-1], RunState(changes[-1].after)
    began = next((line.at for line in changes if line.after == RunState.RUNNING), None)
    over = state in RUN_FINISHED
    return Header(state, began, last.at if over else None, active=not over)
