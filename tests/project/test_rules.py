"""The rules that the code keeps: layers' purity, sizes, names, and imports on machines that are not POSIX."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.core.codes import CODES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "leeward"
SOURCES = sorted(PACKAGE.rglob("*.py"))
POSIX_ONLY = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
HIDDEN = tuple(name for name in POSIX_ONLY if name != "posix")
"""What the test hides; `posix` itself is how this interpreter talks to its system."""
FORBIDDEN_IN_CORE = ("os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid")
VAGUE = ("common", "helpers", "misc", "models", "types", "utils")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.name)
def test_core_reads_no_clock_no_chance_and_no_environment(path: Path) -> None:
    found = set(_imports(_tree(path)))
    assert not found & set(FORBIDDEN_IN_CORE)
    assert all(name.partition(".")[0] in ("leeward", *sys.stdlib_module_names) for name in found)
    calls = (node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
    assert not {call.attr for call in calls if isinstance(call, ast.Attribute)} & {"now", "today", "utcnow"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > 50]
    assert long == []


def test_packages_are_empty_and_modules_have_telling_names() -> None:
    inits = [path for path in SOURCES if path.name == "__init__.py" and path.parent.name != "operators"]
    assert [path for path in inits if path.read_text()] == []
    assert [path for path in SOURCES if path.stem in VAGUE] == []


def test_package_is_imported_where_posix_modules_do_not_exist() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SOURCES
        if path.name not in ("__init__.py", "__main__.py")
    ]
    script = f"import sys\nfor name in {HIDDEN}:\n    sys.modules[name] = None\nimport importlib\nfor name in {names}:\n    importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_code_names_no_posix_only_module() -> None:
    assert [path for path in SOURCES if set(_imports(_tree(path))) & set(POSIX_ONLY)] == []


def test_engine_starts_without_the_heavy_libraries() -> None:
    script = "import sys, leeward.engine.handle, leeward.operators.execute\nprint(sorted({'boto3', 'botocore', 'jinja2', 'rich', 'yaml', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_code_is_explained_and_every_explanation_is_of_a_code_in_use() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "codes.py")
    used = {text[i : i + 5] for i in range(len(text)) if text.startswith("LW", i) and text[i + 2 : i + 5].isdigit()}
    assert used == set(CODES)
