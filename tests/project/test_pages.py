"""The pages tell the truth: generated ones are fresh, YAML in them compiles, commands in them are real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from leeward.operators import CATALOGUE
from leeward.spec.compile import compile_spec
from tests.spec.reading import NOW

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def _blocks(language: str) -> list[tuple[str, str]]:
    block = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [(page.name, body) for page in PAGES for body in block.findall(page.read_text(encoding="utf-8"))]


def test_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("page", "text"), _blocks("yaml"))
def test_yaml_on_a_page_compiles(page: str, text: str) -> None:
    found = compile_spec(text, page, CATALOGUE, now=NOW, env={})
    assert [str(error) for error in found.report.errors] == []
    assert found.dags


def test_output_in_the_readme_is_what_the_demo_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "leeward", "run", "dag_specs/demo.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split()[:4] for line in done.stdout.splitlines()[1:-1]]
    shown = [line.split()[:4] for line in readme.splitlines()]
    assert all(row[:4] in shown for row in rows), rows


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
