"""Where a DAG's keys come from: its own, the file's `default:` block, and defaults files, the nearest first.

Mappings merge key by key, lists are replaced, except that `tasks` and `task_groups` merge by name, whatever form they
have: a default block may define tasks of which a DAG overrides single keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leeward.spec.nodes import Listing, Mark, Node, Scalar, Table

_NAMES = {"tasks": "task_id", "task_groups": "group_name"}


def effective(dag: Table, default_block: Table | None, defaults_files: Sequence[Table]) -> Table:
    """A DAG with everything that it inherits. `defaults_files` come from the root down to the spec's folder."""
    base = _files(defaults_files, dag)
    if default_block is not None:
        base = merge(base, default_block)
    return merge(base, dag)


def disagreements(block: Table | None, files: Sequence[Table]) -> Iterator[tuple[str, Mark]]:
    """The DAG-level keys that a defaults file and the default block set to different values.

    dag-factory documents that the block wins, and lets the file win.
    """
    if block is None:
        return
    for key, node in block.items.items():
        for file in files:
            other = file.get(key)
            if key != "default_args" and other is not None and _shape(other) != _shape(node):
                yield key, file.key_mark(key)


def _shape(node: Node) -> object:
    """A node without its places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [_shape(item) for item in node]
    return {key: _shape(value) for key, value in node.items.items()}


def _files(files: Sequence[Table], dag: Table) -> Table:
    """All defaults files as one; their tags add up, and a nearer file's keys win."""
    merged, tags = Table({}, dag.mark), list[Node]()
    for file in files:
        found = file.get("tags")
        if isinstance(found, Listing):
            tags += [tag for tag in found if _text(tag) not in map(_text, tags)]
        merged = merge(merged, file)
    if tags:
        merged = merge(merged, Table({"tags": Listing(tuple(tags), tags[0].mark)}, tags[0].mark))
    return merged


def merge(base: Table, over: Table) -> Table:
    """`over` on top of `base`; every part keeps the place where it stands."""
    items = dict(base.items)
    for key, value in over.items.items():
        below = items.get(key)
        items[key] = value if below is None else _merged(key, below, value)
    return Table(items, over.mark, {**base.key_marks, **over.key_marks})


def _merged(key: str, below: Node, above: Node) -> Node:
    if key in _NAMES:
        named_below, named_above = _named(below, _NAMES[key]), _named(above, _NAMES[key])
        if named_below is not None and named_above is not None:
            return merge(named_below, named_above)
    if isinstance(below, Table) and isinstance(above, Table):
        return merge(below, above)
    return above


def _named(node: Node, name: str) -> Table | None:
    """Tasks or groups by name; None where a list has items without one, or one name twice."""
    if isinstance(node, Table):
        return node
    if not isinstance(node, Listing):
        return None
    found: dict[str, Node] = {}
    for item in node:
        key = _text(item.get(name)) if isinstance(item, Table) else None
        if key is None or key in found:
            return None
        found[key] = item
    return Table(found, node.mark, {key: value.mark for key, value in found.items()})


def _text(node: Node | None) -> str | None:
    return node.text if isinstance(node, Scalar) else None
