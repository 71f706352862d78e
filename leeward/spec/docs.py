"""Documentation of a DAG: a text, or a file beside the spec. Code of the user's that would make one is not run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from leeward.spec.diagnostics import Report
from leeward.spec.macros import beside_spec
from leeward.spec.members import text_of
from leeward.spec.nodes import Node

MAX_DOC: Final = 64 * 1024
"""Characters of documentation: it travels with every version of the DAG."""

ReadText: TypeAlias = Callable[[str], str | None]
"""The text of a file by its path beside the spec, or None."""


def read_doc(keys: Mapping[str, Node], root: str, read: ReadText, report: Report) -> str | None:
    """The documentation; as in dag-factory, that of a file goes before `doc_md`."""
    node = keys.get("doc_md_file_path")
    path = text_of(node)
    if node is None or path is None:
        return text_of(keys.get("doc_md"))
    name = beside_spec(path, root)
    text = None if name is None else read(name)
    if name is None:
        report.error(node.mark, "LW149", f"{path!r} does not lie beside the spec", "write a path relative to the spec")
    elif text is None or len(text) > MAX_DOC:
        what = "is not there, or no text in UTF-8" if text is None else f"is longer than {MAX_DOC} characters"
        report.error(node.mark, "LW151", f"the documentation {path!r} {what}")
    return text
