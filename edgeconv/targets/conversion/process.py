"""The worker process seen from its parent: started, listened to, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from edgeconv import errors
from edgeconv.targets.conversion.job import Job

_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",  # conversion needs no GPU, and looking for one takes time
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",  # sums of several threads depend on which comes first
    "PYTHONHASHSEED": "0",  # the order of Python's sets must not show in a file
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Crashed(Exception):
    """The worker died in the middle of `task` (None: before the first)."""

    def __init__(self, task: int | None, cause: str) -> None:
        super().__init__(cause)
        self.task = task
        self.cause = cause


def answers(job: Job) -> Iterator[dict[str, Any]]:
    """The `start` and `done` answers of a worker, as they come.

    Raises:
        EdgeconvError: what the worker found wrong with the model or the folder.
        Crashed: the worker died, by a signal or by an exception nobody expected.
    """
    job_file, log_file = job.folder / "job.json", job.folder / "worker.log"
    job.write(job_file)
    with log_file.open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "edgeconv.targets.conversion.worker", str(job_file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends the worker
        )
    current: int | None = None
    try:
        assert worker.stdout is not None
        for line in worker.stdout:
            answer = json.loads(line)
            if answer["event"] in ("error", "os-error"):
                _raise(answer)
            current = answer["task"] if answer["event"] == "start" else None
            yield answer
        if worker.wait() != 0:
            raise Crashed(current, _cause(worker.returncode, log_file))
    finally:
        worker.kill()
        worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()


def _raise(answer: dict[str, Any]) -> NoReturn:
    if answer["event"] == "os-error":
        raise OSError(answer["errno"], os.strerror(answer["errno"] or 0), answer["path"])
    kind: type[errors.EdgeconvError] = getattr(errors, answer["kind"])
    raise kind(answer["message"], answer["hint"])


def _cause(code: int, log: Path) -> str:
    """Why a worker died: its signal, or the last line of its log."""
    if code < 0:
        return f"the converter crashed ({signal.Signals(-code).name})"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"the converter failed: {lines[-1].strip() if lines else f'exit code {code}'}"
