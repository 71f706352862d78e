"""What the compiler must know of an operator: its names and its arguments, never how it runs.

The rows themselves live in `leeward.operators`; the compiler is given them as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from leeward.core.dag import Json, SkipScope


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an operator.

    `type` is a JSON Schema fragment for the value as written in YAML (`{"type": "string"}`, `{}` = anything); text that
    holds a Jinja template is accepted for any templated parameter. `note` is one sentence for the reference page.
    """

    type: Mapping[str, Json] = field(default_factory=dict)
    required: bool = False
    templated: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """An operator as an author of specs sees it.

    `name` is Airflow's class name. `paths` are the import paths that name it, the current one first. `decorators` are
    the TaskFlow decorator paths that make it: a task's other keys are then arguments of its function. `aliases` maps
    older argument names to current ones. `instant` marks an operator without a body.
    """

    name: str
    paths: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    decorators: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    skip_scope: SkipScope = SkipScope.NOTHING
    instant: bool = False
    note: str = ""


class Catalogue(Protocol):
    """The operators that a spec may name."""

    def find(self, path: str) -> Signature | None:
        """The operator with that import path or bare class name, older paths included."""

    def find_decorator(self, path: str) -> Signature | None:
        """The operator that a TaskFlow decorator path makes."""

    def runs_user_code(self, name: str) -> bool:
        """Whether a compiled task with that operator is run where user code is."""

    def signatures(self) -> tuple[Signature, ...]:
        """All rows, by name."""
