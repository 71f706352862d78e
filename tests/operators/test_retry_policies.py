"""Rules about exceptions, with real processes of user code: which exception it was is told where it was raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import run

MODULE = """
    import shutil

    class Auth(PermissionError):
        pass

    Alias = Auth
    tries = []

    def fails(kind):
        tries.append(kind)
        if kind == "auth":
            raise Auth("no")
        if kind == "airflow":
            from airflow.exceptions import AirflowException
            raise AirflowException("no")
        raise ValueError("no")
"""


@pytest.mark.parametrize(
    ("exception", "kind", "tries"),
    [
        ("m.Auth", "auth", 1),
        ("m.Alias", "auth", 1),
        ("builtins.OSError", "auth", 1),
        ("builtins.OSError, match_subclasses: false", "auth", 3),
        ("[m.Nobody, gone.Error, builtins.ValueError]", "value", 1),
        ("m.tries", "value", 3),
        ("airflow.exceptions.AirflowException", "airflow", 1),
        ("airflow.sdk.exceptions.AirflowException", "airflow", 1),
    ],
)
def test_exception_that_a_rule_names_ends_the_tries(exception: str, kind: str, tries: int, tmp_path: Path) -> None:
    rule = f"{{__type__: airflow.sdk.RetryRule, exception: {exception}, action: fail}}"
    text = f"""
        d:
          tasks:
            t:
              operator: PythonOperator
              python_callable: m.fails
              op_args: [{kind}]
              retries: 2
              retry_delay: 0
              retry_policy: {{__type__: airflow.sdk.ExceptionRetryPolicy, rules: [{rule}]}}
        """
    ended = run(text, tmp_path, modules={"m.py": MODULE})
    assert (ended.states["t"], ended.tries["t"]) == ("failed", tries)


@pytest.mark.parametrize(
    ("task", "exception", "tries"),
    [
        ("bash_command: exit 1", "airflow.exceptions.AirflowException", 1),
        ("bash_command: exit 1", "airflow.exceptions.AirflowTaskTimeout", 2),
        ("bash_command: '{{ nobody }}'", "builtins.Exception", 1),
    ],
)
def test_failure_that_no_user_code_raised_has_airflows_exception(
    task: str, exception: str, tries: int, tmp_path: Path
) -> None:
    rule = f"{{__type__: airflow.sdk.RetryRule, exception: {exception}, action: fail}}"
    policy = f"{{__type__: airflow.sdk.ExceptionRetryPolicy, rules: [{rule}]}}"
    text = (
        f"d: {{tasks: {{t: {{operator: BashOperator, {task}, retries: 1, retry_delay: 0, retry_policy: {policy}}}}}}}"
    )
    assert run(text, tmp_path).tries["t"] == tries
