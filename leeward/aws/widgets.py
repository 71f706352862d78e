"""What CloudWatch says to the function of a custom widget, and what that function says of itself.

The event is the widget's parameters, with `widgetContext` beside them
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html).
Parameters are written by people into a dashboard, or come from a link of the widget: numbers may be text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from leeward.core.errors import UsageError
from leeward.views.grid import RUNS

DEFAULT_RUNS: Final = 15
DEFAULT_WIDTH: Final = 800
MAX_PAGE: Final = 10_000

DESCRIPTION: Final = f"""\
### The last runs of every DAG

A column is a DAG run, a square a task instance; the bar above says how long the run took. Specs that could not be read
stand on top. The widget only reads.

| Parameter | Meaning | Default |
| --- | --- | --- |
| `dag` | the id of one DAG, to see it alone, with more of its tasks | every DAG |
| `runs` | how many runs of a DAG, 1 to {RUNS} | {DEFAULT_RUNS} |
| `page` | where there are more than twenty DAGs: which page of them | 1 |

```yaml
dag: sales
runs: {RUNS}
```
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """How the widget stands on its dashboard: CloudWatch's name of the theme, and pixels."""

    theme: str
    width: int


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be shown; an empty `dag` stands for every DAG."""

    dag: str
    runs: int
    page: int


def frame_of(event: Mapping[str, Any]) -> Frame:
    """The frame that an event tells; what it doesn't tell is light, and of a usual width."""
    context = event.get("widgetContext")
    if not isinstance(context, Mapping):
        return Frame("light", DEFAULT_WIDTH)
    width = context.get("width")
    pixels = int(width) if isinstance(width, int | float) and width >= 1 else DEFAULT_WIDTH
    return Frame(str(context.get("theme", "light")), pixels)


def request_of(event: Mapping[str, Any]) -> Request:
    """The parameters of an event. Raises UsageError LW311 for a value that makes no sense."""
    dag = event.get("dag") or ""
    if not isinstance(dag, str):
        raise UsageError("LW311", f"dag is {dag!r}: write the id of a DAG")
    return Request(dag, _number(event, "runs", DEFAULT_RUNS, RUNS), _number(event, "page", 1, MAX_PAGE))


def _number(event: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = event.get(name)
    if value is None or value == "":
        return default
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise UsageError("LW311", f"{name} is {value!r}: write a whole number from 1 to {most}")
    return int(text)
