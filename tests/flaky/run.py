"""The written run: the same tests again and again, each time in another order.

    python -m tests.flaky.run OUT.jsonl [--runs 20] [--seed 1] [-- PYTEST ARGUMENT…]

Modules, and the tests of each, are shuffled by pytest-randomly, which seeds the generators of
random numbers too; strings hash otherwise in each run, and hypothesis makes new examples. A test is
flaky if it failed in one run and passed in another. Called again, a run goes on where it stopped.
`--table` prints the rows of docs/measurements/robustness.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FINISHED = (0, 1)
"""What pytest ends with when it ran every test."""


@dataclass(frozen=True)
class Run:
    """The tests in one order.

    Attributes:
        seed: of the order.
        python: its version.
        seconds: that pytest took, by a clock.
        passed: how many tests.
        skipped: how many.
        failed: their names.
    """

    seed: int
    python: str
    seconds: float
    passed: int
    skipped: int
    failed: tuple[str, ...]


def one_run(seed: int, arguments: Sequence[str]) -> Run:
    """Run the tests in the order of a seed.

    Raises:
        RuntimeError: pytest did not run them all.
    """
    outside = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_")}
    with tempfile.TemporaryDirectory(prefix="flaky-") as name:
        report = Path(name) / "report.xml"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("-p", "randomly", f"--randomly-seed={seed}"),
                f"--junitxml={report}",
                *arguments,
            ],
            cwd=ROOT,
            env={**outside, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in FINISHED:
            raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return outcomes(report, seed)


def outcomes(report: Path, seed: int) -> Run:
    """Read pytest's JUnit file. A test that failed and then could not be taken down failed once."""
    (suite,) = ElementTree.parse(report).getroot()  # pytest has just written it
    kinds: dict[str, set[str]] = {}
    for case in suite.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds.setdefault(name, set()).update(part.tag for part in case)
    failed = sorted(name for name, tags in kinds.items() if tags & {"failure", "error"})
    skipped = sum("skipped" in tags for tags in kinds.values())
    return Run(
        seed=seed,
        python=".".join(map(str, sys.version_info[:3])),
        seconds=round(float(suite.get("time", "nan")), 1),
        passed=len(kinds) - skipped - len(failed),
        skipped=skipped,
        failed=tuple(failed),
    )


def flaky(runs: Sequence[Run]) -> dict[str, int]:
    """Tests that failed in some runs but not in all, with how often they failed."""
    failures = Counter(name for run in runs for name in run.failed)
    return {name: n for name, n in sorted(failures.items()) if n < len(runs)}


def read(path: Path) -> list[Run]:
    """The runs so far."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    entries = map(json.loads, lines)
    return [Run(**{**entry, "failed": tuple(entry["failed"])}) for entry in entries]


def table(runs: Sequence[Run]) -> str:
    """A Markdown table."""
    head = ["| seed | Python | passed | skipped | failed | seconds |", "|---|---|---|---|---|---|"]
    rows = [
        f"| {run.seed} | {run.python} | {run.passed:,} | {run.skipped} | {len(run.failed)} "
        f"| {run.seconds:.0f} |"
        for run in runs
    ]
    tests = [f"- flaky: {name}, {n} of {len(runs)} runs" for name, n in flaky(runs).items()]
    return "\n".join([*head, *rows, "", *(tests or [f"No test is flaky in {len(runs)} runs."])])


def main(words: Sequence[str]) -> int:
    """Run what is not done yet, and print the table. pytest's arguments follow `--`."""
    parser = argparse.ArgumentParser(description="the same tests in many orders")
    parser.add_argument("out", type=Path, help="JSON lines, one a run")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each next adds one")
    parser.add_argument("--table", action="store_true", help="print the rows and stop")
    end = words.index("--") if "--" in words else len(words)
    options, arguments = parser.parse_args(words[:end]), words[end + 1 :]
    runs = read(options.out)
    done = {run.seed for run in runs}
    for seed in range(options.seed, options.seed + (0 if options.table else options.runs)):
        if seed not in done:
            runs.append(one_run(seed, arguments))
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(runs[-1])) + "\n")
    sys.stdout.write(table(runs) + "\n")
    return 1 if any(run.failed for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
