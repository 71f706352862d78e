"""The Python side of retry_policy.yml."""

from typing import NoReturn


class QuotaError(Exception):
    """There is nothing left to spend."""


def ask(try_number: int) -> str:
    """Ask a service that is there from the second try on."""
    if try_number == 1:
        raise ConnectionRefusedError("nobody listens")
    return "here"


def spend() -> NoReturn:
    """Spend what is not there."""
    raise QuotaError("nothing left")
