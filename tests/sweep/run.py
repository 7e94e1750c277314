"""The whole sweep: `python -m tests.sweep.run OUT.jsonl [FIRST END]`, again to go on.

Each line of OUT is a row. A child process makes them one after the other, without a new process for
each conversion; where it dies, that row is made again with one, as `edgeconv export` works.
`--table` prints the page of the documentation from the rows of OUT.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from .architectures import build
from .bare import BareProcess
from .judgment import CELLS, Cell
from .row import Row, sweep
from .table import page

COUNT = 200
AT_ONCE = 20  # rows of one child, whose memory grows with each
NATIVE_CRASH = "the process died"
ISOLATED = "--isolated"
PACKAGES = ("tensorflow", "keras", "coremltools", "tf2onnx", "onnxruntime", "ai-edge-litert")
_ENVIRONMENT = {  # as that of a conversion's own process
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def rows(out: Path) -> list[Row]:
    """What is done already, in the order of the numbers."""
    done = [Row.from_json(line) for line in out.read_text().splitlines()] if out.exists() else []
    return sorted(done, key=lambda row: row.number)


def work(out: Path, numbers: list[int], isolated: bool) -> None:
    """Append a row for each number, in this process."""
    import keras

    bare = BareProcess()
    try:
        for number in numbers:
            architecture = build(number)
            ours = sweep(architecture, isolated)
            add(out, Row(number, architecture.blocks, ours, bare.cells(number)))
            keras.backend.clear_session()
    finally:
        bare.close()


def add(out: Path, row: Row) -> None:
    """Append a row, with the versions that it is of."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    with out.open("a") as file:
        made = replace(row, commit=commit(), versions=versions)
        file.write(made.to_json() + "\n")


def commit() -> str:
    """The commit of this checkout; `+` where files differ from it."""
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def main(out: Path, numbers: list[int]) -> int:
    """Make every missing row, and print what is wrong."""
    while missing := left_of(out, numbers):
        code = _child(out, missing[:AT_ONCE])
        if not code:
            continue
        for first in left_of(out, numbers)[:1]:
            if _child(out, [first], ISOLATED):
                dead = Cell("crashed", reason=NATIVE_CRASH)
                add(out, Row(first, (), dict.fromkeys(CELLS, dead), {}))
    faults = [fault for row in rows(out) for fault in row.faults]
    sys.stdout.write("\n".join((*faults, "")))
    return 1 if faults else 0


def left_of(out: Path, numbers: list[int]) -> list[int]:
    """The numbers without a row."""
    return sorted(set(numbers) - {row.number for row in rows(out)})


def _child(out: Path, numbers: list[int], *options: str) -> int:
    words = [sys.executable, "-m", "tests.sweep.run", str(out), "--numbers", *map(str, numbers)]
    with out.with_suffix(".log").open("ab") as log:
        environment = {**os.environ, **_ENVIRONMENT}
        return subprocess.run(
            [*words, *options], check=False, env=environment, stdout=log, stderr=log
        ).returncode


if __name__ == "__main__":
    target, options = Path(sys.argv[1]), sys.argv[2:]
    if "--numbers" in options:
        numbers = [int(word) for word in options if word.isdigit()]
        work(target, numbers, ISOLATED in options)
    elif "--table" in options:
        sys.stdout.write(page(rows(target)))
    else:
        first, last = map(int, options[:2]) if options else (0, COUNT)
        raise SystemExit(main(target, list(range(first, last))))
