"""Change the header of a run while others may be changing it, too."""

from __future__ import annotations

from collections.abc import Callable

from leeward.core.run import Header, Item
from leeward.engine.ports import Write, header_item
from leeward.engine.scope import Scope


def read_header(scope: Scope) -> Item:
    """The item with the run's header, as it is now."""
    number = header_item(scope.layout)
    return scope.ports.runs.read(scope.info.ref, (number,))[number]


def amend(
    scope: Scope, item: Item, change: Callable[[Header], Header | None], epoch: int | None = None
) -> tuple[Item, Header | None]:
    """Write what `change` makes of the header: of the one in `item`, or of whichever beat it to the write.

    The item as it is then, and the header before the change; None if there was nothing (any more) to change, or the epoch is
    not the given one.
    """
    while item.header is not None and (after := change(item.header)) is not None:
        if epoch is not None and item.epoch != epoch:
            break
        written = scope.write(
            Write(header_item(scope.layout), epoch=item.epoch, expect_header=item.header, put_header=after)
        )
        if written.won or written.item.header == after:
            return written.item, item.header
        item = written.item
    return item, None
