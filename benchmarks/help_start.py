"""How long `edgeconv --help` takes against a bare `import typer`: at most three times is the goal.

    python benchmarks/help_start.py

Whole processes in turns (A B A B …), ratio of the medians of one run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from time import perf_counter_ns

RUNS = 25
LIMIT = 3.0
COMMANDS = {
    "edgeconv --help": [sys.executable, "-m", "edgeconv", "--help"],
    "import typer": [sys.executable, "-c", "import typer"],
}


def once(command: list[str]) -> float:
    """Wall-clock milliseconds of one process."""
    start = perf_counter_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (perf_counter_ns() - start) / 1e6


def main() -> int:
    """Print both medians and their ratio; 1 where the ratio is above the limit."""
    for command in COMMANDS.values():
        once(command)  # the disk's cache and byte code
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            times[name].append(once(command))
    for name, samples in times.items():
        print(f"{name:16} median {median(samples):7.1f} ms  min {min(samples):7.1f} ms")
    ours, theirs = (median(samples) for samples in times.values())
    ratio = ours / theirs
    print(json.dumps({"ratio_of_medians": round(ratio, 3), "limit": LIMIT, "runs": RUNS}))
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
