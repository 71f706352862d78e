"""The catalogue: every operator that a spec may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from leeward.operators import aws, bash, dates, empty, glue, lambda_function, s3, sns, sqs
from leeward.operators.base import Operator
from leeward.operators.python import OPERATORS, USER_CLASS
from leeward.spec.catalogue import Signature

AMAZON: Final = (*glue.ROWS, *lambda_function.ROWS, *s3.ROWS, *sns.ROWS, *sqs.ROWS)
ROWS: Final = (bash.OPERATOR, *OPERATORS, *dates.OPERATORS, empty.OPERATOR, aws.OPERATOR, *AMAZON)


@dataclass(frozen=True)
class Operators:
    """The rows by name and by path (see `leeward.spec.catalogue.Catalogue`)."""

    by_name: Mapping[str, Operator]
    by_path: Mapping[str, Operator]
    by_decorator: Mapping[str, Operator]

    def find(self, path: str) -> Signature | None:
        """The operator with that import path or class name."""
        row = self.by_path.get(path) or self.by_name.get(path)
        return None if row is None else row.signature

    def find_decorator(self, path: str) -> Signature | None:
        """The operator that a decorator makes."""
        row = self.by_decorator.get(path)
        return None if row is None else row.signature

    def runs_user_code(self, name: str) -> bool:
        """Whether the operator runs code of the user's, in a process for that."""
        return self.operator(name).user_code

    def signatures(self) -> tuple[Signature, ...]:
        """All rows, by name."""
        return tuple(self.by_name[name].signature for name in sorted(self.by_name))

    def operator(self, name: str) -> Operator:
        """The row of a compiled task; for a class of the user's, the one that runs any."""
        return self.by_name.get(name, USER_CLASS)


CATALOGUE: Final = Operators(
    {row.signature.name: row for row in ROWS},
    {path: row for row in ROWS for path in row.signature.paths},
    {path: row for row in ROWS for path in row.signature.decorators},
)
