"""Callbacks of a spec: `on_EVENT_callback` of a task, of default_args, or of the DAG.

One is an import path, a mapping with the key `callback` whose other keys are arguments, or a name and a file
(`on_EVENT_callback_name`, `on_EVENT_callback_file`); a list holds several of the first two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from leeward.core.dag import Callback, CallbackEvent, Callbacks
from leeward.spec.diagnostics import Report
from leeward.spec.members import in_file, text_of
from leeward.spec.nodes import Listing, Node, Scalar, Table
from leeward.spec.special import as_json

OF_TASK: Final = tuple(CallbackEvent)
OF_DAG: Final = (CallbackEvent.SUCCESS, CallbackEvent.FAILURE)
_PATH: Final = "callback"
_HINT: Final = "write an import path, a mapping with the key callback, or a list of those"


def read_callbacks(keys: Mapping[str, Node], events: Iterable[CallbackEvent], report: Report) -> Callbacks:
    """The callbacks by event; events without any are left out."""
    found = {event: (*_listed(keys, event, report), *_from_file(keys, event, report)) for event in events}
    return {event: callbacks for event, callbacks in found.items() if callbacks}


def _listed(keys: Mapping[str, Node], event: CallbackEvent, report: Report) -> Iterator[Callback]:
    node = keys.get(f"on_{event}_callback")
    if (
        node is None
        or (isinstance(node, Scalar) and node.value is None)
        or (isinstance(node, Table) and not node.items)
    ):
        return
    for item in node.items if isinstance(node, Listing) else (node,):
        path = text_of(item.get(_PATH)) if isinstance(item, Table) else text_of(item)
        if path is None or "." not in path:
            report.error(item.mark, "LW160", f"on_{event}_callback names nothing to call", _HINT)
            continue
        others = item.items.items() if isinstance(item, Table) else ()
        yield Callback(path, {key: as_json(value, report) for key, value in others if key != _PATH})


def _from_file(keys: Mapping[str, Node], event: CallbackEvent, report: Report) -> Iterator[Callback]:
    target = in_file(keys, f"on_{event}_callback", "callback", report)
    if target:
        yield Callback(target)
