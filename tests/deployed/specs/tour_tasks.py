"""Tasks of the tour; `lib/` shows that a package beside the spec travels with it."""

from lib.words import greeting


def double(text):
    return int(text) * 2


def report(ti):
    print(greeting(ti.task_id))
    return {"rows": ti.xcom_pull(task_ids="short")}


def fail_once(ti):
    if ti.try_number == 1:
        raise RuntimeError("the first try fails")
    return ti.try_number
