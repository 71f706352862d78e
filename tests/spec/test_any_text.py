"""Whatever stands in a file, the compiler ends with a report: it never raises."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.operators import CATALOGUE
from leeward.spec.compile import Compiled, compile_spec
from leeward.spec.keys import KEYS, Level
from leeward.worker.values import BUILDERS
from tests.spec.reading import NOW

WORDS = sorted(
    {name for rows in KEYS.values() for name in rows} | {n for row in CATALOGUE.signatures() for n in row.parameters}
)
PATHS = [path for row in CATALOGUE.signatures() for path in (*row.paths, *row.decorators)]
TEXTS = [
    "t",
    "g",
    "u",
    "+t",
    "+t['k']",
    "{{ ds }}",
    "{{",
    "2 days",
    "2024-01-01",
    "0 3 * * *",
    "@daily",
    "all_done",
    "x.Y",
    "",
    "a b",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.sampled_from([*TEXTS, *PATHS, *BUILDERS]),
    st.text(max_size=8),
)
KEYS_AND_WORDS = st.sampled_from(
    [*WORDS, "t", "g", "u", "d", "default", "__type__", "__args__", "__join__", "__or__", "items"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS_AND_WORDS, inner, max_size=5),
    max_leaves=25,
)
TASKS = st.dictionaries(
    st.sampled_from(["t", "u", "v"]), st.dictionaries(KEYS_AND_WORDS, VALUES, max_size=6), max_size=3
)
DAGS = st.builds(
    lambda rest, tasks: {**rest, "tasks": tasks},
    st.dictionaries(st.sampled_from(sorted(KEYS[Level.DAG])), VALUES, max_size=6),
    TASKS | VALUES,
)


def _compiled(text: str, *defaults: str) -> Compiled:
    return compile_spec(
        text,
        "f",
        CATALOGUE,
        now=NOW,
        env={"A": "b"},
        defaults=[("d", body) for body in defaults],
        variables=lambda name: name,
    )


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_report(text: str) -> None:
    _compiled(text)


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_any_document_gives_a_report(document: object) -> None:
    _compiled(json.dumps(document), json.dumps(document))


@settings(max_examples=400, deadline=None)
@given(DAGS)
def test_any_dag_gives_a_report_and_one_without_errors_is_whole(dag: object) -> None:
    found = _compiled(json.dumps({"d": dag}))
    assert bool(found.dags) != bool(found.report.errors)
    for compiled in found.dags:
        assert [task.task_id for task in compiled.tasks if set(task.upstream) - compiled.index.keys()] == []
        assert all(up < down for down, ups in enumerate(compiled.graph.upstream) for up in ups)
