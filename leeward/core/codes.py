"""The codes of everything that can go wrong for a person: a paragraph each, from which `docs/errors.md` is generated.

LW1 = a spec is wrong, LW2 = a spec holds something without effect, LW3 = a command makes no sense, LW4 = a task can't run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "LW100": "The file is larger than a spec may be. Split it: DAGs may be spread over any number of files.",
        "LW101": "The file is not YAML. The place is where the reader gave up; the mistake is often just before it.",
        "LW102": "A spec is one YAML document. Several DAGs stand beside each other as keys of one mapping.",
        "LW103": "The file is empty or holds something else than a mapping from DAG ids to DAGs.",
        "LW104": "The file nests too deep, or its aliases expand to too many nodes. Such files are refused unread.",
        "LW105": "An alias refers to a node that contains it.",
        "LW106": "Only plain YAML is read. A tag such as `!!python/name` would run code and is refused.",
        "LW107": "A key stands twice in one mapping. YAML readers keep the last one silently; here it is an error.",
        "LW108": "`<<` merges a mapping, or a list of mappings, into the one where it stands.",
        "LW109": "Keys of mappings are text.",
        "LW110": "`__type__` builds one of the listed types. Any other class would mean to import code while compiling.",
        "LW111": "The arguments of a `__type__` do not fit that type.",
        "LW112": "`__join__` joins a list of plain values into one text.",
        "LW113": "The value is not a length of time. Write a number of seconds or a `datetime.timedelta` by `__type__`.",
        "LW114": "The value is not a date. Write ISO 8601, such as 2026-01-31T06:00:00+01:00, or a time ago: `2 days`.",
        "LW115": "The time zone is not in the IANA database.",
        "LW116": "The schedule is none of the forms that Airflow knows, or a part of it is out of range.",
        "LW117": "The schedule waits for assets, which is not supported yet.",
        "LW118": "With `catchup` a DAG has a run for every moment since its `start_date`, so it needs one, as in Airflow.",
        "LW119": "With `@continuous` the next run starts when the one before has ended. Airflow wants the DAG to say so: "
        "`max_active_runs: 1`.",
        "LW120": "The key is none of the dialect's. The hint names the closest one that exists here.",
        "LW121": "The key belongs to a feature that is not supported yet. Only values that change nothing are accepted.",
        "LW122": "The key can't be supported; the hint says what to do instead.",
        "LW123": "A key and its successor stand side by side, so that it isn't clear which one is meant.",
        "LW124": "The value has the wrong type or is out of range.",
        "LW125": "`task_groups` is reserved and can't be the id of a DAG.",
        "LW126": "Every key of a spec file but `default` is a DAG, and a DAG is a mapping.",
        "LW127": "A DAG needs the key `tasks`. It may be empty.",
        "LW128": "The JSON Schema of a param is none: the message says which part of it breaks the rules of JSON Schema.",
        "LW129": "A macro has no name that templates can use, or its text is no import path. Plain texts go to `params`.",
        "LW130": "Two tasks, or two groups, of one DAG have the same name.",
        "LW131": "A task or group names a group that does not exist.",
        "LW132": "A task group is inside itself, directly or through others.",
        "LW133": "Macros that are user code are for tasks that run user code: Python, Bash, classes of your own. AWS calls "
        "are made where no user code may run. Let a Python task compute the value, and pull its XCom.",
        "LW134": "A member of a list lacks its name.",
        "LW135": "Ids hold letters, digits, dashes, dots and underscores, at most 250 of them: Airflow's rule.",
        "LW136": "A task has neither `operator` nor `decorator`.",
        "LW137": "The operator or decorator is not in the catalogue. Classes of your own are accepted by their import path.",
        "LW138": "Each row of `variables_as_arguments` names a `variable` and the `attribute` that gets its value.",
        "LW139": "An Airflow variable that the spec reads while it is compiled is not set.",
        "LW140": "The operator needs an argument that the task lacks.",
        "LW141": "`python_callable_name` and `python_callable_file` belong together; so do those of a callback.",
        "LW142": "A dependency names no task and no group of the DAG. Names are written without the prefix of a group.",
        "LW143": "A dependency names a task and a group at once.",
        "LW144": "The dependencies go round in a circle, so that no task of it could ever run.",
        "LW145": "Another file in the DAG folder defines this DAG. The first one stays; give one of them another id.",
        "LW146": "The files beside a spec travel with its versions and must stay small. Put data into a bucket of its own.",
        "LW147": "`setups` and `on_failure_fail_dagrun` are about teardowns, and no task is both a setup and a teardown.",
        "LW148": "What comes right after a setup waits for it with the rule all_success: Airflow refuses any other, but for "
        "its teardown.",
        "LW149": "A folder of templates, or a file of documentation, lies elsewhere than beside the spec, so that it would "
        "not travel with its versions.",
        "LW150": "A task is in a pool that the installation does not have, or takes more slots than there are. Pools and "
        "their slots stand in `pools` of cdk.json. The file is looked at again after a deployment.",
        "LW151": "The file of documentation is not beside the spec, is no text, or is longer than documentation may be.",
        "LW152": "A setting of Jinja that templates can't have. Other delimiters, loaders and classes of your own are not "
        "possible.",
        "LW160": "A callback is an import path, a mapping with `callback`, or a list of those.",
        "LW170": "What is mapped over is none of the forms of `expand`, `expand_kwargs` and the special objects in them.",
        "LW171": "A task is mapped over what another one returns. Airflow can't map over an XCom with a key of its own.",
        "LW172": "The callable of `__map__` is your own code. It runs where the mapped task does, which must run Python.",
        "LW173": "An argument is mapped over if the operator has it, and if it isn't given for all instances, too.",
        "LW174": "`partial` holds what the instances of a mapped task share. Without `expand` there are no instances.",
        "LW175": "Tasks and groups inside a mapped group can't be mapped once more.",
        "LW176": "With rule `always` a task starts before what it is mapped over is there. Airflow refuses that, too.",
        "LW177": "`__mapped__` names an argument of the mapped group around the task.",
        "LW178": "With `instances_per_call` instances share a call of the worker, which has to end within a minute.",
        "LW180": "An object of Airflow's, written by `__type__`, is none of those that the key takes, or has other "
        "arguments than its class in Airflow. Classes of your own can't be used there: no user code runs where runs are "
        "decided.",
        "LW200": "A defaults file and the `default:` block set the same key. The block wins, as dag-factory documents.",
        "LW201": "The key is accepted and does nothing; the hint says why.",
        "LW202": "Airflow removed the key; it is read as its successor.",
        "LW203": "An id stands below a key that says something else. The key is the id, as in dag-factory.",
        "LW204": "The schema of a param has a key that JSON Schema does not know, so that it checks nothing.",
        "LW205": "A param's default is not allowed by its schema. As in Airflow, every run must be given another one.",
        "LW206": "A teardown has the rule all_done_setup_success, as Airflow's `as_teardown` says, whatever is written.",
        "LW301": "There is no such DAG run.",
        "LW302": "Another verb (clear, stop, mark) is on its way in the run. Try again in a moment.",
        "LW303": "The command needs an optional package that is not installed.",
        "LW304": "The file of scripted AWS answers can't be read.",
        "LW305": "A param has a value that its JSON Schema does not allow, or no value at all.",
        "LW306": "There is no DAG of that id in the installation.",
        "LW307": "The DAG has a run of that id already. Another logical date, or another run id, makes another run.",
        "LW308": "A date on the command line is ISO 8601.",
        "LW309": "The stack can't be read with the caller's credentials, or is not an installation of Leeward.",
        "LW310": "The scheduler function failed; its log tells why.",
        "LW311": "A parameter of the dashboard's widget has a value that makes no sense; the message says what to write.",
        "LW330": "The file is not an event log: lines of JSON as `leeward run --events FILE` writes them.",
        "LW331": "The event log is of another version of the DAG, with other tasks. Give the spec as it was for that run.",
        "LW332": "The event log holds no such run, or not its beginning, so that nobody can say what was stored of it.",
        "LW333": "The run has no such task, or the task no such map index.",
        "LW340": "A clock has just been set in the DAG's time zone, so that no data interval ends now. Airflow fails an "
        "assertion then, and looks again; so does Leeward, in a minute.",
        "LW401": "A template can't be rendered: an undefined name, a mistake in it, or one of the sandbox's limits.",
        "LW402": "Templates only read.",
        "LW403": "An argument takes an XCom of a task that pushed none.",
        "LW404": "A Bash command that ends in .sh or .bash names a file beside the spec.",
        "LW405": "A branch chose an id that is neither a task nor a task group of the DAG.",
        "LW407": "A branch must return the id of a task or group, a list of ids, or None.",
        "LW408": "A task with `multiple_outputs` must return a mapping with text keys.",
        "LW409": "The job of a deferred try is not stored any more.",
        "LW410": "The path is not JMESPath.",
        "LW411": "Airflow would look the name up in its database; the message says what it would need.",
        "LW412": "A native template gave an object that can't be sent to the process of user code. Only plain values can.",
        "LW414": "A BranchDateTimeOperator compares the time with datetimes or times, at least one of them, and both of "
        "one kind: with a time zone or without.",
        "LW415": "Days of the week are named in English and in full, in capitals or not.",
        "LW420": "Another task is mapped over what this one returns, so it must return a list or a mapping.",
        "LW421": "The list to map over is longer than `max_map_length`, a key of the DAG (1024 by default, as in Airflow).",
        "LW422": "The list that the task was mapped over is shorter now than when the task was expanded. Clear the task.",
        "LW423": "A task or group is mapped over mappings of arguments (`expand_kwargs`), and one of them is not right.",
    }
)
