"""Simulate many seeds: `python -m tests.simulation --seeds 100000`, or one of them again: `--from 4711 --seeds 1`.

A seed that goes wrong is written into `found/`, where the tests run it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.run import Verdict, fixture, run_seed

FOUND = Path(__file__).parent / "found"
"""What has once gone wrong, and is run by the tests ever after."""


def replay(seed: int) -> str:
    """The command that runs one seed again."""
    return f"python3 dev.py simulate --from {seed} --seeds 1"


def verdicts(seeds: Sequence[int], processes: int) -> Iterator[Verdict]:
    """The verdicts of seeds, in order."""
    if processes == 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run_seed, seeds, chunksize=50)


def main() -> int:
    """Print what went wrong, each with the command that replays it, and a line of counts."""
    parser = argparse.ArgumentParser(
        prog="dev.py simulate", description="Simulate the whole installation, seed by seed."
    )
    parser.add_argument("--seeds", type=int, default=1000, help="how many (%(default)s)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at once (%(default)s)")
    options = parser.parse_args()
    began, wrong, steps, struck = time.monotonic(), 0, 0, Counter[str]()
    seeds = range(options.first, options.first + options.seeds)
    for number, verdict in enumerate(verdicts(seeds, min(options.processes, len(seeds))), 1):
        steps += verdict.steps
        struck += verdict.struck
        if verdict.wrong:
            wrong += 1
            (FOUND / f"seed_{verdict.seed}.json").write_text(fixture(verdict.seed) + "\n")
            print(f"seed {verdict.seed}: {replay(verdict.seed)}", *verdict.wrong, sep="\n  ", flush=True)
        if number % 1000 == 0:
            print(f"{number} seeds, {wrong} wrong", file=sys.stderr, flush=True)
    faults = ", ".join(f"{count} {name}" for name, count in struck.most_common())
    print(f"{options.seeds} seeds: {wrong} wrong; {steps} steps; {faults}; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
