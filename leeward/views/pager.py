"""Links between the pages of a widget: CloudWatch calls the widget's function again, with other parameters.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html : an element
`<cwdb-action>` makes the element before it a link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from leeward.core.dag import Json


def pager(first: int, shown: int, total: int, links: Mapping[str, Mapping[str, Json]], function_arn: str) -> str:
    """Which of how many DAGs are shown, and a link to call the function with each of those parameters."""
    if not links:
        return ""
    actions = "".join(_link(title, parameters, function_arn) for title, parameters in links.items())
    return f'<nav class="m">DAGs {first + 1} to {first + shown} of {total}{actions}</nav>'


def _link(title: str, parameters: Mapping[str, Json], function_arn: str) -> str:
    target = f'action="call" display="widget" endpoint="{escape(function_arn)}"'
    return f"<a>{escape(title)}</a><cwdb-action {target}>{escape(json.dumps(parameters), quote=False)}</cwdb-action>"
