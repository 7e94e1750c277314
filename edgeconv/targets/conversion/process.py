"""Starts the worker process, reads its messages, and makes sure that it ends.

A process pool would send objects instead of lines, but its processes import the caller's
`__main__` again, which breaks scripts and notebooks without a guard.

The temporary folder beside the output in which files are written until they are complete.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeconv import errors
from edgeconv.errors import BadInput
from edgeconv.targets.conversion.job import (
    Converted,
    Job,
    Refused,
    Started,
    WorkerOSError,
    WorkerUserError,
    read_message,
)

_FOLDER_ERRORS = (  # the user's disk or rights, not a mistake of ours
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EIO,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)


@contextmanager
def workspace(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, on the same file system; it is deleted afterwards.

    Raises:
        BadInput: `out` cannot be written, or the disk is full.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if error.errno not in _FOLDER_ERRORS:
            raise
        where = error.filename or out
        raise BadInput(
            f"cannot write to {out}: {error.strerror or error} ({where})",
            "free some space, or choose another --out folder",
        ) from error


def move(source: Path, final: Path) -> Path:
    """Put a file or package in place in one step; an older one is removed first."""
    if final.is_dir():
        final.rename(source.with_name(f"{source.name}.old"))
    return source.replace(final)


_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",  # conversion needs no GPU, and looking for one takes time
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",  # sums of several threads depend on their order
    "PYTHONHASHSEED": "0",  # the order of Python's sets must not show in a file
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


_USER_ERRORS: dict[str, type[errors.EdgeconvError]] = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.EdgeconvError)
}


class Crashed(Exception):
    """The worker died in the middle of `task` (None: before the first)."""

    def __init__(self, task: int | None, cause: str) -> None:
        super().__init__(cause)
        self.task = task
        self.cause = cause


Progress = Started | Converted | Refused
"""What a worker says of its tasks."""


def user_error(kind: str, message: str, hint: str) -> errors.EdgeconvError:
    """The error of a worker, by the name of its class."""
    return _USER_ERRORS[kind](message, hint)


def run_in_worker(job: Job) -> Iterator[Progress]:
    """Convert in a separate process, which may crash; yields messages as they arrive.

    Raises:
        EdgeconvError: what is wrong with the model or the folder.
        Crashed: the worker died, by a signal or by an unexpected exception.
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
            message = read_message(line)
            match message:
                case WorkerUserError(kind, text, hint):
                    raise user_error(kind, text, hint)
                case WorkerOSError(number, path):
                    raise OSError(number, os.strerror(number or 0), path)
                case Started(task):
                    current = task
                case Converted() | Refused():
                    current = None
            yield message
        if worker.wait() != 0:
            raise Crashed(current, _cause(worker.returncode, log_file))
    finally:
        worker.kill()
        worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()


def run_in_process(job: Job) -> Iterator[Progress]:
    """Convert in the caller's own process: the same messages as from a worker.

    TensorFlow and Keras are imported here.

    Raises:
        EdgeconvError: what is wrong with the model or the folder.
    """
    from edgeconv.targets.conversion.worker import Session

    session = Session(job)
    for task in job.tasks:
        yield Started(task.number, session.opaque_layers)
        yield session.attempt(task)


def _cause(code: int, log: Path) -> str:
    """Why a worker died: its signal, or the last line of its log."""
    if code < 0:
        return f"the converter crashed ({signal.Signals(-code).name})"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"the converter failed: {lines[-1].strip() if lines else f'exit code {code}'}"
