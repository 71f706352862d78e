"""The key `retry_policy`: an ExceptionRetryPolicy of Airflow's, whose rules name exceptions by import path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from leeward.core.dag import RetryAction, RetryRule
from leeward.spec.diagnostics import Report, closest
from leeward.spec.members import text_of
from leeward.spec.nodes import Listing, Node, Scalar, Table
from leeward.spec.objects import Shape, read_object
from leeward.spec.special import as_timedelta
from leeward.worker.values import TYPE

_POLICY: Final = {"ExceptionRetryPolicy": Shape(("rules", "default"), ("rules",))}
_RULE: Final = {
    "RetryRule": Shape(("exception", "action", "retry_delay", "reason", "match_subclasses"), ("exception",)),
}
_ACTION: Final = {"RetryAction": Shape(("value",), ("value",))}
_ACTIONS: Final = tuple(action.value for action in RetryAction)
_PATH: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def read_retry_policy(node: Node | None, report: Report) -> tuple[tuple[RetryRule, ...], RetryAction]:
    """The rules of a policy, and what it does otherwise; rules with mistakes are reported and left out."""
    nothing: tuple[tuple[RetryRule, ...], RetryAction] = ((), RetryAction.DEFAULT)
    if node is None or _null(node):
        return nothing
    found = read_object(node, _POLICY, "retry policy", report)
    if found is None:
        return nothing
    keys = found[1]
    rules = keys["rules"]
    if not isinstance(rules, Listing):
        report.error(rules.mark, "LW180", "rules is a list of RetryRule objects")
        return nothing
    return tuple(_rules(rules, report)), _action(keys.get("default"), RetryAction.DEFAULT, report)


def _rules(nodes: Listing, report: Report) -> Iterator[RetryRule]:
    for node in nodes.items:
        found = read_object(node, _RULE, "retry rule", report)
        if found is None:
            continue
        keys = found[1]
        delay, matches = keys.get("retry_delay"), keys.get("match_subclasses")
        yield RetryRule(
            _exceptions(keys["exception"], report),
            _action(keys.get("action"), RetryAction.RETRY, report),
            None if delay is None or _null(delay) else as_timedelta(delay, report, "retry_delay", numbers=True),
            text_of(keys.get("reason")),
            not (isinstance(matches, Scalar) and matches.value is False),
        )


def _exceptions(node: Node, report: Report) -> tuple[str, ...]:
    """Import paths, one or a list; `__type__` would make an exception and not name a class."""
    paths: list[str] = []
    for item in node.items if isinstance(node, Listing) else (node,):
        path = text_of(item)
        if path is None or not _PATH.fullmatch(path):
            report.error(item.mark, "LW180", "exception wants an import path", "write builtins.ValueError, or a list")
        else:
            paths.append(path)
    return tuple(paths)


def _action(node: Node | None, default: RetryAction, report: Report) -> RetryAction:
    """Airflow's RetryAction by `__type__`, or its value."""
    if node is None:
        return default
    value: Node = node
    if isinstance(node, Table) and TYPE in node.items:
        found = read_object(node, _ACTION, "retry action", report)
        if found is None:
            return default
        value = found[1]["value"]
    text = text_of(value)
    if text not in _ACTIONS:
        report.error(value.mark, "LW180", f"{text} is no retry action", closest(str(text), _ACTIONS))
        return default
    return RetryAction(text)


def _null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
