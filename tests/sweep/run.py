"""The whole sweep: `python -m tests.sweep.run OUT.jsonl [FIRST END]`, again to go on.

Each line of OUT is a row. A child process makes them one after the other, without a new process for
each conversion; where it dies, that row is made again with one, as `edgeconv export` works.
`--core-ai` makes Core AI's cells instead, of which there are rows for some networks only, into an
OUT of their own. `--table` prints the page of the documentation from the rows of OUT, with those of
a second file if one is named.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from .architectures import build
from .bare import BareProcess
from .judgment import CELLS, CORE_AI, Cell
from .row import Row, sweep
from .table import page

COUNT = 200
AT_ONCE = 20  # rows of one child, whose memory grows with each
NATIVE_CRASH = "the process died"
ISOLATED, CORE_AI_ONLY = "--isolated", "--core-ai"
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


def work(out: Path, numbers: list[int], isolated: bool, core_ai: bool) -> None:
    """Append a row for each number, in this process."""
    import keras

    if core_ai:
        for number in numbers:
            architecture = build(number)
            ours = sweep(architecture, isolated, CORE_AI)
            add(out, Row(number, architecture.blocks, ours, {}), ("coreai-core", *PACKAGES[:2]))
            keras.backend.clear_session()
        return
    bare = BareProcess()
    try:
        for number in numbers:
            architecture = build(number)
            ours = sweep(architecture, isolated)
            add(out, Row(number, architecture.blocks, ours, bare.cells(number)))
            keras.backend.clear_session()
    finally:
        bare.close()


def add(out: Path, row: Row, packages: Sequence[str] = PACKAGES) -> None:
    """Append a row, with the versions that it is of."""
    versions = {name: metadata.version(name) for name in packages}
    with out.open("a") as file:
        made = replace(row, commit=commit(), versions=versions)
        file.write(made.to_json() + "\n")


def commit() -> str:
    """The commit of this checkout; `+` where files differ from it."""
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def main(out: Path, numbers: list[int], *words: str) -> int:
    """Make every missing row, and print what is wrong; `words` go to each child."""
    cells = CORE_AI if CORE_AI_ONLY in words else CELLS
    while missing := left_of(out, numbers):
        code = _child(out, missing[:AT_ONCE], *words)
        if not code:
            continue
        for first in left_of(out, numbers)[:1]:
            if _child(out, [first], ISOLATED, *words):
                dead = Cell("crashed", reason=NATIVE_CRASH)
                add(out, Row(first, (), dict.fromkeys(cells, dead), {}))
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
        work(target, numbers, ISOLATED in options, CORE_AI_ONLY in options)
    elif "--table" in options:
        others = [rows(Path(word)) for word in options if not word.startswith("-")]
        sys.stdout.write(page(rows(target), *others[:1]))
    else:
        bounds = [int(word) for word in options if word.isdigit()]
        only = [word for word in options if word == CORE_AI_ONLY]
        raise SystemExit(main(target, list(range(*bounds or (0, COUNT))), *only))
