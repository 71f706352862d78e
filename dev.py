#!/usr/bin/env python3
"""The one definition of every check and of how to set up: `python3 dev.py --help`.

Standard library only, and readable by old interpreters, so that it can say what is missing. It makes `.venv` from the
committed lock (with uv where it is installed, else with pip) and makes it again when the lock changes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements" / "dev.txt"
STAMP = VENV / "leeward-lock"
CDK_FOLDER = VENV / "cdk"
PLATFORMS = ("arm64/python3.13", "x86_64/python3.13")
CDK = CDK_FOLDER / "node_modules" / "aws-cdk" / "bin" / "cdk"
NEEDS = (3, 11)

CODE = [
    name
    for name in ("leeward", "lambdas", "infra", "app.py", "tests", "benchmarks", "docs", "dev.py")
    if (ROOT / name).exists()
]
PURE = ("leeward/core/*", "leeward/spec/*")

COMPILE_LOCK = [
    *("uv", "pip", "compile", "pyproject.toml", "--extra", "moto", "--group", "dev", "--universal"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"),
    *("--python-version", "3.11", "--output-file", "requirements/dev.txt"),
]

COMPILE_FUNCTIONS = [
    *("uv", "pip", "compile", "requirements/functions.in", "--constraint", "requirements/dev.txt"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"),
    *("--python-version", "3.13", "--python-platform", "aarch64-manylinux2014"),
    *("--output-file", "requirements/functions.txt"),
]

SIMULATED = ["tests/crash", "tests/simulation"]

STEPS = {
    "format": ("the formatter has nothing to change", [["ruff", "format", "--check", *CODE]]),
    "lint": ("ruff, broad", [["ruff", "check", *CODE]]),
    "types": ("mypy, strict", [["mypy", *CODE]]),
    "imports": ("imports run one way", [["lint-imports"]]),
    "docs": ("generated pages are fresh", [["python", "docs/generate.py", "--check"]]),
    "test": (
        "every test; branch coverage of all but simulations, which a tracer would slow down threefold",
        [
            ["pytest", "--cov", "--cov-report=", *(f"--ignore={folder}" for folder in SIMULATED)],
            ["pytest", *SIMULATED],
        ],
    ),
    "synth": (
        "the stack is synthesized by the pinned CDK, without an account",
        [["cdk", "synth", "--quiet", "--no-notices"]],
    ),
    "coverage": (
        "core and spec are covered to the last branch (after `test`)",
        [["coverage", "report", "--include=" + ",".join(PURE), "--fail-under=100"]],
    ),
}
"""What CI runs, in this order: name, what it holds, its commands (programs of the virtual environment)."""

SINGLE = {
    "demo": ["leeward", "run", "dag_specs/demo.yml"],
    "generate": ["python", "docs/generate.py"],
    "bundle": ["python", "-m", "infra.bundle"],
}
"""Commands that are one program."""

PROOFS = {"simulate": "tests.simulation", "schedules": "tests.schedules"}
"""Commands that go on where the tests stop: a module each, which reads its own options."""


def run(command: list[str]) -> int:
    """Run a program of the virtual environment in the project's folder; its exit code."""
    program = PYTHON if command[0] == "python" else BIN / command[0]
    shown = " ".join(command)
    print(f"$ {shown}", flush=True)
    if command[0] == "cdk":
        return cdk(command[1:])
    return subprocess.call([str(program), *command[1:]], cwd=ROOT, env=environment())


def run_all(commands: list[list[str]]) -> list[int]:
    """Run programs side by side; what all but the first print comes after the first has ended. Their exit codes."""
    with ExitStack() as stack:
        others = []
        for command in commands[1:]:
            told = stack.enter_context(tempfile.TemporaryFile())
            others.append(
                (
                    command,
                    told,
                    subprocess.Popen([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment(), stdout=told),
                )
            )
        codes = [run(commands[0])]
        for command, told, program in others:
            codes.append(program.wait())
            told.seek(0)
            print(f"$ {' '.join(command)}\n{told.read().decode(errors='replace')}", flush=True)
        return codes


def environment() -> dict[str, str]:
    """The environment of every program: the virtual environment's own programs (Python, Node) come first."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": str(VENV)}


def cdk(arguments: list[str]) -> int:
    """Run the pinned CDK command line."""
    return subprocess.call([str(BIN / "node"), str(CDK), *arguments], cwd=ROOT, env=environment())


def _project() -> bytes:
    """What of pyproject.toml decides about the installation."""
    import tomllib

    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return repr([found["project"], found["build-system"]]).encode()


def lock_hash() -> str:
    """What the virtual environment depends on."""
    others = [ROOT / "requirements" / "functions.txt", ROOT / "requirements" / "cdk" / "package-lock.json"]
    parts = [
        LOCK.read_bytes(),
        *(path.read_bytes() for path in others),
        _project(),
        sys.version.encode(),
        str(ROOT).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def do(command: list[str], cwd: Path | None = None) -> None:
    """Run a step of the set-up; end with its exit code and say which it was if it fails."""
    code = subprocess.call(command, cwd=cwd, env=environment())
    if code:
        print(f"set-up failed: {' '.join(command)}", file=sys.stderr)
        sys.exit(code)


def setup() -> None:
    """Make the virtual environment, unless it is there and fresh."""
    if STAMP.exists() and STAMP.read_text() == lock_hash():
        return
    print(f"setting up {VENV.name} from {LOCK.relative_to(ROOT)} ...", flush=True)
    uv = shutil.which("uv")
    make = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
        if uv
        else [sys.executable, "-m", "venv", "--clear"]
    )
    do([*make, str(VENV)])
    install = (
        [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
        if uv
        else [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    do([*install, "--no-deps", "--require-hashes", "-r", str(LOCK)])
    do([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    do([str(PYTHON), "-m", "infra.wheels", *PLATFORMS], cwd=ROOT)
    CDK_FOLDER.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "requirements" / "cdk" / name, CDK_FOLDER)
    do([str(BIN / "npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=CDK_FOLDER)
    STAMP.write_text(lock_hash())


def check(names: list[str], keep_going: bool) -> int:
    """Run steps in order; stop at the first that fails unless told otherwise. The exit code."""
    failed = []
    for name in names:
        print(f"\n== {name}: {STEPS[name][0]}", flush=True)
        start = time.monotonic()
        codes = run_all(STEPS[name][1])
        print(f"== {name}: {'failed' if any(codes) else 'ok'} in {time.monotonic() - start:.1f} s", flush=True)
        if any(codes):
            failed.append(name)
            if not keep_going:
                break
    print("\n" + (f"failed: {', '.join(failed)}" if failed else "all green"))
    return 1 if failed else 0


def bench() -> int:
    """Print every benchmark's figures."""
    scripts = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if "def main(" in path.read_text()]
    return max((run(["python", str(path.relative_to(ROOT))]) for path in scripts), default=0)


def relock() -> int:
    """Make the locks anew."""
    return max(run([*COMPILE_LOCK, "--upgrade"]), run(COMPILE_FUNCTIONS))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sub = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sub.add_parser("setup", help="make .venv from the lock")
    sub.add_parser("demo", help="run an example DAG")
    sub.add_parser("test", help="run all tests; further arguments go to pytest", add_help=False)
    everything = sub.add_parser("check", help="run what CI runs: " + ", ".join(STEPS))
    everything.add_argument("steps", nargs="*", choices=[[], *STEPS], help="only these steps")
    everything.add_argument("--keep-going", action="store_true", help="run the later steps after a failure")
    sub.add_parser("fix", help="let ruff format the code and mend what it can")
    sub.add_parser("generate", help="write the generated pages")
    sub.add_parser("bench", help="print the benchmarks' figures")
    sub.add_parser("simulate", help="simulate the whole installation, seed by seed (--seeds N)", add_help=False)
    sub.add_parser("schedules", help="prove generated schedules (--count N --seed S)", add_help=False)
    sub.add_parser("bundle", help="list what is in the functions' code and what it weighs")
    sub.add_parser("cdk", help="run the pinned CDK command line: bootstrap, deploy, diff, destroy ...", add_help=False)
    sub.add_parser("lock", help="make the locks anew")
    return found


def main() -> int:
    """Do what the command line says; the exit code."""
    if sys.version_info < NEEDS:
        print("Leeward needs Python 3.11 or newer, this is " + sys.version.split()[0], file=sys.stderr)
        return 2
    options, rest = parser().parse_known_args()
    if rest and options.command not in ("test", "cdk", *PROOFS):
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    setup()
    if options.command == "lock":
        return relock()
    if options.command in SINGLE:
        return run(SINGLE[options.command])
    if options.command == "test":
        return run(["pytest", *rest])
    if options.command in PROOFS:
        return run(["python", "-m", PROOFS[options.command], *rest])
    if options.command == "cdk":
        return cdk(rest)
    if options.command == "check":
        return check(options.steps or list(STEPS), options.keep_going)
    if options.command == "fix":
        return max(run(["ruff", "check", "--fix", *CODE]), run(["ruff", "format", *CODE]))
    return bench() if options.command == "bench" else 0


if __name__ == "__main__":
    sys.exit(main())
