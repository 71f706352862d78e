"""Which entry of a run: one number for a task, for an instance of a mapped task, and for the summary of a block.

A task's address is its index in the DAG. `task[i]` and summaries have greater ones that hold that index as their remainder.
Items are numbered in the same way: those of tasks from 0, the blocks and summary items of mapped tasks behind them.
"""

from __future__ import annotations

from typing import Final

from leeward.contract import INSTANCES_PER_BLOCK

STRIDE: Final = 1 << 20
"""More tasks than a DAG can hold: a spec may have 4 MB."""

APART: Final = 2 * STRIDE
"""The distance between neighbours: instances of one task, or summaries of its blocks."""

BLOCK: Final = INSTANCES_PER_BLOCK
"""Instances of one block, and summaries of one summary item."""


def task_of(address: int) -> int:
    """The index of the task that an entry, or an item of a mapped task, belongs to."""
    return address % STRIDE


def instance(task: int, map_index: int) -> int:
    """The address of an instance of a mapped task."""
    return (2 * map_index + 1) * STRIDE + task


def summary(task: int, block: int) -> int:
    """The address of the summary of a block."""
    return (2 * block + 2) * STRIDE + task


def map_index_of(address: int) -> int:
    """The map index of an instance; -1 for anything else, as in Airflow."""
    level = address // STRIDE
    return level // 2 if level % 2 else -1


def is_summary(address: int) -> bool:
    """Whether it is the summary of a block."""
    level = address // STRIDE
    return level > 0 and level % 2 == 0


def block_of(address: int) -> int:
    """The block that an instance lies in, or that a summary is about."""
    level = address // STRIDE
    return (level - 1) // 2 // BLOCK if level % 2 else level // 2 - 1


def item_of(address: int) -> int:
    """The number of the item that holds an instance or a summary."""
    level, task = divmod(address, STRIDE)
    kind = 2 - level % 2
    place = (level - 1) // 2 // BLOCK
    return (2 * place + kind) * STRIDE + task


def is_block(item: int) -> bool:
    """Whether an item holds instances of a mapped task."""
    return item // STRIDE % 2 == 1


def first_in(item: int) -> int:
    """The address of the first entry of a block or summary item."""
    level, task = divmod(item, STRIDE)
    kind = 2 - level % 2
    return (2 * BLOCK * ((level - 1) // 2) + kind) * STRIDE + task


def all_in(item: int) -> range:
    """The addresses of all entries that a block or summary item may hold."""
    first = first_in(item)
    return range(first, first + BLOCK * APART, APART)


def blocks(task: int, width: int) -> range:
    """The numbers of the blocks of so many instances."""
    return range(STRIDE + task, (2 * -(-width // BLOCK) + 1) * STRIDE + task, APART)


def summaries(task: int, width: int) -> range:
    """The numbers of the summary items of so many instances: none for a single block."""
    count = -(-width // BLOCK)
    items = -(-count // BLOCK) if count > 1 else 0
    return range(APART + task, (2 * items + 2) * STRIDE + task, APART)
