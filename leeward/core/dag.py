"""A compiled DAG: frozen values, with no trace of the YAML they came from.

Tasks stand in topological order, ties in the order of the spec; a task's *index* is its place there and is what
stored state refers to. `arguments` are plain JSON values; text in them may still hold Jinja templates, and a value
that JSON cannot say is a mapping with `__type__` (`datetime.timedelta`, ...), built where the task runs. A mapping with
`__xcom__` (a task id) and `key` stands for the XCom that the task pushed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final, TypeAlias

from leeward.contract import DEFAULT_MAX_MAP_LENGTH
from leeward.core.graph import Graph
from leeward.core.setups import Scopes

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"

UNBOUNDED: Final = 2**31 - 1
"""More than anything that is counted."""

XCOM: Final = "__xcom__"
"""The key of a mapping that stands for an XCom."""

DEFAULT_POOL: Final = "default_pool"
"""The pool of tasks that name none. It limits nothing unless the installation gives it a size."""


class TriggerRule(StrEnum):
    """Airflow's thirteen trigger rules; what each means stands in `rules`."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    ONE_DONE = "one_done"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    NONE_SKIPPED = "none_skipped"
    ALL_SKIPPED = "all_skipped"
    ALWAYS = "always"


class SkipScope(StrEnum):
    """Which tasks an operator may ask to be skipped when it succeeds."""

    NOTHING = "nothing"
    DIRECT = "direct"
    """Some or all of its direct downstream tasks (BranchPythonOperator, ShortCircuitOperator that respects rules)."""
    ALL = "all"
    """Every task downstream of it, whatever their trigger rules (ShortCircuitOperator by default)."""


class RetryAction(StrEnum):
    """What a rule about exceptions asks for, by Airflow's names: DEFAULT = as if there were no rule."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What follows a failure by one of these exceptions (import paths), or by a subclass if `match_subclasses`."""

    exceptions: tuple[str, ...]
    action: RetryAction = RetryAction.RETRY
    delay_seconds: float | None = None
    reason: str | None = None
    match_subclasses: bool = True


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed try is repeated, and after how long.

    `delay_seconds` and `max_delay_seconds` are seconds; `multiplier` is Airflow's `retry_exponential_backoff`
    (0 = constant delay; YAML's `true` means 2.0). The first of `rules` that matches the exception decides, `otherwise` if
    none does: Airflow's ExceptionRetryPolicy.
    """

    retries: int = 0
    delay_seconds: float = 300.0
    multiplier: float = 0.0
    max_delay_seconds: float | None = None
    rules: tuple[RetryRule, ...] = ()
    otherwise: RetryAction = RetryAction.DEFAULT

    @property
    def exceptions(self) -> tuple[str, ...]:
        """The exceptions that rules speak of."""
        return tuple(dict.fromkeys(path for rule in self.rules for path in rule.exceptions))


class WeightRule(StrEnum):
    """What a task's priority is made of: its own weight, and those of all tasks after or before it."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"


class CallbackEvent(StrEnum):
    """What a callback is for: Airflow's `on_EVENT_callback`."""

    EXECUTE = "execute"
    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Callback:
    """What is called: an import path, or a mapping with `file` and `name`; `kwargs` go beside the context.

    A class (a notifier) is made with `kwargs`, and called with the context alone.
    """

    target: Json
    kwargs: Mapping[str, Json] = field(default_factory=dict)


Callbacks: TypeAlias = Mapping[CallbackEvent, tuple[Callback, ...]]


class DeadlineReference(StrEnum):
    """What a deadline is counted from, by Airflow's names."""

    DAGRUN_LOGICAL_DATE = "DAGRUN_LOGICAL_DATE"
    DAGRUN_QUEUED_AT = "DAGRUN_QUEUED_AT"
    FIXED_DATETIME = "FIXED_DATETIME"
    AVERAGE_RUNTIME = "AVERAGE_RUNTIME"


@dataclass(frozen=True, slots=True)
class DeadlineAlert:
    """A time by which a run is to have succeeded, and what is called if it has not.

    The time is `interval_seconds`, which may be negative, after what `reference` names: for FIXED_DATETIME `moment` (ISO
    8601 with offset), for AVERAGE_RUNTIME the mean of the last `max_runs` completed runs, if there are `min_runs`. An
    asynchronous callback is `awaited`.
    """

    reference: DeadlineReference
    interval_seconds: float
    callback: Callback
    awaited: bool = False
    name: str | None = None
    moment: str | None = None
    max_runs: int = 10
    min_runs: int = 10


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a task or a task group is mapped over: arguments and their sources, in the order of the spec.

    Several are a cross product in which the last argument changes fastest. With `kwargs` there is one source, without a
    name, whose items are whole mappings of arguments (Airflow's `expand_kwargs`). What a source is stands in `sources`.
    """

    inputs: tuple[tuple[str, Json], ...]
    kwargs: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `operator` is the catalogue's name for it, or the import path of a user's own class.

    `task_id` carries its group prefix. `upstream` holds full task ids. `instant` marks a task without a body (an
    EmptyOperator): it succeeds the moment its rule is met. `execution_timeout_seconds` bounds one try. `param_schemas` are
    the JSON Schemas of those params that have one; `render_template_as_native_obj` is None where the DAG decides.
    `start_date` and `end_date` are ISO 8601 with offset. `on_failure_fail_dagrun` says that a teardown counts for the state
    of the run. `expand` is what the task itself is mapped over; at most `instances_per_call` instances share one call of the
    worker. `max_active_tis_per_dag` and `_per_dagrun` bound how many instances of the task are under way at once, in all
    runs and in one; each takes `pool_slots` of its pool. `depends_on_past` and what belongs to it stand in `past`.
    """

    task_id: str
    operator: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    retry: RetryPolicy = RetryPolicy()
    execution_timeout_seconds: float | None = None
    skip_scope: SkipScope = SkipScope.NOTHING
    instant: bool = False
    do_xcom_push: bool = True
    params: Mapping[str, Json] = field(default_factory=dict)
    param_schemas: Mapping[str, Json] = field(default_factory=dict)
    render_template_as_native_obj: bool | None = None
    owner: str = "airflow"
    group: str | None = None
    doc: str | None = None
    callbacks: Callbacks = field(default_factory=dict)
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    start_date: str | None = None
    end_date: str | None = None
    expand: Expansion | None = None
    map_index_template: str | None = None
    instances_per_call: int = 1
    pool: str | None = None
    pool_slots: int = 1
    priority_weight: int = 1
    weight_rule: WeightRule = WeightRule.DOWNSTREAM
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    depends_on_past: bool = False
    wait_for_downstream: bool = False
    ignore_first_depends_on_past: bool = False
    wait_for_past_depends_before_skipping: bool = False

    @property
    def own_limits(self) -> bool:
        """Whether it bounds its own instances."""
        return self.max_active_tis_per_dag is not None or self.max_active_tis_per_dagrun is not None

    @property
    def waits_without_slots(self) -> bool:
        """Whether it gives its slots back while it waits, as what waits without a worker does in Airflow."""
        return self.arguments.get("deferrable") is True or self.arguments.get("mode") == "reschedule"


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """A task group, for pictures, for branches that name it, and to be mapped. `group_id` is the full, dotted id."""

    group_id: str
    parent: str | None = None
    tooltip: str = ""
    expand: Expansion | None = None


@dataclass(frozen=True)
class Dag:
    """One DAG as compiled. `schedule` is the normalised schedule as plain JSON (see `leeward.spec.schedule`).

    `schedule_text` is the schedule as it was written, where that is a text and not "none": templates see it.
    `start_date` and `end_date` are ISO 8601 with offset. `timezone` is that of the start date, an IANA name or an offset
    such as `+01:00`: tasks that look at the clock look at it there. `source` is the path of the spec as the author knows
    it, `bundle` the hash of the modules beside it (empty: they lie in a folder, or there are none), `template_searchpath`
    folders there where templates find others. In `user_defined_macros` a mapping with `__import__` stands for what that
    path names, as every one of `user_defined_filters` does. `template_undefined` is Jinja's name of a class. `asks_history`
    says that the spec, or a file beside it, speaks of the run before (`prev_start_date_success` and its kin).
    `bounds_runs` says that `max_active_runs` is kept: a DAG that does not state it, and does not make up for runs that were
    missed, pays nothing for it.
    """

    dag_id: str
    tasks: tuple[Task, ...]
    groups: tuple[TaskGroup, ...] = ()
    schedule: Json = None
    schedule_text: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    timezone: str = "UTC"
    catchup: bool = False
    dagrun_timeout_seconds: float | None = None
    max_active_runs: int = 16
    bounds_runs: bool = False
    max_consecutive_failed_dag_runs: int = 0
    params: Mapping[str, Json] = field(default_factory=dict)
    param_schemas: Mapping[str, Json] = field(default_factory=dict)
    description: str = ""
    display_name: str = ""
    doc_md: str | None = None
    tags: tuple[str, ...] = ()
    render_template_as_native_obj: bool = False
    user_defined_macros: Mapping[str, Json] = field(default_factory=dict)
    user_defined_filters: Mapping[str, Json] = field(default_factory=dict)
    jinja_environment_kwargs: Mapping[str, Json] = field(default_factory=dict)
    template_undefined: str = "StrictUndefined"
    asks_history: bool = False
    template_searchpath: tuple[str, ...] = ()
    is_paused_upon_creation: bool = False
    source: str = ""
    bundle: str = ""
    callbacks: Callbacks = field(default_factory=dict)
    max_map_length: int = DEFAULT_MAX_MAP_LENGTH
    deadlines: tuple[DeadlineAlert, ...] = ()
    max_active_tasks: int | None = None
    fail_fast: bool = False

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Index of every task id."""
        return {task.task_id: i for i, task in enumerate(self.tasks)}

    @cached_property
    def graph(self) -> Graph:
        """The edges between task indexes."""
        return Graph(tuple(tuple(self.index[up] for up in task.upstream) for task in self.tasks))

    @cached_property
    def skippers(self) -> tuple[tuple[int, ...], ...]:
        """For every task, the tasks that may ask it to be skipped."""
        found: list[list[int]] = [[] for _ in self.tasks]
        for index, task in enumerate(self.tasks):
            if task.skip_scope is SkipScope.NOTHING:
                continue
            everything = task.skip_scope is SkipScope.ALL
            for down in self.graph.descendants((index,)) if everything else self.graph.downstream[index]:
                found[down].append(index)
        return tuple(map(tuple, found))

    @cached_property
    def calls_back(self) -> bool:
        """Whether a task has callbacks."""
        return any(task.callbacks for task in self.tasks)

    @cached_property
    def dependents(self) -> frozenset[int]:
        """The tasks that wait for the run before."""
        return frozenset(i for i, task in enumerate(self.tasks) if task.depends_on_past)

    @cached_property
    def awaited(self) -> frozenset[int]:
        """The tasks whose ends the next run waits for."""
        below = (self.graph.downstream[i] for i in self.dependents if self.tasks[i].wait_for_downstream)
        return self.dependents.union(*below)

    @cached_property
    def scopes(self) -> Scopes:
        """What lies between setups and their teardowns."""
        return Scopes(
            self.graph,
            frozenset(i for i, task in enumerate(self.tasks) if task.is_setup),
            frozenset(i for i, task in enumerate(self.tasks) if task.is_teardown),
        )

    @cached_property
    def guards(self) -> tuple[tuple[int, ...], ...]:
        """For every task, the setups that must succeed besides what its trigger rule asks of its direct upstream tasks."""
        free = frozenset(i for i, task in enumerate(self.tasks) if task.trigger_rule is TriggerRule.ALWAYS)
        return self.scopes.guards(free)

    @cached_property
    def guarded(self) -> tuple[tuple[int, ...], ...]:
        """For every task, the tasks that it guards."""
        return Graph(self.guards).downstream

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """The tasks whose states are the run's."""
        counted = (i for i, task in enumerate(self.tasks) if task.on_failure_fail_dagrun)
        return self.scopes.leaves(frozenset(counted))

    @cached_property
    def spans(self) -> Mapping[tuple[datetime | None, datetime | None], frozenset[int]]:
        """From when to when, by logical dates, runs have the tasks that have dates of their own."""
        found: dict[tuple[datetime | None, datetime | None], set[int]] = {}
        for index, task in enumerate(self.tasks):
            if task.start_date or task.end_date:
                start, end = (datetime.fromisoformat(d) if d else None for d in (task.start_date, task.end_date))
                found.setdefault((start, end), set()).add(index)
        return {span: frozenset(tasks) for span, tasks in found.items()}

    @cached_property
    def expansions(self) -> tuple[Expansion | None, ...]:
        """For every task, what it is mapped over, itself or as part of a mapped group."""
        groups = {group.group_id: group for group in self.groups}
        return tuple(task.expand or _around(groups, task.group) for task in self.tasks)

    @cached_property
    def companions(self) -> tuple[frozenset[int], ...]:
        """For every task, the tasks of the mapped group that it is part of; nothing outside of mapped groups."""
        groups = {group.group_id: group for group in self.groups}
        places = [_mapped_group(groups, task.group) for task in self.tasks]
        inside = {name: frozenset(i for i, place in enumerate(places) if place == name) for name in {*places} - {None}}
        return tuple(inside.get(place, frozenset()) for place in places)

    @cached_property
    def limited(self) -> bool:
        """Whether it states any limit on its task instances."""
        return self.max_active_tasks is not None or any(task.own_limits or task.pool for task in self.tasks)

    @cached_property
    def crowd(self) -> int:
        """No more task instances of a run than this are ever under way at once, whatever is cleared in it but single tasks.

        An upper bound: the tasks are cut into chains, each of tasks that wait for the one before them.
        """
        if any(self.expansions):
            return UNBOUNDED
        chains, ends = 0, set[int]()
        for index, task in enumerate(self.tasks):
            if task.instant:
                continue
            before = set() if task.trigger_rule in _HASTY else ends & {*self.graph.upstream[index]}
            chains += not before
            ends -= {min(before, default=index)}
            ends.add(index)
        return chains

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """The priority of every task, as Airflow's weight rules make it: greater goes first."""
        own = [task.priority_weight for task in self.tasks]
        return tuple(_clamped(own[i] + sum(own[other] for other in self._counted(i))) for i in range(len(self.tasks)))

    def _counted(self, index: int) -> frozenset[int]:
        """The tasks whose weights add to a task's own."""
        match self.tasks[index].weight_rule:
            case WeightRule.DOWNSTREAM:
                return self.graph.descendants((index,))
            case WeightRule.UPSTREAM:
                return self.graph.ancestors(index)
        return frozenset()

    @cached_property
    def mapped_over(self) -> frozenset[int]:
        """The tasks whose return value something is mapped over."""
        return frozenset(self.index[name] for each in self.expansions if each for name in xcoms_of(each))

    def task(self, task_id: str) -> Task:
        """The task of that id; KeyError if there is none."""
        return self.tasks[self.index[task_id]]


_HASTY: Final = frozenset({TriggerRule.ONE_SUCCESS, TriggerRule.ONE_FAILED, TriggerRule.ONE_DONE, TriggerRule.ALWAYS})
"""Rules that don't wait for every upstream task."""


def _clamped(weight: int) -> int:
    """Airflow keeps priorities in a signed 32-bit column."""
    return max(-UNBOUNDED - 1, min(UNBOUNDED, weight))


def _mapped_group(groups: Mapping[str, TaskGroup], name: str | None) -> str | None:
    """The innermost mapped group around something in that group."""
    while name is not None and groups[name].expand is None:
        name = groups[name].parent
    return name


def _around(groups: Mapping[str, TaskGroup], name: str | None) -> Expansion | None:
    found = _mapped_group(groups, name)
    return None if found is None else groups[found].expand


def xcoms_of(value: Expansion | Json) -> Iterator[str]:
    """The tasks whose XComs a source, or all sources of an expansion, take."""
    if isinstance(value, Expansion):
        for _, source in value.inputs:
            yield from xcoms_of(source)
    elif isinstance(value, Mapping):
        if XCOM in value:
            yield str(value[XCOM])
        for part in value.values():
            yield from xcoms_of(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from xcoms_of(part)
