"""The forms of `retry_policy`, as dag-factory would build Airflow's objects, and what is wrong with others."""

from __future__ import annotations

import pytest

from leeward.aws.dags import dag_of, dag_text
from leeward.core.dag import RetryAction, RetryPolicy, RetryRule
from tests.spec.reading import dag, problems, task

BASH = "operator: BashOperator, bash_command: 'true'"
RULE = "__type__: airflow.sdk.RetryRule"
POLICY = "__type__: airflow.sdk.ExceptionRetryPolicy"


def _policy(rules: str, more: str = "") -> RetryPolicy:
    return task(f"{{{BASH}, retries: 2, retry_policy: {{{POLICY}, rules: {rules}{more}}}}}").retry


def test_rules_are_read_with_airflows_defaults() -> None:
    found = _policy(
        f"[{{{RULE}, exception: builtins.OSError}}, {{{RULE}, exception: [m.A, m.B], action: fail, reason: no, "
        f"match_subclasses: false, retry_delay: {{__type__: datetime.timedelta, minutes: 1}}}}]"
    )
    assert found.rules == (
        RetryRule(("builtins.OSError",)),
        RetryRule(("m.A", "m.B"), RetryAction.FAIL, 60.0, "no", False),
    )
    assert (found.retries, found.otherwise) == (2, RetryAction.DEFAULT)


def test_actions_are_airflows_members_or_their_values() -> None:
    by_type = "{__type__: airflow.sdk.RetryAction, __args__: [fail]}"
    found = _policy(f"[{{{RULE}, __args__: [m.A, {by_type}], retry_delay: null}}]", f", default: {by_type}")
    assert (found.rules[0].action, found.rules[0].delay_seconds, found.otherwise) == (
        RetryAction.FAIL,
        None,
        RetryAction.FAIL,
    )


def test_policy_is_inherited_stored_and_absent_by_default() -> None:
    policy = f"{{{POLICY}, rules: [{{{RULE}, exception: m.A}}]}}"
    found = dag(
        f"d: {{default_args: {{retry_policy: {policy}}}, tasks: {{a: {{{BASH}}}, b: {{{BASH}, retry_policy: null}}}}}}"
    )
    assert [len(each.retry.rules) for each in found.tasks] == [1, 0]
    assert dag_of(dag_text(found)) == found


@pytest.mark.parametrize(
    "policy",
    [
        "{__type__: mine.Policy}",
        f"{{{POLICY}}}",
        f"{{{POLICY}, rules: m.A}}",
        f"{{{POLICY}, rules: [m.A]}}",
        f"{{{POLICY}, rules: [{{{RULE}}}]}}",
        f"{{{POLICY}, rules: [{{{RULE}, exception: ValueError}}]}}",
        f"{{{POLICY}, rules: [{{{RULE}, exception: [[m.A]]}}]}}",
        f"{{{POLICY}, rules: [{{{RULE}, exception: m.A, action: again}}]}}",
        f"{{{POLICY}, rules: [{{{RULE}, exception: m.A, action: {{__type__: x.Y}}}}]}}",
        f"{{{POLICY}, rules: [], default: never}}",
    ],
)
def test_what_is_no_policy_of_airflows_is_told(policy: str) -> None:
    assert {
        each.partition(" ")[2] for each in problems(f"d: {{tasks: {{t: {{{BASH}, retry_policy: {policy}}}}}}}")
    } == {"LW180"}


def test_delay_of_a_rule_is_a_length_of_time() -> None:
    policy = f"{{{POLICY}, rules: [{{{RULE}, exception: m.A, retry_delay: soon}}]}}"
    assert problems(f"d: {{tasks: {{t: {{{BASH}, retry_policy: {policy}}}}}}}") == ["1 LW113"]
