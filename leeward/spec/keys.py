"""Every key of the dialect: one row each, from which checks, the JSON Schema and the reference page all follow.

A key is *honoured* (it means what it means in Airflow), *neutral* (a feature that is not supported yet: accepted with the
values that change nothing, refused with any other), *warned* (reviewed: it changes no state and no call), *mapped* (removed
by Airflow, read as its successor, with a warning), or *refused*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from leeward.contract import INSTANCES_PER_BLOCK
from leeward.core.dag import Json, TriggerRule, WeightRule


class Level(StrEnum):
    """Where a key stands."""

    DAG = "DAG"
    TASK = "task"
    GROUP = "task group"
    DEFAULT_ARGS = "default_args"


class Standing(StrEnum):
    """What becomes of a key."""

    HONOURED = "honoured"
    NEUTRAL = "neutral value only"
    WARNED = "accepted, does nothing"
    MAPPED = "read as its successor"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `note` is its meaning, the feature it waits for, the reason of the warning, or what to write instead.

    `type` is a JSON Schema fragment, `neutral` the values that change nothing, `successor` the key that it is read as.
    """

    name: str
    note: str
    type: Mapping[str, Any] = field(default_factory=dict)
    standing: Standing = Standing.HONOURED
    neutral: tuple[Json, ...] = ()
    successor: str = ""


TEXT: Final = {"type": ["string", "null"]}
BOOL: Final = {"type": "boolean"}
FLAG: Final = {"type": ["boolean", "null"]}
NUMBER: Final = {"type": "number", "minimum": 0}
COUNT: Final = {"type": "integer", "minimum": 0}
AT_LEAST_ONE: Final = {"type": "integer", "minimum": 1}
TABLE: Final = {"type": ["object", "null"]}
NAMES: Final = {"type": "array", "items": {"type": "string"}}
SPAN: Final = {"anyOf": [NUMBER, {"type": "object", "required": ["__type__"]}, {"type": "null"}]}
DATE: Final = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["__type__"]}, {"type": "null"}]}
OBJECT: Final = {"type": "object", "required": ["__type__"]}
RULE: Final = {"enum": [rule.value for rule in TriggerRule]}

_ASSETS = "assets"
_NOTHING: Final[tuple[Json, ...]] = (None, [], {})


def _later(name: str, feature: str, *neutral: Json) -> Key:
    return Key(name, feature, {}, Standing.NEUTRAL, (None, *neutral))


def _warned(name: str, reason: str) -> Key:
    return Key(name, reason, {}, Standing.WARNED)


def _mapped(name: str, successor: str, kind: Mapping[str, Any]) -> Key:
    return Key(name, f"removed by Airflow: write `{successor}`", kind, Standing.MAPPED, (), successor)


def _refused(name: str, instead: str) -> Key:
    return Key(name, instead, {}, Standing.REFUSED)


def _callbacks(**events: str) -> tuple[Key, ...]:
    """Three keys for each event, which is told when it comes."""
    return tuple(
        row
        for event, when in events.items()
        for row in (
            Key(f"on_{event}_callback", f"Called {when}: import path, mapping with `callback`, or a list.", {}),
            Key(f"on_{event}_callback_name", f"Name of a function to call {when}.", TEXT),
            Key(f"on_{event}_callback_file", "The Python file that it is in.", TEXT),
        )
    )


_DOCS: Final = (
    Key("doc_md", "Documentation in Markdown.", TEXT),
    _warned("doc", "plain documentation; write doc_md to have it shown"),
    _warned("doc_json", "documentation; write doc_md to have it shown"),
    _warned("doc_yaml", "documentation; write doc_md to have it shown"),
    _warned("doc_rst", "documentation; write doc_md to have it shown"),
)

_DAG: Final = (
    Key("dag_id", "The DAG's id. Where the DAG stands under a key, the key is the id.", {"type": "string"}),
    Key("dag_display_name", "The name that people see.", TEXT),
    Key("description", "One line about the DAG.", TEXT),
    Key("schedule", "When runs start: a cron expression or preset, a `__type__` timedelta or timetable, or null.", {}),
    _mapped("schedule_interval", "schedule", {}),
    Key("start_date", "Before it no run is scheduled. ISO 8601, or a time ago such as `2 days`.", DATE),
    Key("end_date", "After it no run is scheduled.", DATE),
    Key("timezone", "IANA name of the zone of dates without offset. UTC by default.", TEXT),
    Key("catchup", "Whether runs that were missed are made up for.", BOOL),
    Key(
        "max_active_runs",
        "How many runs may be running at once; others are queued. 16 with catchup; else none unless it is here.",
        {"type": "integer", "minimum": 1},
    ),
    Key("dagrun_timeout", "A run that takes longer fails, and its unfinished tasks are skipped.", SPAN),
    _mapped("dagrun_timeout_sec", "dagrun_timeout", NUMBER),
    Key("default_args", "Arguments that every task gets unless it has them itself.", TABLE),
    Key("params", "Values for templates, which a run's conf may override: plain, or `Param` by `__type__`.", TABLE),
    Key(
        "max_map_length",
        "Ours, a setting of Airflow's: the longest list that a task may push to be mapped over. 1024 by default.",
        {"type": "integer", "minimum": 1},
    ),
    Key("tags", "Words to find the DAG by.", {"type": ["array", "null"], "items": {"type": "string"}}),
    *_DOCS,
    Key("doc_md_file_path", "Path of a Markdown file beside the spec, which is the documentation.", TEXT),
    *(
        _warned(name, "no code of yours runs while a spec is compiled; write doc_md, or doc_md_file_path")
        for name in ("doc_md_python_callable_name", "doc_md_python_callable_file", "doc_md_python_arguments")
    ),
    Key(
        "render_template_as_native_obj",
        "Whether templates give Python values: what they write, read as a literal.",
        BOOL,
    ),
    Key("is_paused_upon_creation", "Whether a new DAG is paused.", {"type": ["boolean", "null"]}),
    Key("tasks", "The tasks: a list with `task_id`, or a mapping by task id.", {}),
    Key("task_groups", "The task groups: a list with `group_name`, or a mapping by name.", {}),
    Key(
        "max_active_tasks",
        "How many task instances of one run may be under way at once. Without it there is no limit (in Airflow it is 16).",
        {"anyOf": [AT_LEAST_ONE, {"type": "null"}]},
    ),
    _mapped("concurrency", "max_active_tasks", AT_LEAST_ONE),
    Key(
        "fail_fast",
        "Whether the final failure of a task fails what runs and skips what has not run, teardowns apart. Every task must "
        "have the trigger rule all_success.",
        {"type": ["boolean", "null"]},
    ),
    Key(
        "max_consecutive_failed_dag_runs",
        "The DAG is paused once its last runs, so many of them, have failed. 0, the default: never.",
        {"anyOf": [COUNT, {"type": "null"}]},
    ),
    Key(
        "template_searchpath",
        "Folders beside the spec where templates find what they include; the spec's own folder always.",
        {"anyOf": [{"type": ["string", "null"]}, NAMES]},
    ),
    Key(
        "template_undefined",
        "What becomes of undefined names: `jinja2.StrictUndefined` (an error, by default), `jinja2.Undefined`, "
        "`jinja2.ChainableUndefined` or `jinja2.DebugUndefined`.",
        TEXT,
    ),
    Key(
        "user_defined_macros",
        "Names for templates: values, mappings of more names, or import paths (text) of functions beside the spec, for the "
        "tasks that run user code.",
        TABLE,
    ),
    Key(
        "user_defined_filters",
        "Filters for templates: import paths of functions beside the spec, for the tasks that run user code.",
        TABLE,
    ),
    Key(
        "jinja_environment_kwargs",
        "Settings of Jinja: `autoescape`, `extensions` (`jinja2.ext.do`, `jinja2.ext.loopcontrols`), "
        "`keep_trailing_newline`, `lstrip_blocks`, `newline_sequence`, `trim_blocks`.",
        TABLE,
    ),
    Key(
        "deadline",
        "When a run is to have succeeded, and what is called if it has not: a `DeadlineAlert` by `__type__`, or a list.",
        {"anyOf": [OBJECT, {"type": "array", "items": OBJECT}, {"type": "null"}]},
    ),
    *_callbacks(success="when a run has succeeded", failure="when a run has failed"),
    *(_warned(f"on_execute_callback{suffix}", "Airflow reads it for tasks alone") for suffix in ("", "_name", "_file")),
    _warned("sla_miss_callback", "Airflow 3.1 removed SLAs"),
    _warned("default_view", "a setting of Airflow 2's pages"),
    _warned("orientation", "a setting of Airflow 2's pages"),
    _warned("access_control", "who may see and steer a DAG is IAM's business"),
    _warned("owner_links", "links of Airflow's pages"),
    _warned("auto_register", "about Python modules that define DAGs"),
    _warned("vars", "holds anchors of the file"),
    _refused("timetable", "write the timetable as `schedule`"),
)

_BASE: Final = (
    Key("owner", "Who owns the task, for people and for AIRFLOW_CTX_DAG_OWNER.", TEXT),
    Key("retries", "How often a failed try is repeated.", {"anyOf": [COUNT, {"type": "null"}]}),
    Key("retry_delay", "Seconds, or a timedelta, between tries. 300 by default.", SPAN),
    _mapped("retry_delay_sec", "retry_delay", NUMBER),
    Key(
        "retry_exponential_backoff",
        "What the delay is multiplied by from try to try; true means 2, false and 0 a constant delay.",
        {"anyOf": [BOOL, NUMBER]},
    ),
    Key("max_retry_delay", "The longest delay between tries.", SPAN),
    Key("execution_timeout", "How long one try may take.", SPAN),
    _mapped("execution_timeout_secs", "execution_timeout", NUMBER),
    Key("trigger_rule", "When the task runs, given its upstream tasks.", RULE),
    Key("do_xcom_push", "Whether the return value is pushed as an XCom.", BOOL),
    Key("params", "Values for this task's templates, plain or `Param` by `__type__`.", TABLE),
    *_DOCS,
    _warned("task_display_name", "a name for Airflow's pages"),
    Key(
        "depends_on_past",
        "Whether the task starts only once it has succeeded, or was skipped, in the run before.",
        FLAG,
    ),
    Key(
        "ignore_first_depends_on_past",
        "Whether a task that is new, and which no earlier run has, starts for all that it depends on the past.",
        FLAG,
    ),
    Key(
        "wait_for_past_depends_before_skipping",
        "Whether a task that depends on the past is skipped only once the past would let it start.",
        FLAG,
    ),
    Key(
        "wait_for_downstream",
        "`depends_on_past`, and the tasks directly after it must have succeeded, or have been skipped, there, too.",
        FLAG,
    ),
    Key(
        "priority_weight",
        "Who goes first where a limit binds: the greater sum of weights, as `weight_rule` says. 1 by default.",
        {"type": "integer"},
    ),
    Key(
        "weight_rule",
        "Which weights add to a task's own: those of all tasks after it (downstream, the default), before it (upstream), "
        "none (absolute).",
        {"enum": [rule.value for rule in WeightRule]},
    ),
    Key(
        "pool",
        "The pool that the task takes slots of. The installation says how many each pool has; `default_pool` limits nothing "
        "unless it says so.",
        TEXT,
    ),
    Key("pool_slots", "How many slots of its pool a try takes. 1 by default.", AT_LEAST_ONE),
    Key(
        "max_active_tis_per_dag",
        "How many instances of the task may be under way at once in all runs of the DAG.",
        {"anyOf": [AT_LEAST_ONE, {"type": "null"}]},
    ),
    Key(
        "max_active_tis_per_dagrun",
        "How many instances of the task, if it is mapped, may be under way at once in one run.",
        {"anyOf": [AT_LEAST_ONE, {"type": "null"}]},
    ),
    _mapped("task_concurrency", "max_active_tis_per_dag", AT_LEAST_ONE),
    *_callbacks(
        execute="before each try",
        success="when the task has succeeded",
        failure="when its last try has failed",
        retry="when a try has failed and another one follows",
        skipped="when the task has skipped itself",
    ),
    _later("inlets", _ASSETS, [], {}),
    _later("outlets", _ASSETS, [], {}),
    Key(
        "retry_policy",
        "What follows which exception: an `ExceptionRetryPolicy` by `__type__`. It can't add to `retries`.",
        {"anyOf": [OBJECT, {"type": "null"}]},
    ),
    Key(
        "render_template_as_native_obj",
        "Whether this task's templates give Python values; as the DAG says by default.",
        {"type": ["boolean", "null"]},
    ),
    _refused("pre_execute", "a spec can't hold functions: make it a task of its own"),
    _refused("post_execute", "a spec can't hold functions: make it a task of its own"),
    _refused("run_as_user", "user code runs as the worker's user"),
    _warned("queue", "picks a queue of Airflow's executors"),
    _warned("executor", "picks one of Airflow's executors"),
    _warned("executor_config", "settings of Airflow's executors"),
    _warned("logger_name", "names a logger of Airflow"),
    _warned("resources", "Airflow's executors ignore it too"),
    _warned("email", "deprecated by Airflow: mail is sent by a task or a notifier"),
    _warned("email_on_failure", "deprecated by Airflow: mail is sent by a task or a notifier"),
    _warned("email_on_retry", "deprecated by Airflow: mail is sent by a task or a notifier"),
    _warned("sla", "Airflow 3.1 removed SLAs"),
    _warned("sla_secs", "Airflow 3.1 removed SLAs"),
)

_TASK: Final = (
    Key("task_id", "The task's id, without the prefix of its group.", {"type": "string"}),
    Key("operator", "The operator: Airflow's import path, or that of a class of yours.", {"type": "string"}),
    Key(
        "decorator", "A TaskFlow decorator's import path; other keys are arguments of the callable.", {"type": "string"}
    ),
    Key("dependencies", "The tasks and groups that come before, by their names without prefix.", {}),
    Key("task_group_name", "The group that the task is in.", TEXT),
    Key("python_callable", "Import path of a function; modules beside the spec are found.", {"type": "string"}),
    Key("python_callable_name", "Name of a function in `python_callable_file`.", {"type": "string"}),
    Key("python_callable_file", "Path of a Python file.", {"type": "string"}),
    Key(
        "variables_as_arguments",
        "Arguments that are read from Airflow variables when the spec is compiled.",
        {"type": "array"},
    ),
    *_BASE,
    Key("start_date", "Runs with an earlier logical date are without the task.", DATE),
    Key("end_date", "Runs with a later logical date are without the task.", DATE),
    Key(
        "expand",
        "Arguments that the task is mapped over: one instance for each value, or combination of values.",
        TABLE,
    ),
    Key("expand_kwargs", "What the task is mapped over: mappings of arguments, one instance for each.", {}),
    Key(
        "partial", "Arguments that all instances of a mapped task share, beside those among the task's own keys.", TABLE
    ),
    Key(
        "map_index_template",
        "A template that names an instance of a mapped task, rendered when its body has ended.",
        TEXT,
    ),
    Key(
        "instances_per_call",
        "Ours: so many instances of a mapped Python task share one call; it wants an `execution_timeout`. 1 by default.",
        {"type": "integer", "minimum": 1, "maximum": INSTANCES_PER_BLOCK},
    ),
    Key("is_setup", "Whether the task is a setup: nothing in its scope runs unless it has succeeded.", BOOL),
    Key(
        "is_teardown",
        "Whether the task is a teardown: it runs after the tasks of its scope, whatever became of them, and does not count "
        "for the state of the run. Its trigger rule is all_done_setup_success.",
        BOOL,
    ),
    Key(
        "setups", "The setups of a teardown, by their names without prefix. They become setups and come before it.", {}
    ),
    Key("on_failure_fail_dagrun", "Whether a teardown counts for the state of the run all the same.", BOOL),
    _refused("python_callable_lambda", "write the function in a module beside the spec"),
)

_GROUP: Final = (
    Key("group_name", "The group's name, without its parents.", {"type": "string"}),
    Key("parent_group_name", "The group that this one is in.", TEXT),
    Key("dependencies", "The tasks and groups that come before every first task of the group.", {}),
    Key("tooltip", "One line about the group.", TEXT),
    Key("default_args", "Arguments that the group's tasks get unless they have them themselves.", TABLE),
    Key("prefix_group_id", "Whether task ids carry the group's name in front. True by default.", BOOL),
    _warned("group_display_name", "a name for Airflow's pages"),
    _warned("ui_color", "a colour of Airflow's pages"),
    _warned("ui_fgcolor", "a colour of Airflow's pages"),
    _warned("doc_md", "documentation of groups is not shown"),
    Key("expand", "Arguments that the group is mapped over; its tasks take one by `__mapped__: argument`.", TABLE),
    Key("expand_kwargs", "What the group is mapped over: mappings of arguments, one run of the group for each.", {}),
)

_DEFAULT_ARGS: Final = (
    *_BASE,
    Key("start_date", "The start date of every task, and of the DAG unless it has one itself.", DATE),
    Key("end_date", "The end date of every task, and of the DAG unless it has one itself.", DATE),
    Key("timezone", "The zone of the dates in default_args.", TEXT),
    *(
        _warned(name, "no operator has it; Airflow ignores it here")
        for name in ("catchup", "schedule", "description", "tags", "max_active_runs", "concurrency", "dagrun_timeout")
    ),
)

KEYS: Final[Mapping[Level, Mapping[str, Key]]] = MappingProxyType(
    {
        level: MappingProxyType({key.name: key for key in rows})
        for level, rows in (
            (Level.DAG, _DAG),
            (Level.TASK, _TASK),
            (Level.GROUP, _GROUP),
            (Level.DEFAULT_ARGS, _DEFAULT_ARGS),
        )
    }
)
