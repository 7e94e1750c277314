"""The memory that a microcontroller must set aside for a `.tflite` file: tflite-micro's arena.

The smallest arena is found by trying, in a separate process, since tflite-micro may crash on a
file that it cannot run: `python -m edgeconv.runtimes.arena FILE smallest|any`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from bisect import bisect_left
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.plugins import captured_stderr, missing
from edgeconv.subprocesses import run_module
from edgeconv.targets.tflite.reader import read_graph

ENGINE = "tflite_micro.python.tflite_micro.runtime"
SECONDS = 60.0
ALIGNMENT = 16  # bytes: of the arena's start, in the documentation of tflite-micro
ROOM = 1 << 28  # bytes enough for any file; only what is used of them costs memory
_REFUSED = "tflite-micro runs int8 and float32 files of its own operations: export one of those"
_DAMAGED = "it is damaged or was never run: export it again, or copy it again whole"


def installed() -> None:
    """Raises MissingDependency where tflite-micro is not installed."""
    if find_spec("tflite_micro") is None:
        raise missing(ModuleNotFoundError(name="tflite_micro"))


def measure_arena(path: Path, seconds: float = SECONDS) -> int:
    """Bytes of the smallest arena, a multiple of 16, in which `path` opens; it ran there on zeros.

    The number holds for this machine's 64-bit processor; the part for tflite-micro's records, which
    contain many pointers, is smaller on a 32-bit one. It starts a process, for about a second.

    Raises:
        BadInput: a damaged file, or one on which tflite-micro crashes or does not end in time.
        Unsupported: tflite-micro cannot run the file; the message says why.
        MissingDependency: tflite-micro is not installed.
    """
    return int(_run_child(path, "smallest", seconds)["arena"])


def try_out(path: Path, seconds: float = SECONDS) -> None:
    """Run `path` once on zeros in a separate process. Raises the same errors as `measure_arena`."""
    _run_child(path, "any", seconds)


def _run_child(path: Path, arena: str, seconds: float) -> dict[str, Any]:
    read_graph(path)  # a damaged file ends here, before native code sees it
    installed()
    try:
        process = run_module("edgeconv.runtimes.arena", str(path), arena, seconds=seconds)
    except subprocess.TimeoutExpired as error:
        text = f"{path}: tflite-micro did not run this file in {seconds:g} s"
        raise BadInput(text, _DAMAGED) from error
    if process.returncode < 0:
        text = f"{path}: tflite-micro crashes on this file (signal {-process.returncode})"
        raise BadInput(text, _DAMAGED)
    if process.returncode:
        last = (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise BadInput(f"{path}: tflite-micro cannot run this file: {last}", _DAMAGED)
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    if "refused" in answer:
        text = f"{path}: tflite-micro cannot run this file: {answer['refused']}"
        raise Unsupported(text, _REFUSED)
    return answer


def reason(lines: list[str]) -> str:
    """tflite-micro's own lines as one, without the paths of its sources."""
    plain = [re.sub(r"^tensorflow/\S+ ", "", line.strip()) for line in lines]
    return "; ".join(line.rstrip(".") for line in plain if line) or "it gives no reason"


def open_interpreter(data: bytes, arena: int) -> Any:
    """tflite-micro's interpreter over a file's bytes, tensors allocated.

    Raises:
        Unsupported: it cannot run the file, or not in `arena` bytes.
    """
    lines: list[str] = []
    try:
        with captured_stderr(lines):
            return import_module(ENGINE).Interpreter.from_bytes(data, arena_size=arena)
    except RuntimeError as error:
        raise Unsupported(reason(lines) if lines else str(error), _REFUSED) from error


def _answer(data: bytes, arena: str) -> dict[str, Any]:
    """The child's answer: an arena that is enough, or why the file does not run.

    tflite-micro's own count (`print_allocations`) leaves out what it needs for a moment while it
    plans, which is the larger part for a small file.
    """
    size = ROOM
    try:
        _run_once(data, size)
        if arena == "smallest":
            steps = range(ROOM // ALIGNMENT)
            size = ALIGNMENT * bisect_left(
                steps, True, key=lambda step: _opens(data, step * ALIGNMENT)
            )
            _run_once(data, size)
    except Unsupported as error:
        return {"refused": error.message}
    return {"arena": size}


def _opens(data: bytes, arena: int) -> bool:
    """Tried in a forked process: some kernels write to a null pointer if memory runs out."""
    pid = os.fork()
    if pid == 0:
        try:
            open_interpreter(data, arena)
        except Unsupported:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _run_once(data: bytes, arena: int) -> Any:
    import numpy as np

    interpreter = open_interpreter(data, arena)
    model = import_module(ENGINE).schema_fb.Model.GetRootAsModel(data, 0)
    for at in range(model.Subgraphs(0).InputsLength()):
        details = interpreter.get_input_details(at)
        interpreter.set_input(np.zeros(details["shape"], details["dtype"]), at)
    lines: list[str] = []
    try:
        with captured_stderr(lines):
            interpreter.invoke()
    except RuntimeError as error:
        raise Unsupported(reason(lines) if lines else str(error), _REFUSED) from error
    return interpreter


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(Path(sys.argv[1]).read_bytes(), sys.argv[2])) + "\n")
