"""YAML text to nodes, hardened: what a hostile or careless file can do ends here, as messages with places.

Sizes, depth and the number of nodes after aliases are capped, keys must not repeat, tags must be plain, and scalars mean
what YAML 1.2's core schema says (`NO` and `22:30` are text, `010` is ten), except that dates are dates, on which
dag-factory's files rely.

Variables (`$NAME`, `${NAME}`) are replaced in every scalar before its type is resolved, and stay as they are when they
are not set: dag-factory's rule, but per scalar instead of in the file's text, so that a value can't become structure.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Final

import yaml

from leeward.spec.diagnostics import Report
from leeward.spec.nodes import Listing, Mark, Node, Plain, Scalar, Table

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 50
MAX_NODES: Final = 200_000

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_VARIABLE: Final = re.compile(r"\$(\w+|\{[^}]*\})", re.ASCII)
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TIMESTAMP: Final = yaml.constructor.SafeConstructor.timestamp_regexp
_TAG: Final = "tag:yaml.org,2002:"
_TEXT: Final = _TAG + "str"
_TYPED: Final = frozenset(
    _TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_RESOLVER: Final = yaml.resolver.Resolver()
_STRUCTURE: Final = frozenset(_TAG + kind for kind in ("map", "seq"))
_REMOVED_TAGS: Final = {"!and": "__and__", "!or": "__or__", "!join": "__join__"}


def parse(text: str, file: str, report: Report, env: Mapping[str, str]) -> Table | None:
    """The document as a mapping, or None if it can't be read at all; every mistake goes to the report."""
    start = Mark(file, 1, 1)
    if len(text.encode()) > MAX_BYTES:
        report.error(start, "LW100", f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")
        return None
    try:
        documents = list(yaml.compose_all(text, Loader))
    except yaml.MarkedYAMLError as error:
        report.error(_place(file, error), "LW101", f"not YAML: {error.problem or error.context}")
        return None
    except (yaml.YAMLError, RecursionError) as error:
        report.error(start, "LW101", f"not YAML: {str(error).splitlines()[0]}")
        return None
    if len(documents) > 1:
        place = _mark(file, documents[1].start_mark)
        report.error(place, "LW102", "more than one document", "remove the line `---`")
        return None
    if not documents or not isinstance(documents[0], yaml.MappingNode):
        report.error(start, "LW103", "the file holds no mapping", "write `DAG_ID:` and below it the DAG's keys")
        return None
    found = _Reader(file, report, env).node(documents[0], 0)
    return found if isinstance(found, Table) else None


def _mark(file: str, mark: yaml.Mark) -> Mark:
    return Mark(file, mark.line + 1, mark.column + 1)


def _place(file: str, error: yaml.MarkedYAMLError) -> Mark:
    mark = error.problem_mark or error.context_mark
    return Mark(file, 1, 1) if mark is None else _mark(file, mark)


class _Reader:
    """Turns PyYAML's nodes into ours, counting as it goes."""

    def __init__(self, file: str, report: Report, env: Mapping[str, str]) -> None:
        self.file, self.report, self.env = file, report, env
        self.count = 0
        self.open: set[int] = set()

    def node(self, node: yaml.Node, depth: int) -> Node | None:
        """One node and what is below it; None where that would pass a cap."""
        self.count += 1
        if self.count > MAX_NODES:
            self._cap(node, f"more than {MAX_NODES} nodes, aliases counted as often as they are used")
            return None
        if depth > MAX_DEPTH:
            self._cap(node, f"nested deeper than {MAX_DEPTH} levels")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self.open:
            self.report.error(self._at(node), "LW105", "an alias that contains itself")
            return None
        self._check_tag(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._table(node, depth)
            return self._listing(node, depth)
        finally:
            self.open.discard(id(node))

    def _at(self, node: yaml.Node) -> Mark:
        return _mark(self.file, node.start_mark)

    def _cap(self, node: yaml.Node, message: str) -> None:
        if not any(found.code == "LW104" for found in self.report.found):
            self.report.error(self._at(node), "LW104", message)

    def _check_tag(self, node: yaml.Node) -> None:
        if node.tag in _STRUCTURE:
            return
        removed = _REMOVED_TAGS.get(node.tag)
        hint = f"write {removed}: [...]" if removed else "remove the tag"
        self.report.error(self._at(node), "LW106", f"the tag {_short(node.tag)} is not allowed", hint)

    def _listing(self, node: yaml.Node, depth: int) -> Listing:
        items = (self.node(item, depth + 1) for item in node.value)
        return Listing(tuple(item for item in items if item is not None), self._at(node))

    def _table(self, node: yaml.MappingNode, depth: int) -> Table:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                self._merge(value_node, depth, merged, marks)
                continue
            key = self._key(key_node)
            if key is None:
                continue
            if key in own:
                first = marks[key]
                message = f"the key {key!r} is there twice, first in line {first.line}"
                self.report.error(self._at(key_node), "LW107", message, "keep one of them")
                continue
            value = self.node(value_node, depth + 1)
            if value is not None:
                own[key], marks[key] = value, self._at(key_node)
        return Table({**merged, **own}, self._at(node), marks)

    def _merge(self, node: yaml.Node, depth: int, merged: dict[str, Node], marks: dict[str, Mark]) -> None:
        """The keys of a `<<`; where several mappings are merged the first wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            table = self.node(source, depth + 1)
            if not isinstance(table, Table):
                self.report.error(self._at(source), "LW108", "`<<` wants a mapping or a list of mappings")
                continue
            for key, value in table.items.items():
                if key not in merged:
                    merged[key] = value
                    marks.setdefault(key, table.key_mark(key))

    def _key(self, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            return expand(node.value, self.env)
        self.report.error(self._at(node), "LW109", "a key must be text")
        return None

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        text, mark = expand(node.value, self.env), self._at(node)
        if node.tag not in _TYPED:
            self._check_tag(node)
        literal = node.tag == _TEXT and not (not node.style and _implicit(node.value) == _TEXT)
        return Scalar(text if literal else resolve(text), mark, text)


def _implicit(text: str) -> str:
    """The tag that PyYAML gives plain text; a different one on the node was written by the author."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def expand(text: str, env: Mapping[str, str]) -> str:
    """Text with its variables replaced; unset ones stay."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        return env.get(match[1].strip("{}"), match[0])

    return _VARIABLE.sub(value, text)


def resolve(text: str) -> Plain:
    """What a plain scalar means."""
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    if special:
        return float(text.replace(".", "", 1))
    if _TIMESTAMP.match(text):
        return _date(text)
    return text


def _integer(text: str) -> int | str:
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    return int(text) if len(text) <= 4000 else text


def _date(text: str) -> Plain:
    """A date or datetime as PyYAML reads it, or the text where there is no such day."""
    node = yaml.ScalarNode(_TAG + "timestamp", text)
    try:
        value: datetime.date = yaml.SafeLoader("").construct_yaml_timestamp(node)
    except ValueError:
        return text
    return value


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
