"""The whole sweep: `python -m tests.sweep.run OUT.jsonl [COUNT]`, again to go on.

Each line of OUT is a row. A child process makes them one after the other; where it dies, the row
says so and the next child goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .row import SCHEMES, TARGETS, Cell, Row, sweep

COUNT = 200
NATIVE_CRASH = "the process died"


def rows(out: Path) -> list[Row]:
    """What is done already."""
    return [Row.from_json(line) for line in out.read_text().splitlines()] if out.exists() else []


def work(out: Path, numbers: list[int]) -> None:
    """Append a row for each number, in this process."""
    from .architectures import build

    for number in numbers:
        row = sweep(build(number))
        with out.open("a") as file:
            file.write(row.to_json() + "\n")


def main(out: Path, count: int) -> int:
    """Make every missing row, and print what is wrong."""
    while missing := sorted(set(range(count)) - {row.number for row in rows(out)}):
        words = [sys.executable, "-m", "tests.sweep.run", str(out), "--numbers"]
        code = subprocess.run([*words, *map(str, missing)], check=False).returncode
        left = sorted(set(range(count)) - {row.number for row in rows(out)})
        if code and left:
            dead = {
                f"{t} {s}": Cell("crashed", reason=NATIVE_CRASH) for t in TARGETS for s in SCHEMES
            }
            with out.open("a") as file:
                file.write(Row(left[0], (), dead, {}).to_json() + "\n")
    done = rows(out)
    faults = [fault for row in done for fault in row.faults]
    sys.stdout.write("\n".join((*table(done), "", *faults, "")))
    return 1 if faults else 0


def table(done: list[Row]) -> list[str]:
    """Markdown: how often each result stands in each column."""
    lines = ["| | right | refused | wrong | failed | crashed |", "|---|---|---|---|---|---|"]
    for side in ("ours", "bare"):
        cells: dict[str, Counter[str]] = {}
        for row in done:
            for name, cell in getattr(row, side).items():
                cells.setdefault(name, Counter())[cell.result] += 1
        for name, counts in cells.items():
            label = f"edgeconv, {name}" if side == "ours" else f"bare converter, {name}"
            figures = (counts[r] for r in ("right", "refused", "wrong", "failed", "crashed"))
            lines.append(f"| {label} | {' | '.join(map(str, figures))} |")
    return lines


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    target = Path(sys.argv[1])
    if "--numbers" in sys.argv:
        work(target, [int(n) for n in sys.argv[sys.argv.index("--numbers") + 1 :]])
    else:
        raise SystemExit(main(target, int(sys.argv[2]) if len(sys.argv) > 2 else COUNT))
