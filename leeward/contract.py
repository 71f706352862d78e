"""Names and numbers that the orchestrator, its functions and its infrastructure must agree on.

Nothing here computes. A number carries its unit in its name and the source of its value in a comment.
"""

from __future__ import annotations

from typing import Final

TASKS_PER_SHARD: Final = 36
"""Task entries in one run-state item: the item stays below 1 KB, one DynamoDB write unit."""

INSTANCES_PER_BLOCK: Final = 32
"""Instances of a mapped task in one item: their entries are a little longer than those of tasks, and all run at once."""

DEFAULT_MAX_MAP_LENGTH: Final = 1024
"""The longest list that a task may push to be mapped over, unless its DAG says otherwise: Airflow's `max_map_length`."""

LEASE_MARGIN_SECONDS: Final = 30.0
"""A lease ends this long after its invocation's own deadline, when Lambda has killed the environment."""

RESEND_AFTER_SECONDS: Final = 120.0
"""The sweeper re-sends a queued task no sooner than this, doubled with every re-send."""

RESENDS_PER_SWEEP: Final = 100
"""Hints that one sweep may re-send for one run, so that it cannot make a backlog permanent."""

STARTED_WITHIN_SECONDS: Final = 2 * 60 * 60.0
"""Whoever was to start a run that was announced so long ago is dead, and so is its message."""

STALE_INTENT_SECONDS: Final = 10.0
"""An intent that is older than this is rolled forward by whoever meets it."""

CALLBACK_SECONDS: Final = 300.0
"""How long the callbacks of one event may take together."""

STALE_DEBT_SECONDS: Final = 30.0
"""Callbacks that are owed for longer are called by whoever meets them: who owed them is dead."""

ALARM_SECONDS: Final = 90.0
"""The sweep of every minute sends a run's alarm (its time-out, a deadline) when it is no further off."""

CLOCK_SKEW_SECONDS: Final = 5.0
"""An alarm that comes early by no more than this is sent again: the clocks of two functions may differ."""

MAX_HINT_DELAY_SECONDS: Final = 900.0
"""SQS delays a message by at most 15 minutes; a longer wait is re-armed."""

FAN_BY_QUEUE: Final = 10
"""As many tries of one fan go through the queue, one request; more are invoked directly."""

FAN_THREADS: Final = 16
"""Threads that invoke executors for a wide fan: an invocation takes tens of milliseconds of waiting."""

FAN_GROUP: Final = 8
"""As many tries of a fan one executor runs side by side at most: they mostly wait, and share its share of a core."""

SHORT_BODY_SECONDS: Final = 60.0
"""An executor waits so long for a body in the worker; a longer one reports through the queue of results."""

ANSWER_GRACE_SECONDS: Final = 5.0
"""What an executor waits beyond that for an answer that is on its way."""

FUNCTION_SECONDS: Final = 900.0
"""Time-out of executors, schedulers and workers: Lambda's maximum."""

MAX_EVENT_AGE_SECONDS: Final = 3600.0
"""How long an asynchronous invocation may wait for free concurrency."""

RECEIVES: Final = 10
"""A message that failed so often goes to the dead-letter queue."""

MAX_BACKOFF_SECONDS: Final = 300
"""A failed message comes again after 2, 4, 8 ... seconds, at most this."""

MAX_ANSWER_BYTES: Final = 200 * 1024
"""A larger job or answer of user code is an object in S3 (an asynchronous payload and an SQS message hold 1 MB)."""

SOME_TASKS: Final = 4
"""XComs of as many upstream tasks are read task by task, of more in one query over the run."""

EARLY_VERDICT_SECONDS: Final = 1.0
"""How long a failed or skipped upstream task waits for unfinished ones before its successor is given up: Airflow's
scheduler sleeps a second between its looks (`scheduler_idle_sleep_time`), so it too sees them together."""

SHORTEST_WAIT_SECONDS: Final = 0.01
"""Stored times have hundredths of a second: a shorter wait could end before the time that it waits for."""

MAX_RETRY_DELAY_SECONDS: Final = 24 * 60 * 60.0
"""Airflow's MAX_RETRY_DELAY: no retry waits longer than a day."""

SHARDS_PER_KEY: Final = 16
"""Shards of a run that share one partition key, so that a wide run does not sit on one key range (1,000 writes a second)."""

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
ACTIVE_ATTRIBUTE: Final = "act"
ACTIVE_INDEX: Final = "active"
"""Sparse index of the state table: the headers of runs that have not ended or still owe something."""

DAG_ATTRIBUTE: Final = "dg"
CREATED_ATTRIBUTE: Final = "ct"
RECENT_INDEX: Final = "recent"
"""What runs of a DAG are about, by the time of their creation (milliseconds since the epoch)."""

INDEX_LAG_SECONDS: Final = 3.0
"""For how long an index may not show what was written: DynamoDB's are as a rule up to date within a fraction of a second."""

RUNS_PER_TICK: Final = 50
"""Scheduled runs of one DAG that one look creates; with `catchup` there may be thousands, which the sweep goes on with."""

MAX_BUNDLE_BYTES: Final = 50 * 2**20
"""The files beside a spec, unpacked: a function's /tmp holds 512 MB, for several versions."""

MAX_DROP_ERRORS: Final = 100
"""Mistakes of one spec that are kept: a DynamoDB item holds 400 KB."""

DAGS_PREFIX: Final = "dags/"
"""Where users drop specs, and the files beside them, in the bucket of DAGs."""

VARIABLES_PREFIX: Final = "airflow/variables/"
CONNECTIONS_PREFIX: Final = "airflow/connections/"
"""Names of secrets, as Airflow's backend for Secrets Manager has them."""

ENV_TABLE: Final = "LEEWARD_TABLE"
ENV_DATA_BUCKET: Final = "LEEWARD_DATA_BUCKET"
ENV_DAGS_BUCKET: Final = "LEEWARD_DAGS_BUCKET"
ENV_EXECUTOR_QUEUE: Final = "LEEWARD_EXECUTOR_QUEUE"
ENV_SCHEDULER_QUEUE: Final = "LEEWARD_SCHEDULER_QUEUE"
ENV_SCHEDULER_QUEUE_ARN: Final = "LEEWARD_SCHEDULER_QUEUE_ARN"
ENV_RESULTS_QUEUE: Final = "LEEWARD_RESULTS_QUEUE"
ENV_DEAD_LETTERS_ARN: Final = "LEEWARD_DEAD_LETTERS_ARN"
ENV_EXECUTOR: Final = "LEEWARD_EXECUTOR"
ENV_WORKER: Final = "LEEWARD_WORKER"
ENV_TASK_ROLE: Final = "LEEWARD_TASK_ROLE"
ENV_RULE_PREFIX: Final = "LEEWARD_RULE_PREFIX"
ENV_SCHEDULE_ROLE: Final = "LEEWARD_SCHEDULE_ROLE"
ENV_FAN_LIMIT: Final = "LEEWARD_FAN_LIMIT"
ENV_STACK: Final = "LEEWARD_STACK"
ENV_POOLS: Final = "LEEWARD_POOLS"
"""Environment of the functions; queues are URLs unless the name says ARN, pools are a JSON object of slots by name."""

METRICS_NAMESPACE: Final = "Leeward"
METRIC_RUN_DURATION: Final = "dagrun.duration"
"""Followed by a dot and the state in which the run ended."""
METRIC_TASK_SUCCESSES: Final = "ti_successes"
METRIC_TASK_FAILURES: Final = "ti_failures"
METRIC_DAGS: Final = "dagbag_size"
METRIC_IMPORT_ERRORS: Final = "dag_processing.import_errors"
METRIC_DEADLINE_CREATED: Final = "deadline_alerts.deadline_created"
METRIC_DEADLINE_MISSED: Final = "deadline_alerts.deadline_missed"
METRIC_DEADLINE_NOT_MISSED: Final = "deadline_alerts.deadline_not_missed"
METRIC_DIMENSION: Final = "dag_id"
"""Airflow's names; the metrics of all DAGs and of import errors have no dimension, the others this one alone."""

OUTPUT_TABLE: Final = "TableName"
OUTPUT_DATA_BUCKET: Final = "DataBucketName"
OUTPUT_DAGS_BUCKET: Final = "DagsBucketName"
OUTPUT_SCHEDULER: Final = "SchedulerName"
OUTPUT_EXECUTOR_LOGS: Final = "ExecutorLogGroup"
OUTPUT_SCHEDULER_LOGS: Final = "SchedulerLogGroup"
OUTPUT_WORKER_LOGS: Final = "WorkerLogGroup"
OUTPUT_TASK_ROLE: Final = "TaskRoleArn"
OUTPUT_DASHBOARD: Final = "DashboardUrl"
"""Outputs of the stack, by which the command line finds an installation."""

MAX_ERROR_CHARACTERS: Final = 8_000
"""What is kept of a try's error; all of it is in the task's log."""

MAX_INLINE_XCOM_BYTES: Final = 64 * 1024
"""A larger XCom is an object in S3: a DynamoDB item holds 400 KB, and every read of it is paid by size."""
