"""The Jinja environments of templates: Airflow's settings and filters, in a sandbox with limits of its own.

Jinja is imported by the first template. As in Airflow an undefined name is an error, `{% do %}` is there, and a template's
own lists may be changed. Unlike there, names with an underscore in front are out of reach, native templates are in the
sandbox too, and no template may fill the memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from leeward.templating.files import Read, no_files
from leeward.templating.moments import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_OUTPUT: Final = 4 * 1024 * 1024
MAX_EXPONENT: Final = 1000


class Kind(NamedTuple):
    """What environments differ by: `undefined` is the name of one of Jinja's classes, `options` are settings as JSON."""

    native: bool = False
    undefined: str = "StrictUndefined"
    options: str = "{}"


def kind_of(native: bool, undefined: str, options: Mapping[str, Any]) -> Kind:
    """The kind of environment that settings ask for."""
    return Kind(native, undefined, json.dumps(options, sort_keys=True))


@cache
def compiled(text: str, kind: Kind) -> Template:
    """The template of a text."""
    return environment(kind).from_string(text)


def special(text: str, kind: Kind, filters: Mapping[str, Any], read: Read = no_files) -> Template:
    """The template of a text that asks for others, which `read` finds, or for filters of the DAG's own."""
    from jinja2 import FunctionLoader

    own = environment(kind).overlay()
    own.loader = FunctionLoader(read)
    own.filters = {**own.filters, **filters}
    return own.from_string(text)


@cache
def environment(kind: Kind) -> Environment:
    """The environment of templates that give text, or Python values."""
    import jinja2
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

    options = {"extensions": ["jinja2.ext.do"], **json.loads(kind.options)}
    made = (NativeSandbox if kind.native else Sandbox)(undefined=getattr(jinja2, kind.undefined), **options)
    made.filters.update(FILTERS)
    return made


def _repeated(left: Any, right: Any) -> int:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and hasattr(other, "__len__"):
            return one * len(other)
    return 0
