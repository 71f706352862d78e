"""`fail_fast` as specs write it."""

from __future__ import annotations

import pytest

from tests.spec.reading import dag, messages, problems

EMPTY = "operator: EmptyOperator"


def spec(keys: str, **tasks: str) -> str:
    rows = "\n".join(f"    {name}: {{{EMPTY}{more and ', ' + more}}}" for name, more in tasks.items())
    return f"d:\n  {keys}\n  tasks:\n{rows}\n"


def test_fail_fast_goes_with_all_success_and_with_teardowns() -> None:
    found = dag(
        spec("fail_fast: true", s="", w="dependencies: [s]", t="dependencies: [w], is_teardown: true, setups: [s]")
    )
    assert found.fail_fast
    assert not dag(spec("fail_fast: false", a="trigger_rule: all_done")).fail_fast


@pytest.mark.parametrize("rule", ["all_done", "one_failed", "always"])
def test_fail_fast_refuses_every_other_rule(rule: str) -> None:
    text = spec("fail_fast: true", a="", b=f"dependencies: [a], trigger_rule: {rule}")
    assert problems(text) == ["5 LW153"]
    assert f"'b' has the rule {rule} in a DAG with fail_fast" in messages(text)[0]


def test_fail_fast_is_true_or_false() -> None:
    assert problems(spec("fail_fast: sometimes", a="")) == ["2 LW124"]
