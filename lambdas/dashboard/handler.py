"""The dashboard's widget: the last runs of every DAG as HTML. It only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leeward.aws.widgets import DESCRIPTION, Request, frame_of, request_of
from leeward.aws.wiring import account, watched
from leeward.contract import DAGS_PREFIX, ENV_DAGS_BUCKET
from leeward.core.errors import UsageError
from leeward.engine.see_dags import Seen, see_dag, see_dags
from leeward.views.grid import grid
from leeward.views.notice import notice
from leeward.views.pager import pager


def handler(event: Mapping[str, Any], context: Any) -> str:
    """Answer CloudWatch: HTML, or Markdown about the widget where it asks for that."""
    if "describe" in event:
        return DESCRIPTION
    frame = frame_of(event)
    try:
        request = request_of(event)
        seen = _seen(request)
    except UsageError as error:
        return notice(str(error), frame.theme)
    return grid(
        seen.dags,
        seen.errors,
        theme=frame.theme,
        width=frame.width,
        empty=f"no DAGs: drop a spec into s3://{account().env[ENV_DAGS_BUCKET]}/{DAGS_PREFIX}",
        foot=_foot(request, seen, context.invoked_function_arn),
    )


def _seen(request: Request) -> Seen:
    if request.dag:
        return see_dag(watched(), request.dag, request.runs)
    return see_dags(watched(), request.runs, request.page)


def _foot(request: Request, seen: Seen, function_arn: str) -> str:
    shown = len(seen.dags)
    pages = {"Previous": (seen.page - 1, seen.first > 0), "Next": (seen.page + 1, seen.first + shown < seen.total)}
    links = {title: {"page": page, "runs": request.runs} for title, (page, there) in pages.items() if there}
    return pager(seen.first, shown, seen.total, links, function_arn)
