"""One task of a spec: its operator, its own and inherited keys, and its arguments as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from leeward.core.dag import XCOM, CallbackEvent, Expansion, Json, RetryPolicy, SkipScope, Task, TriggerRule, WeightRule
from leeward.core.sources import MAPPED
from leeward.spec.callbacks import OF_TASK, read_callbacks
from leeward.spec.catalogue import Catalogue, Parameter, Signature
from leeward.spec.check import check_keys, mismatch
from leeward.spec.dates import Calendar
from leeward.spec.diagnostics import Report, closest
from leeward.spec.expand import SourceReader, with_partial
from leeward.spec.keys import KEYS, Level
from leeward.spec.members import Member, in_file, names_of, text_of
from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table
from leeward.spec.params import check_defaults, read_params
from leeward.spec.retries import read_retry_policy
from leeward.spec.setups import marked
from leeward.spec.special import as_json, as_timedelta

_REFERENCE: Final = re.compile(r"\+([\w.-]+)(?:\[(['\"])(.+)\2\])?", re.ASCII)
_TEMPLATE: Final = re.compile(r"\{\{|\{%|\{#")
_OURS: Final = ("airflow.", "leeward.")
_ON_THE_WAY: Final = frozenset({CallbackEvent.EXECUTE, CallbackEvent.SUCCESS})
"""Who has one of these is started, as in Airflow, though there is nothing to do."""
_BASE: Final = frozenset(KEYS[Level.DEFAULT_ARGS])

Variables = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task as written, before names are resolved.

    `references` are tasks whose XComs its arguments take, `setups` the setups that it names as a teardown.
    """

    name: str
    mark: Mark
    group: str | None
    task: Task
    dependencies: Mapping[str, Node]
    references: Mapping[str, Node]
    setups: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a task's operator makes of its keys. `signature` is None for a class of the user's."""

    name: str
    signature: Signature | None
    decorated: bool = False

    def takes(self, key: str) -> bool:
        """Whether the operator has that argument."""
        return self.signature is not None and (key in self.signature.parameters or key in self.signature.aliases)


@dataclass
class TaskReader:
    """Reads the tasks of one DAG. `inherited` is the DAG's default_args, checked already."""

    catalogue: Catalogue
    report: Report
    inherited: Mapping[str, Node]
    variables: Variables | None
    calendar: Calendar
    groups_args: Mapping[str, Mapping[str, Node]] = field(default_factory=dict)

    def read(self, member: Member, group: str | None) -> TaskSpec:
        """The task; one whose operator can't be found keeps its name, so that others may depend on it."""
        kind = self._kind(member)
        if kind is None:
            rest = check_keys(member.node, Level.TASK, self.report, None)
            names = names_of(rest.get("dependencies"), self.report)
            return TaskSpec(member.name, member.mark, group, Task(member.name, ""), names, {})
        node = with_partial(member.node, self.report)
        own = check_keys(node, Level.TASK, self.report, self._arguments_of(kind))
        defaults = self._defaults(kind, group)
        keys = {**defaults, **own}
        keys.update(self._from_variables(keys.pop("variables_as_arguments", None)))
        references: dict[str, Node] = {}
        expand = self._expansion(kind, keys, references)
        arguments = self._arguments(member, kind, keys, references, expand)
        return TaskSpec(
            member.name,
            member.mark,
            group,
            replace(
                marked(_with_past(self._task(member, kind, keys, arguments), keys), member, keys, self.report),
                start_date=self.calendar.date("start_date", own, defaults),
                end_date=self.calendar.date("end_date", own, defaults),
                expand=expand,
            ),
            names_of(keys.get("dependencies"), self.report),
            references,
            names_of(keys.get("setups"), self.report),
        )

    def _kind(self, member: Member) -> Kind | None:
        path, decorator = text_of(member.node.get("operator")), text_of(member.node.get("decorator"))
        if path is None and decorator is None:
            self.report.error(member.mark, "LW136", f"the task {member.name!r} has no operator", "write operator: PATH")
            return None
        if path is None:
            return self._decorator(str(decorator), member.node.items["decorator"].mark)
        found = self.catalogue.find(path)
        if found is not None:
            return Kind(found.name, found)
        if "." in path and not path.startswith(_OURS):
            return Kind(path, None)
        known = [p for s in self.catalogue.signatures() for p in (s.paths[0], s.name)]
        place = member.node.items["operator"].mark
        self.report.error(place, "LW137", f"the operator {path} is not supported", closest(path, known))
        return None

    def _decorator(self, path: str, mark: Mark) -> Kind | None:
        found = self.catalogue.find_decorator(path)
        if found is None:
            known = [p for s in self.catalogue.signatures() for p in s.decorators]
            self.report.error(mark, "LW137", f"the decorator {path} is not supported", closest(path, known))
            return None
        return Kind(found.name, found, decorated=True)

    def _arguments_of(self, kind: Kind) -> Collection[str] | None:
        if kind.signature is None or kind.decorated:
            return None
        return {*kind.signature.parameters, *kind.signature.aliases}

    def _defaults(self, kind: Kind, group: str | None) -> dict[str, Node]:
        merged = {**self.inherited, **(self.groups_args.get(group, {}) if group else {})}
        return {key: node for key, node in merged.items() if key in _BASE or kind.takes(key)}

    def _from_variables(self, node: Node | None) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for row in node.items if isinstance(node, Listing) else ():
            name, attribute = (
                (text_of(row.get(k)) for k in ("variable", "attribute")) if isinstance(row, Table) else (None, None)
            )
            if name is None or attribute is None:
                self.report.error(row.mark, "LW138", "wants the keys variable and attribute")
                continue
            value = self.variables(name) if self.variables else None
            if value is None:
                self.report.error(
                    row.mark, "LW139", f"the variable {name!r} is not set", f"set AIRFLOW_VAR_{name.upper()}"
                )
            else:
                found[attribute] = Scalar(value, row.mark, value)
        return found

    def _expansion(self, kind: Kind, keys: Mapping[str, Node], references: dict[str, Node]) -> Expansion | None:
        """What the task is mapped over, its arguments by their current names."""
        sources = SourceReader(self.report, references)
        found = sources.expansion(keys)
        if found is None:
            return None
        known = {} if kind.signature is None else {**kind.signature.parameters, **kind.signature.aliases}
        if sources.calls and kind.signature is not None and "python_callable" not in known:
            self.report.error(
                sources.calls[0].mark, "LW172", f"{kind.name} can't run the callable of __map__", "map a Python task"
            )
        inputs = []
        for name, source in found.inputs:
            node = keys["expand"].items.get(name) if isinstance(keys.get("expand"), Table) else None  # type: ignore[union-attr]
            if node is not None and not self._may_expand(kind, name, keys):
                continue
            current = kind.signature.aliases.get(name, name) if kind.signature else name
            if node is not None and kind.signature and current in kind.signature.parameters:
                self._check_items(name, node, kind.signature.parameters[current])
            inputs.append((current, source))
        return replace(found, inputs=tuple(inputs))

    def _may_expand(self, kind: Kind, name: str, keys: Mapping[str, Node]) -> bool:
        """Whether an argument of that name can be mapped over; reports why not."""
        table = keys["expand"]
        place = table.key_mark(name) if isinstance(table, Table) else table.mark
        if name in keys:
            self.report.error(place, "LW173", f"{name} is given once for all instances, too", "keep it in one place")
            return False
        free = kind.decorated or kind.signature is None or "Decorated" in kind.name
        if kind.takes(name) or (name not in KEYS[Level.TASK] and free):
            return True
        known = kind.signature.parameters if kind.signature else ()
        self.report.error(place, "LW173", f"{name} is no argument of {kind.name} to map over", closest(name, known))
        return False

    def _check_items(self, name: str, node: Node, parameter: Parameter) -> None:
        """Hold each literal value that an argument is mapped over against the argument's type."""
        for item in node.items if isinstance(node, Listing) else ():
            self._argument(name, item, parameter)

    def _arguments(
        self,
        member: Member,
        kind: Kind,
        keys: Mapping[str, Node],
        references: dict[str, Node],
        expand: Expansion | None,
    ) -> dict[str, Json]:
        honoured = KEYS[Level.TASK]
        if kind.signature is None:
            return {key: as_json(node, self.report) for key, node in keys.items() if key not in honoured}
        found: dict[str, Json] = {}
        extra: dict[str, Json] = {}
        for key, node in keys.items():
            name = kind.signature.aliases.get(key, key)
            if name in kind.signature.parameters:
                found[name] = self._argument(key, node, kind.signature.parameters[name])
            elif key not in honoured and kind.decorated:
                extra[key] = self._reference(node, references)
        self._callable(member, kind.signature, keys, found)
        if kind.decorated:
            found["op_kwargs"] = extra
        given = {*found, *(name for name, _ in expand.inputs)} if expand else found.keys()
        anything = expand is not None and expand.kwargs
        missing = [n for n, p in kind.signature.parameters.items() if p.required and n not in given and not anything]
        for name in missing:
            self.report.error(member.mark, "LW140", f"the task {member.name!r} lacks {name}", f"{kind.name} needs it")
        return found

    def _argument(self, key: str, node: Node, parameter: Parameter) -> Json:
        value = as_json(node, self.report)
        templated = parameter.templated and isinstance(value, str) and _TEMPLATE.search(value)
        filled_later = templated or (isinstance(value, Mapping) and MAPPED in value)
        problem = "" if filled_later else mismatch(value, parameter.type)
        if problem:
            self.report.error(node.mark, "LW124", f"{key} {problem}")
        return value

    def _reference(self, node: Node, references: dict[str, Node]) -> Json:
        """An argument of a decorated function: `+task` takes that task's return value, `+task['key']` a part of it."""
        text = node.value if isinstance(node, Scalar) else None
        match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return as_json(node, self.report)
        references[match[1]] = node
        return {XCOM: match[1], "key": match[3] or "return_value"}

    def _callable(self, member: Member, signature: Signature, keys: Mapping[str, Node], found: dict[str, Json]) -> None:
        """`python_callable_name` and `_file` as the value of python_callable."""
        if "python_callable" not in signature.parameters:
            return
        target = in_file(keys, "python_callable", "callable", self.report, member.mark)
        if target:
            found["python_callable"] = target

    def _task(self, member: Member, kind: Kind, keys: Mapping[str, Node], arguments: Mapping[str, Json]) -> Task:
        signature = kind.signature
        scope, instant = SkipScope.NOTHING, False
        if signature is not None:
            scope, instant = signature.skip_scope, signature.instant
        if arguments.get("ignore_downstream_trigger_rules") is False:
            scope = SkipScope.DIRECT
        params = read_params(keys.get("params"), self.report)
        check_defaults(params, self.report, scheduled=False)
        native = keys.get("render_template_as_native_obj")
        callbacks = read_callbacks(keys, OF_TASK, self.report)
        return Task(
            member.name,
            kind.name,
            arguments,
            trigger_rule=TriggerRule(text_of(keys.get("trigger_rule")) or "all_success"),
            retry=self._retry(keys),
            execution_timeout_seconds=self._seconds(keys, "execution_timeout"),
            skip_scope=scope,
            instant=instant and _ON_THE_WAY.isdisjoint(callbacks),
            do_xcom_push=_flag(keys.get("do_xcom_push"), default=True),
            params=params.defaults,
            param_schemas=params.schemas,
            render_template_as_native_obj=_own(native),
            owner=text_of(keys.get("owner")) or "airflow",
            doc=text_of(keys.get("doc_md")),
            callbacks=callbacks,
            map_index_template=text_of(keys.get("map_index_template")),
            instances_per_call=int(_number(keys.get("instances_per_call"))) or 1,
            pool=text_of(keys.get("pool")),
            pool_slots=_whole(keys.get("pool_slots")) or 1,
            priority_weight=1 if (weight := _whole(keys.get("priority_weight"))) is None else weight,
            weight_rule=WeightRule(text_of(keys.get("weight_rule")) or "downstream"),
            max_active_tis_per_dag=_whole(keys.get("max_active_tis_per_dag")),
            max_active_tis_per_dagrun=_whole(keys.get("max_active_tis_per_dagrun")),
        )

    def _retry(self, keys: Mapping[str, Node]) -> RetryPolicy:
        delay = self._seconds(keys, "retry_delay")
        rules, otherwise = read_retry_policy(keys.get("retry_policy"), self.report)
        return RetryPolicy(
            int(_number(keys.get("retries"))),
            300.0 if delay is None else delay,
            _number(keys.get("retry_exponential_backoff")),
            self._seconds(keys, "max_retry_delay"),
            rules,
            otherwise,
        )

    def _seconds(self, keys: Mapping[str, Node], name: str) -> float | None:
        node = keys.get(name)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        return as_timedelta(node, self.report, name, numbers=True)


def check_fail_fast(specs: Iterable[TaskSpec], report: Report) -> None:
    """Report tasks that a DAG with `fail_fast` can't have; teardowns have the other rule that Airflow allows there."""
    allowed = (TriggerRule.ALL_SUCCESS, TriggerRule.ALL_DONE_SETUP_SUCCESS)
    for spec in specs:
        if spec.task.trigger_rule not in allowed:
            story = f"{spec.name!r} has the rule {spec.task.trigger_rule} in a DAG with fail_fast"
            report.error(spec.mark, "LW153", story, "leave trigger_rule out, or fail_fast")


def _with_past(task: Task, keys: Mapping[str, Node]) -> Task:
    """The task with what it waits for in the run before: who waits for what is downstream depends on the past, too."""
    whole = _flag(keys.get("wait_for_downstream"), default=False)
    return replace(
        task,
        depends_on_past=whole or _flag(keys.get("depends_on_past"), default=False),
        wait_for_downstream=whole,
        ignore_first_depends_on_past=_flag(keys.get("ignore_first_depends_on_past"), default=False),
        wait_for_past_depends_before_skipping=_flag(keys.get("wait_for_past_depends_before_skipping"), default=False),
    )


def _own(node: Node | None) -> bool | None:
    """A boolean; None for null, and where there is none."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else None


def _flag(node: Node | None, *, default: bool) -> bool:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else default


def _whole(node: Node | None) -> int | None:
    """An integer; None for null, and where there is none."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else None


def _number(node: Node | None) -> float:
    """A number, with Airflow's reading of a boolean multiplier: true is 2.0."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return 2.0 if value else 0.0
    return float(value) if isinstance(value, (int, float)) else 0.0
