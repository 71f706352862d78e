"""The Python side of callbacks.yml: a function, and a notifier."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseNotifier


def tell(context: Mapping[str, Any], who: str = "the team") -> None:
    """Tell somebody what became of a try, or of the run."""
    ti = context["ti"]
    print(f"{who}: try {ti.try_number} of {ti.task_id}: {context.get('exception') or context.get('reason') or 'fine'}")


class Board(BaseNotifier):
    """Pins a note to a board."""

    def __init__(self, board: str) -> None:
        super().__init__()
        self.board = board

    def notify(self, context: Mapping[str, Any]) -> None:
        """Pin it."""
        print(f"board {self.board}: {context['ti'].task_id} recovered")
