"""What an advancer has seen of a run: the items that it has read, and nothing about the others.

A view needs no snapshot: `decide` concludes only from finished states, which change only together with the epoch. Items
of different epochs must not be mixed (`View.torn`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from leeward.contract import TASKS_PER_SHARD
from leeward.core.address import STRIDE, all_in, item_of
from leeward.core.run import UNTOUCHED, Entry, Header, Item


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the entries of a run of `tasks` tasks lie. Shards are numbered from 0, items of mapped instances behind them."""

    tasks: int

    @property
    def shards(self) -> int:
        """How many items hold entries; a DAG without tasks has one."""
        return max(1, -(-self.tasks // TASKS_PER_SHARD))

    @property
    def single(self) -> bool:
        """Whether the run is one item: its header then lies with the entries, in shard 0."""
        return self.shards == 1

    def shard(self, index: int) -> int:
        """The item of a task, an instance or a summary, by its address."""
        return index // TASKS_PER_SHARD if index < STRIDE else item_of(index)

    def indexes(self, shard: int) -> range:
        """The addresses of an item's entries; a block's are all that it may hold."""
        if shard >= STRIDE:
            return all_in(shard)
        return range(shard * TASKS_PER_SHARD, min(self.tasks, (shard + 1) * TASKS_PER_SHARD))


@dataclass(frozen=True, slots=True)
class View:
    """Items as last seen, by shard number. `header` is None while the header has not been read."""

    layout: Layout
    items: Mapping[int, Item] = field(default_factory=dict)
    header: Header | None = None

    def entry(self, index: int) -> Entry | None:
        """The entry of a task, or None if its item has not been read."""
        item = self.items.get(self.layout.shard(index))
        return None if item is None else item.entries.get(index, UNTOUCHED)

    @property
    def torn(self) -> bool:
        """Whether items of several epochs are mixed: a verb is on its way, nothing may be decided."""
        return len(self._epochs()) > 1

    @property
    def epoch(self) -> int:
        """The epoch of the items, if the view is not torn."""
        return max(self._epochs(), default=0)

    def _epochs(self) -> set[int]:
        """The epochs of the items; a block that was never written has none."""
        return {item.epoch for shard, item in self.items.items() if shard < STRIDE or not item.fresh}

    def fresh(self, shard: int) -> bool:
        """Whether an item is a block that was never written: its first write gives it an epoch."""
        return shard >= STRIDE and self.items[shard].fresh

    def with_item(self, shard: int, item: Item) -> View:
        """This view with a newer image of one item."""
        header = item.header if item.header is not None else self.header
        return replace(self, items={**self.items, shard: item}, header=header)

    def with_entries(self, entries: Mapping[int, Entry]) -> View:
        """This view as it would be after a write of these entries (their items must have been read)."""
        items = dict(self.items)
        for shard in {self.layout.shard(index) for index in entries}:
            item = items[shard]
            ours = {i: e for i, e in entries.items() if self.layout.shard(i) == shard}
            items[shard] = replace(item, entries={**item.entries, **ours})
        return replace(self, items=items)

    def unread(self, indexes: Iterable[int]) -> frozenset[int]:
        """The shards of those tasks that have not been read."""
        return frozenset(shard for shard in map(self.layout.shard, indexes) if shard not in self.items)
