"""Tests in a separate process whether a runtime's native code survives a file.

A file with an intact structure may still hold values that crash LiteRT or ONNX Runtime, let them
run forever, or make them fail midway. `python -m edgeconv.runtimes.crash_probe FILE` opens the
file and runs it once on zeros.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.runtimes import RUNTIMES, open_runner, runtime_for
from edgeconv.subprocesses import run_module

SECONDS = 60.0
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
    sys.exit(main(Path(sys.argv[1])))
