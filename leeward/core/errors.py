"""The errors that cross layers; each says who must act."""

from __future__ import annotations


class LeewardError(Exception):
    """Any error that Leeward raises on purpose."""


class UsageError(LeewardError):
    """The caller must act: the request names something that is not there, or makes no sense. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class TaskError(LeewardError):
    """A task's body can't run as written. `retryable` says whether another try could end otherwise."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.retryable = code, retryable


class EngineError(LeewardError):
    """A defect of ours: stored state breaks a named invariant. The message tells the run's story."""
