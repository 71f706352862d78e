"""What a process of user code answers, as outcomes; and the answer that came later, as the code it came from.

An answer is plain JSON: `result` and `xcoms` of a Python job, `code` and `last_line` of a Bash command, `missing` (there was
no Bash, or no such folder), `unrendered` (why), or how it went wrong: `timed_out` (seconds), `died` (exit code), `lost` (a
sentence).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leeward.core.dag import Json
from leeward.core.facts import Failed, Outcome, Raised, Skipped, Succeeded
from leeward.operators.base import Attempt, HandedOver, RenderFirst, UserCode, XComs
from leeward.operators.raised import TASK_TIMEOUT
from leeward.worker.bash import Ended, UnrenderedError

Log = Callable[[str], None]
TIMED_OUT: Final = "AirflowTaskTimeout: the task took longer than {:g} s"


class BodyLostError(Exception):
    """The process, or the function, that ran a body is gone, and with it what it did."""


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """The outcome of a Python job."""
    if "timed_out" in answer:
        return Failed(TIMED_OUT.format(answer["timed_out"]), raised=TASK_TIMEOUT)
    if "result" not in answer:
        return Failed(_story(answer))
    result, xcoms = answer["result"], answer["xcoms"]
    if result["ended"] == "skipped":
        return Skipped(result["error"], xcoms)
    if result["ended"] == "failed":
        raised = Raised(tuple(result.get("exactly", ())), tuple(result.get("also", ())))
        return Failed(result["error"], result["retryable"], xcoms, raised=raised)
    return Succeeded({**xcoms, "return_value": result["value"]})


def ended_of(answer: Mapping[str, Any]) -> Ended:
    """How a Bash command ended. Raises FileNotFoundError, UnrenderedError, or BodyLostError where nobody knows how."""
    if "unrendered" in answer:
        raise UnrenderedError(answer["unrendered"])
    if "missing" in answer:
        raise FileNotFoundError(answer["missing"])
    if "timed_out" in answer:
        return Ended(None, "")
    if "code" not in answer:
        raise BodyLostError(_story(answer))
    return Ended(answer["code"], answer["last_line"])


def _story(answer: Mapping[str, Any]) -> str:
    if "lost" in answer:
        return f"the function of user code was lost: {answer['lost']}"
    return f"the process of user code died with exit code {answer.get('died')}"


@dataclass(frozen=True, slots=True)
class Asked:
    """User code that is not run yet: notes the job that an operator asks for, so that several can share one call."""

    user_code: UserCode
    jobs: list[Mapping[str, Json]] = field(default_factory=list)

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> Outcome:
        """See `leeward.operators.base.UserCode.run`."""
        del attempt, xcoms, log
        self.jobs.append(job)
        raise HandedOver

    def run_all(self, *_: Any) -> Sequence[Mapping[str, Any]]:
        """See `leeward.operators.base.UserCode.run_all`: no operator asks for several."""
        raise NotImplementedError

    def bash(self, command: str, environment: Mapping[str, str], attempt: Attempt, log: Log, **more: Any) -> Ended:
        """See `leeward.operators.base.UserCode.bash`: commands share no call."""
        return self.user_code.bash(command, environment, attempt, log, **more)

    def answered(self, result: Json) -> Json:
        """See `leeward.operators.base.UserCode.answered`."""
        return result

    def read(self, name: str) -> str | None:
        """See `leeward.operators.base.UserCode.read`."""
        return self.user_code.read(name)


@dataclass(frozen=True, slots=True)
class Answered:
    """User code that has been run: its answer stands for it when its operator is called again to see what follows.

    `files` reads a file beside the spec (see `UserCode.read`).
    """

    answer: Mapping[str, Any]
    files: Callable[[str], str | None]

    def run(self, job: Mapping[str, Json], attempt: Attempt, xcoms: XComs, log: Callable[[str], None]) -> Outcome:
        """See `leeward.operators.base.UserCode.run`."""
        del job, attempt, xcoms, log
        return outcome_of(self.answer)

    def run_all(self, *_: Any) -> Sequence[Mapping[str, Any]]:
        """See `leeward.operators.base.UserCode.run_all`: no operator asks for several."""
        raise NotImplementedError

    def bash(
        self,
        command: str,
        environment: Mapping[str, str],
        attempt: Attempt,
        log: Callable[[str], None],
        *,
        cwd: str | None,
        encoding: str,
        inherit: bool,
        first: RenderFirst | None = None,
    ) -> Ended:
        """See `leeward.operators.base.UserCode.bash`."""
        del command, environment, attempt, log, cwd, encoding, inherit, first
        return ended_of(self.answer)

    def answered(self, result: Json) -> Json:
        """See `leeward.operators.base.UserCode.answered`."""
        return result

    def read(self, name: str) -> str | None:
        """See `leeward.operators.base.UserCode.read`."""
        return self.files(name)
