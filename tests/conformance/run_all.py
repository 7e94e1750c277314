"""All of coremltools' own tests on the reference runtime, one process for each module.

    python -m tests.conformance.run_all [--suites operations,torch] [--only conv] [--jobs 2]

Results are written test by test to `out/conformance/`; a second call continues where the first was
cut off, and begins a module anew if the runtime has changed. After each module
`docs/measurements/conformance.md` and `out/conformance.json` are written from whatever
results there are; `--suites none` only writes them.

    PYTHONPATH=build/numpy-2.3 python -m tests.conformance.run_all --again numpy-2.3

runs those cases once more that failed before they could predict: coremltools cannot convert some of
them with the newest packages. Their results are files of their own, which say their versions.
"""

from __future__ import annotations

import argparse
import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .record import Results
from .suites import ROOT, SUITES, Module, command, environment, header, modules
from .summarise import write

OUT = ROOT / "out" / "conformance"


def main() -> int:
    parser = argparse.ArgumentParser(description="coremltools' own tests on coreml-reference")
    parser.add_argument("--suites", default=",".join(SUITES), help="which, by commas")
    parser.add_argument("--only", default="", help="modules whose path contains this")
    parser.add_argument("--jobs", type=int, default=1, help="modules at a time")
    parser.add_argument("--per-function", type=int, default=0, help="cases of each; 0 for all")
    parser.add_argument("--again", default="", help="name of a run of what could not predict")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = [m for m in modules(options.suites.split(",")) if options.only in m.name]
    chosen.sort(key=lambda module: "recurrent" in module.name)  # a third of all, and much alike
    with ThreadPoolExecutor(options.jobs) as pool:
        for line in pool.map(lambda module: run(module, options), chosen):
            say(line)
            write(options.out, ROOT)
    failed = write(options.out, ROOT)
    say(
        f"{failed} tests failed without an exclusion; the table is docs/measurements/conformance.md"
    )
    return 1 if failed else 0


def run(module: Module, options: argparse.Namespace) -> str:
    """Run one module, or what is left of it; says how that went."""
    path: Path = options.out / module.file
    words, names = ["--per-function", str(options.per_function)], []
    before = Results.read(path)
    if options.again:
        names = [row.test for row in before.rows if row.broken] if before else []
        if not names:
            return f"{module.name}: nothing to run again"
        path = options.out / module.file_again(options.again)
        cases = path.with_suffix(".cases")
        cases.write_text("\n".join(names) + "\n")
        words, before = ["--cases", str(cases.absolute())], Results.read(path)
    wanted = len(names) if options.again else before.collected if before else 0
    if before and before.continues(header()) and len(before.rows) == wanted:
        return f"{module.name}: nothing left to run"
    with path.with_suffix(".log").open("a") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return f"{module.name}: left to another run that is at it"
        log.truncate(0)
        done = subprocess.run(
            command([module.dotted], "--results", str(path.absolute()), *words),
            *(-1, None, subprocess.DEVNULL, log, subprocess.STDOUT),
            env=environment(),
            cwd=options.out,
        )
    results = Results.read(path)
    if results is None:
        return f"{module.name}: no results, see {path.with_suffix('.log')}"
    judged = sum(row.predictions > 0 for row in results.rows)
    end = f", ended by signal {-done.returncode}" if done.returncode < 0 else ""
    return f"{module.name}: {len(results.rows)} of {results.chosen}, {judged} predicted{end}"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
