"""The Jinja environments of templates: Airflow's settings and filters, in a sandbox with limits of its own.

Jinja is imported by the first template. As in Airflow an undefined name is an error, `{% do %}` is there, and a template's
own lists may be changed. Unlike there, names with an underscore in front are out of reach, native templates are in the
sandbox too, and no template may fill the memory.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from leeward.templating.files import Read
from leeward.templating.moments import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_OUTPUT: Final = 4 * 1024 * 1024
MAX_EXPONENT: Final = 1000


@cache
def compiled(text: str, native: bool) -> Template:
    """The template of a text."""
    return environment(native).from_string(text)


def with_files(text: str, native: bool, read: Read) -> Template:
    """The template of a text that asks for others, which `read` finds."""
    from jinja2 import FunctionLoader

    own = environment(native).overlay()
    own.loader = FunctionLoader(read)
    return own.from_string(text)


@cache
def environment(native: bool) -> Environment:
    """The environment of templates that give text, or Python values."""
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.nativetypes import NativeEnvironment
    from jinja2.sandbox import SandboxedEnvironment

    class Sandbox(SandboxedEnvironment):
        """Public attributes only, and arithmetic that can't explode."""

        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**" and abs(right) > MAX_EXPONENT:
                raise SecurityError(f"an exponent over {MAX_EXPONENT}")
            if operator == "*" and _repeated(left, right) > MAX_OUTPUT:
                raise SecurityError(f"more than {MAX_OUTPUT} items by repetition")
            return super().call_binop(context, operator, left, right)

    class NativeSandbox(Sandbox, NativeEnvironment):
        """The same, for templates that give Python values."""

    made = (NativeSandbox if native else Sandbox)(undefined=StrictUndefined, extensions=["jinja2.ext.do"])
    made.filters.update(FILTERS)
    return made


def _repeated(left: Any, right: Any) -> int:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and hasattr(other, "__len__"):
            return one * len(other)
    return 0
