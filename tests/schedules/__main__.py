"""`python3 dev.py schedules --count 5000`: the proof of schedules over as many expressions as there is time for."""

from __future__ import annotations

import argparse
import sys
import time

from tests.schedules.prove import prove


def main() -> int:
    """Prove, and print the figures; the exit code."""
    options = argparse.ArgumentParser(prog="dev.py schedules", description=__doc__)
    options.add_argument("--count", type=int, default=300, help="how many expressions")
    options.add_argument("--seed", type=int, default=0, help="which ones")
    chosen = options.parse_args()
    start = time.process_time()
    try:
        figures = prove(chosen.count, chosen.seed)
    except AssertionError as error:
        print(f"seed {chosen.seed}: {error}")
        return 1
    print(f"{figures}; {time.process_time() - start:.0f} s of CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
