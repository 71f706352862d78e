"""The compiler: YAML text in, DAGs and every mistake out. Pure; it opens no file and imports no code of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from leeward.contract import DEFAULT_MAX_MAP_LENGTH
from leeward.core.dag import DEFAULT_POOL, Dag, Json, Task, TaskGroup
from leeward.spec.callbacks import OF_DAG, read_callbacks
from leeward.spec.catalogue import Catalogue
from leeward.spec.check import check_keys
from leeward.spec.dates import Calendar
from leeward.spec.deadlines import read_deadlines
from leeward.spec.defaults import disagreements, effective
from leeward.spec.diagnostics import Report
from leeward.spec.docs import ReadText, read_doc
from leeward.spec.groups import Groups, read_groups
from leeward.spec.keys import KEYS, Level
from leeward.spec.macros import check_use, read_filters, read_macros, read_options, read_searchpath, read_undefined
from leeward.spec.mapped import check_mapping
from leeward.spec.members import check_id, members, text_of
from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table
from leeward.spec.params import check_defaults, read_params
from leeward.spec.schedule import Defaults, compile_schedule
from leeward.spec.special import as_timedelta, fold
from leeward.spec.tasks import TaskReader, TaskSpec, Variables, check_fail_fast
from leeward.spec.text import parse
from leeward.spec.wire import full_ids, wire

POOLS: Final = "LW150"
"""The code of mistakes that a deployment may mend, without a new drop."""

_RESERVED: Final = frozenset({"default", "vars"})


@dataclass(frozen=True, slots=True)
class Compiled:
    """The DAGs without errors, in the order of the file, and the report of the whole pass.

    A file that can't be read as YAML without doubt (a repeated key, a tag) gives no DAG at all.
    """

    dags: tuple[Dag, ...]
    report: Report


@dataclass(frozen=True, slots=True)
class _World:
    """What a compilation is given besides the text."""

    catalogue: Catalogue
    now: datetime
    variables: Variables | None
    file: str
    root: str
    read: ReadText
    data_intervals: bool
    pools: Mapping[str, int] | None


def compile_spec(
    text: str,
    file: str,
    catalogue: Catalogue,
    *,
    now: datetime,
    env: Mapping[str, str],
    defaults: Sequence[tuple[str, str]] = (),
    variables: Callable[[str], str | None] | None = None,
    data_intervals: bool = False,
    pools: Mapping[str, int] | None = None,
    read: ReadText = lambda _: None,
) -> Compiled:
    """Compile a spec. `defaults` are (file name, text) of the defaults files, from the root down to the spec's folder.

    `env` replaces `$NAME`; `variables` looks Airflow variables up (for `variables_as_arguments`). `data_intervals` is
    Airflow's `[scheduler] create_cron_data_intervals`: what schedules without a timetable of their own mean. `pools` holds
    the slots of the installation's pools, None where it is not known which those are; `read` finds files beside the spec.
    """
    report = Report()
    document = _read(text, file, report, env)
    files = [found for name, body in defaults if (found := _read(body, name, report, env)) is not None]
    if document is None:
        return Compiled((), report)
    unreadable = bool(report.errors)
    world = _World(catalogue, now, variables, file, env.get("CONFIG_ROOT_DIR", ""), read, data_intervals, pools)
    block = document.get("default")
    dags = [
        dag
        for dag_id, mark, node in _dags(document, report)
        if (dag := _compile(dag_id, mark, node, _table(block), files, world, report)) is not None
    ]
    return Compiled(() if unreadable else tuple(dags), report)


def _read(text: str, file: str, report: Report, env: Mapping[str, str]) -> Table | None:
    document = parse(text, file, report, env)
    folded = None if document is None else fold(document, report)
    return folded if isinstance(folded, Table) else None


def _table(node: Node | None) -> Table | None:
    return node if isinstance(node, Table) else None


def _dags(document: Table, report: Report) -> list[tuple[str, Mark, Table]]:
    """The DAGs of a file: each key but the reserved ones, or the file itself where it has `dag_id` and `tasks`."""
    if isinstance(document.get("dag_id"), Scalar) and "tasks" in document.items:
        name = document.items["dag_id"]
        return [(text_of(name) or "", name.mark, document)]
    found: list[tuple[str, Mark, Table]] = []
    for key, node in document.items.items():
        mark = document.key_mark(key)
        if key in _RESERVED:
            continue
        if key == "task_groups":
            report.error(mark, "LW125", "task_groups can't be the id of a DAG", "put it below a DAG")
        elif not isinstance(node, Table):
            report.error(mark, "LW126", f"{key!r} is no DAG", "a DAG is a mapping with the key tasks")
        elif check_id(key, mark, "the DAG id", report):
            found.append((key, mark, node))
    return found


def _compile(
    dag_id: str,
    mark: Mark,
    node: Table,
    block: Table | None,
    files: Sequence[Table],
    world: _World,
    report: Report,
) -> Dag | None:
    before = len(report.errors)
    for key, place in disagreements(block, files):
        report.warning(place, "LW200", f"{key} differs from the one in the default block", "the block wins")
    keys = check_keys(effective(node, block, files), Level.DAG, report)
    if text_of(keys.get("dag_id")) not in (None, dag_id):
        report.warning(keys["dag_id"].mark, "LW203", f"dag_id differs from the key {dag_id!r}", "the key is the id")
    if "tasks" not in keys:
        report.error(mark, "LW127", f"the DAG {dag_id!r} has no tasks", "write tasks: with a list of tasks")
    arguments = _default_args(keys.get("default_args"), world.catalogue, report)
    groups = read_groups(keys.get("task_groups"), report)
    calendar = Calendar(world.now, keys.get("timezone"), report)
    group_args = _group_args(groups, world.catalogue, report)
    reader = TaskReader(world.catalogue, report, arguments, world.variables, calendar, group_args)
    specs = _tasks(keys.get("tasks"), groups, reader)
    tasks = wire(specs, groups, report)
    check_mapping(specs, groups, report)
    _check_pools(specs, world.pools, report)
    if _true(keys.get("fail_fast")):
        check_fail_fast(specs, report)
    macros = read_macros(keys.get("user_defined_macros"), report)
    filters = read_filters(keys.get("user_defined_filters"), report)
    ours = [(spec.task, spec.mark) for spec in specs if not world.catalogue.runs_user_code(spec.task.operator)]
    check_use(macros, filters, ours, report)
    dag = _dag(dag_id, keys, arguments, tasks, groups.compiled(full_ids(specs, groups)), calendar, world)
    folders = read_searchpath(keys.get("template_searchpath"), world.root, report)
    dag = replace(
        dag,
        user_defined_macros=macros,
        user_defined_filters=filters,
        jinja_environment_kwargs=read_options(keys.get("jinja_environment_kwargs"), report),
        template_undefined=read_undefined(keys.get("template_undefined"), report),
        template_searchpath=folders,
        doc_md=read_doc(keys, world.root, world.read, report),
    )
    return dag if len(report.errors) == before else None


def _check_pools(specs: Sequence[TaskSpec], pools: Mapping[str, int] | None, report: Report) -> None:
    """A task of a pool that is not there, or that is too small for it, could never run."""
    if pools is None:
        return
    for spec in specs:
        name, slots = spec.task.pool or DEFAULT_POOL, spec.task.pool_slots
        size = pools.get(name, slots if name == DEFAULT_POOL else 0)
        if slots > size:
            has = f"has {size} slots" if name in pools else "is not there"
            message = f"the task {spec.name!r} takes {slots} slots of the pool {name!r}, which {has}"
            report.error(spec.mark, POOLS, message, "pools and their slots stand in cdk.json")


def _tasks(node: Node | None, groups: Groups, reader: TaskReader) -> list[TaskSpec]:
    found: list[TaskSpec] = []
    for member in members(node, "task_id", reader.report):
        group = text_of(member.node.get("task_group_name"))
        if group is not None and group not in groups.by_name:
            if groups.by_name:
                place = member.node.items["task_group_name"].mark
                reader.report.error(place, "LW131", f"there is no group {group!r}")
            group = None
        found.append(reader.read(member, group))
    return found


def _default_args(node: Node | None, catalogue: Catalogue, report: Report) -> Mapping[str, Node]:
    if not isinstance(node, Table):
        return {}
    arguments = {name for row in catalogue.signatures() for name in row.parameters}
    return check_keys(node, Level.DEFAULT_ARGS, report, arguments - KEYS[Level.DEFAULT_ARGS].keys())


def _group_args(groups: Groups, catalogue: Catalogue, report: Report) -> Mapping[str, Mapping[str, Node]]:
    """For every group, the default_args of it and of the groups around it, the inner ones on top."""
    own = {name: _default_args(g.default_args, catalogue, report) for name, g in groups.by_name.items()}
    merged: dict[str, Mapping[str, Node]] = {}
    for name in groups.by_name:
        layers = [own[group.name] for group in reversed(groups.path(name))]
        merged[name] = {key: node for layer in layers for key, node in layer.items()}
    return merged


def _dag(
    dag_id: str,
    keys: Mapping[str, Node],
    arguments: Mapping[str, Node],
    tasks: tuple[Task, ...],
    groups: tuple[TaskGroup, ...],
    calendar: Calendar,
    world: _World,
) -> Dag:
    report = calendar.report
    timezone = calendar.zone_of("start_date", keys, arguments)
    schedule = compile_schedule(keys.get("schedule"), report, Defaults(timezone, world.data_intervals))
    params = read_params(keys.get("params"), report)
    check_defaults(params, report, scheduled=schedule is not None)
    tags = keys.get("tags")
    timeout = keys.get("dagrun_timeout")
    active = _whole(keys, "max_active_runs") or 16
    start = calendar.date("start_date", keys, arguments)
    _check_schedule(schedule, keys, active, start, report)
    return Dag(
        dag_id,
        tasks,
        groups,
        schedule=schedule,
        schedule_text=None if schedule is None else text_of(keys.get("schedule")),
        start_date=start,
        end_date=calendar.date("end_date", keys, arguments),
        catchup=_true(keys.get("catchup")),
        dagrun_timeout_seconds=None
        if timeout is None
        else as_timedelta(timeout, report, "dagrun_timeout", numbers=True),
        max_active_runs=active,
        max_consecutive_failed_dag_runs=_whole(keys, "max_consecutive_failed_dag_runs") or 0,
        bounds_runs="max_active_runs" in keys or _true(keys.get("catchup")),
        params=params.defaults,
        param_schemas=params.schemas,
        description=text_of(keys.get("description")) or "",
        display_name=text_of(keys.get("dag_display_name")) or dag_id,
        tags=tuple(text_of(tag) or "" for tag in tags) if isinstance(tags, Listing) else (),
        render_template_as_native_obj=_true(keys.get("render_template_as_native_obj")),
        is_paused_upon_creation=_true(keys.get("is_paused_upon_creation")),
        timezone=timezone,
        source=world.file,
        callbacks=read_callbacks(keys, OF_DAG, report),
        max_active_tasks=_whole(keys, "max_active_tasks"),
        fail_fast=_true(keys.get("fail_fast")),
        max_map_length=_whole(keys, "max_map_length") or DEFAULT_MAX_MAP_LENGTH,
        deadlines=read_deadlines(keys.get("deadline"), calendar),
    )


def _whole(keys: Mapping[str, Node], name: str) -> int | None:
    """The integer of a key; None for null, where there is none, and for what has been reported as something else."""
    node = keys.get(name)
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else None


def _check_schedule(schedule: Json, keys: Mapping[str, Node], active: Json, start: str | None, report: Report) -> None:
    """What Airflow refuses of a DAG around its schedule."""
    if not isinstance(schedule, Mapping):
        return
    if _true(keys.get("catchup")) and start is None:
        report.error(keys["catchup"].mark, "LW118", "catchup wants a start_date", "give one, or leave catchup out")
    if schedule["kind"] == "continuous" and active != 1:
        place = keys.get("max_active_runs") or keys["schedule"]
        report.error(place.mark, "LW119", "one run at a time is what @continuous means", "write max_active_runs: 1")


def _true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value is True
