"""Wall and CPU time of `leeward run`, per no-op Python task: the whole command, processes of user code included.

Every figure is the median of some runs of the real command. `start` is a DAG without tasks: interpreter, imports, the
spec compiler. Compare figures of one run of this script only; absolute times belong to the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from shapes import SHAPES, spec

RUNS = 3


def measure(folder: Path, name: str, text: str) -> tuple[float, float]:
    """Median wall and CPU seconds of one command."""
    path = folder / f"{name}.yml"
    path.write_text(text)
    command = [sys.executable, "-m", "leeward", "run", str(path), "--json"]
    rows = [_once(command) for _ in range(RUNS)]
    return median(wall for wall, _ in rows), median(cpu for _, cpu in rows)


def _once(command: list[str]) -> tuple[float, float]:
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after, wall = os.times(), time.perf_counter() - start
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def main() -> None:
    """Print one row a shape."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "noop.py").write_text("def noop():\n    return None\n")
        wall0, cpu0 = measure(folder, "start", spec("start", 0, []))
        print(f"{'shape':<12}{'tasks':>6}{'wall s':>9}{'CPU s':>8}{'wall ms/task':>14}{'CPU ms/task':>13}")
        print(f"{'start':<12}{0:>6}{wall0:>9.2f}{cpu0:>8.2f}")
        for shape, (tasks, edges) in SHAPES.items():
            wall, cpu = measure(folder, shape, spec(shape, tasks, edges))
            per_wall, per_cpu = 1000 * (wall - wall0) / tasks, 1000 * (cpu - cpu0) / tasks
            print(f"{shape:<12}{tasks:>6}{wall:>9.2f}{cpu:>8.2f}{per_wall:>14.2f}{per_cpu:>13.2f}")


if __name__ == "__main__":
    main()
