"""A thousand worlds hold; every naive engine is found out in one of them; what has once been found stays found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.simulation.__main__ import FOUND, replay, verdicts
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import of_fixture, run_case, run_seed

SEEDS = range(1000)
CAUGHT = Path(__file__).parent / "caught"
"""A world for each naive engine in which it was found out; where that has changed since, the seeds are gone through."""


def test_a_thousand_worlds_come_to_rest_as_they_should() -> None:
    wrong = [verdict for verdict in verdicts(SEEDS, os.cpu_count() or 1) if verdict.wrong]
    assert [(replay(verdict.seed), verdict.wrong) for verdict in wrong] == []


def test_seed_says_the_same_every_time() -> None:
    assert run_seed(7) == run_seed(7)


MISFITS = {"TypeError", "AttributeError", "NameError", "KeyError"}


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.json")), ids=lambda path: path.stem)
def test_what_has_once_gone_wrong_goes_well(path: Path) -> None:
    case, seed = of_fixture(path.read_text())
    assert run_case(case, seed).wrong == ()


@pytest.mark.parametrize("name", MUTANTS)
def test_naive_engine_is_found_out(name: str) -> None:
    """By what it does wrong: a patch that no longer fits the code would only raise what Python raises."""
    case, seed = of_fixture((CAUGHT / f"{name}.json").read_text())
    with MUTANTS[name]():
        found = run_case(case, seed).wrong or next((wrong for each in SEEDS if (wrong := run_seed(each).wrong)), ())
    assert found, f"{name} goes unnoticed"
    assert not [reason for reason in found if MISFITS.intersection(reason.replace(":", " ").split())], found
