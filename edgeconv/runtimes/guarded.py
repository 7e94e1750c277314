"""Runs files of unknown origin in a separate process, which may crash or never end.

A file with an intact structure may still hold values that crash LiteRT or ONNX Runtime, let them
run forever, or make them fail midway. `python -m edgeconv.runtimes.crash_probe FILE` opens the
file and runs it once on zeros; with more words it runs it on given arrays. Every inference has a
limit of time, which the system enforces: no signal handler of Python's runs inside native code.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.runtimes import RUNTIMES, open_runner, runtime_for
from edgeconv.subprocesses import run_module

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 60.0
_CHUNK = 16  # samples that share a limit
_HINT = "it is damaged or was never run: export it again, or copy it again whole"
_FAILED = 3


def probe(path: Path, seconds: float = SECONDS) -> None:
    """Try `path`. A file that its runtime refuses passes: the caller opens it next and reports why.

    It costs a process and the import of the runtime, about half a second.

    Raises:
        BadInput: the runtime crashes on the file, fails while it runs, or does not end in time.
    """
    engine = RUNTIMES[runtime_for(path)].native_engine
    try:
        done = run_module("edgeconv.runtimes.crash_probe", str(path), seconds=seconds)
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"{path}: {engine} did not run this file in {seconds:g} s", _HINT) from error
    if done.returncode < 0:
        raise BadInput(f"{path}: {engine} crashes on this file (signal {-done.returncode})", _HINT)
    if done.returncode == _FAILED:
        raise BadInput(f"{path}: {engine} cannot run this file: {done.stdout.strip()}", _HINT)


def run_apart(
    path: Path, runtime: str, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """What `Runner.run` gives for these arrays (n, …), computed in another process.

    Raises:
        BadInput: the runtime crashes on the file, fails on these arrays, or does not end an
            inference in `SECONDS`.
    """
    engine = RUNTIMES[runtime].native_engine
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        save_arrays(given, arrays)
        words = (str(path), runtime, str(given), str(found), str(SECONDS))
        done = run_module("edgeconv.runtimes.crash_probe", *words, seconds=None)
        if done.returncode == -signal.SIGALRM:
            raise BadInput(
                f"{path}: {engine} did not end within {SECONDS:g} s on this input; a loop in the "
                "file may never end",
                "look at the condition of its WHILE operation, or convert the model without it",
            )
        if done.returncode < 0:
            text = f"{path}: {engine} crashes on this file (signal {-done.returncode})"
            raise BadInput(text, _HINT)
        if done.returncode == _FAILED:
            raise BadInput(f"{path}: {done.stdout.strip()}", _HINT)
        if done.returncode:
            raise RuntimeError(f"running {path} in another process failed: {done.stderr[-2000:]}")
        return load_arrays(found)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Named arrays for the other process; names may hold any character."""
    import numpy as np

    numbered: dict[str, Any] = {f"{i}": array for i, array in enumerate(arrays.values())}
    np.savez(path, names=np.array(list(arrays)), **numbered)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What `save_arrays` wrote."""
    import numpy as np

    with np.load(path) as stored:
        return {str(name): stored[f"{i}"] for i, name in enumerate(stored["names"])}


def run_on_arrays(path: Path, runtime: str, given: Path, found: Path, seconds: float) -> int:
    """The child process of `run_apart`: writes the outputs to `found`."""
    import numpy as np

    signal.setitimer(signal.ITIMER_REAL, seconds)  # the system ends the process when it is over
    try:
        arrays = load_arrays(given)
        parts: list[dict[str, NDArray[Any]]] = []
        with open_runner(path, runtime) as runner:
            for start in range(0, max(map(len, arrays.values())), _CHUNK):
                signal.setitimer(signal.ITIMER_REAL, seconds)
                chunk = {name: array[start : start + _CHUNK] for name, array in arrays.items()}
                parts.append(runner.run(chunk))
        signal.setitimer(signal.ITIMER_REAL, 0)
        save_arrays(
            found, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        )
    except EdgeconvError as error:
        sys.stdout.write(error.message)
        return _FAILED
    except (RuntimeError, ValueError) as error:
        sys.stdout.write(f"cannot run this file: {' '.join(str(error).split())}")
        return _FAILED
    return 0


def main(path: Path) -> int:
    """The child process: 0 where the file runs, or fails to open with an ordinary error."""
    import numpy as np

    try:
        with open_runner(path) as runner:
            runner.run(
                {
                    name: np.zeros([max(n, 1) for n in spec.shape], spec.dtype)
                    for name, spec in runner.inputs.items()
                }
            )
    except EdgeconvError:
        return 0
    except (RuntimeError, ValueError) as error:
        sys.stdout.write(" ".join(str(error).split()))
        return _FAILED
    return 0


if __name__ == "__main__":
    file, *others = sys.argv[1:]
    if others:
        engine, inputs, outputs, limit = others
        sys.exit(run_on_arrays(Path(file), engine, Path(inputs), Path(outputs), float(limit)))
    sys.exit(main(Path(file)))
