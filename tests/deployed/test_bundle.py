"""The functions' code: small, reviewed, and complete without anything but Lambda's own boto3."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.bundle import LEFT_OUT, build, zipped
from tests.deployed.assembly import HOST, ROOT

REVIEWED = {
    "_yaml": "part of PyYAML",
    "attr": "jsonschema",
    "attrs": "jsonschema",
    "croniter": "cron expressions",
    "dateutil": "relativedelta in specs; croniter",
    "jinja2": "templates",
    "jsonschema": "params with JSON Schema",
    "jsonschema_specifications": "jsonschema",
    "lambdas": "ours",
    "leeward": "ours",
    "markupsafe": "jinja2",
    "pendulum": "dates of templates and callables",
    "referencing": "jsonschema",
    "rfc3339_validator.py": "the format date-time of jsonschema",
    "rpds": "jsonschema",
    "six.py": "dateutil",
    "tzdata": "time zones: the runtime has no files of them",
    "yaml": "specs",
}
"""What may be in it, and what for."""
RUNTIME = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3")
"""What Lambda's runtime brings."""
LOCAL = {"moto"}
"""What `leeward run --aws moto` imports, and no function does."""
MAX_BYTES = 5 * 2**20

ALONE = """
import importlib, sys
from importlib.machinery import PathFinder

bundle, site, runtime, names = sys.argv[1], sys.argv[2], sys.argv[3].split(","), sys.argv[4].split(",")

class Runtime:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, path or [site]) if name.partition(".")[0] in runtime else None

sys.path.insert(0, bundle)
sys.meta_path.append(Runtime)
for name in names:
    importlib.import_module(name)
strangers = [name for name, module in sys.modules.items() if (getattr(module, "__file__", None) or "").startswith(site)]
assert all(name.partition(".")[0] in runtime for name in strangers), strangers
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    build(folder, f"{HOST}/python3.13")
    return folder


def _modules(bundle: Path) -> Iterator[str]:
    for package in ("lambdas", "leeward"):
        for path in sorted((bundle / package).rglob("*.py")):
            if path.name not in ("__init__.py", "__main__.py"):
                yield ".".join(path.relative_to(bundle).with_suffix("").parts)


def test_packages_are_reviewed_ones_on_both_architectures(bundle: Path, tmp_path: Path) -> None:
    other = "x86_64" if HOST == "arm64" else "arm64"
    build(tmp_path, f"{other}/python3.13")
    for folder in (bundle, tmp_path):
        assert {path.name for path in folder.iterdir()} == REVIEWED.keys()
        assert sum(zipped(folder).values()) <= MAX_BYTES


def test_neither_boto3_nor_command_line_nor_twins_nor_byte_code_are_in_it(bundle: Path) -> None:
    assert [part for part in (*LEFT_OUT, *RUNTIME) if (bundle / part).exists()] == []
    assert list(bundle.rglob("*.pyc")) == []


def test_every_handler_of_the_project_is_in_it(bundle: Path) -> None:
    ours = {path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py")}
    assert ours == {path.parent.name for path in (bundle / "lambdas").glob("*/handler.py")}


def test_every_module_is_imported_from_it_with_boto3_alone(bundle: Path) -> None:
    """In an interpreter without site-packages; what compiled modules offer is there in Python too."""
    site = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-c",
            ALONE,
            str(bundle),
            site,
            ",".join(RUNTIME),
            ",".join(_modules(bundle)),
        ],
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_functions_import_when_they_run_is_in_it_too(bundle: Path) -> None:
    """Imports inside functions, which importing the modules does not reach."""
    there = {path.name.removesuffix(".py") for path in bundle.iterdir()} | {*RUNTIME, *sys.stdlib_module_names}
    missing = {
        name
        for package in ("lambdas", "leeward")
        for path in (bundle / package).rglob("*.py")
        for name in _imported(path)
        if name.partition(".")[0] not in there or not _is_ours_and_there(name, bundle)
    }
    assert missing == LOCAL


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _is_ours_and_there(name: str, bundle: Path) -> bool:
    """Whether a module of ours is in the bundle; those of others are looked at by their package alone."""
    place = bundle.joinpath(*name.split("."))
    return not name.startswith(("leeward", "lambdas")) or place.is_dir() or place.with_suffix(".py").exists()
