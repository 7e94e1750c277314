"""The place where a bundle appears: whole or not at all, for one process at a time.

A bundle is made in a folder beside its place and takes it in one step. Whatever ends the process
in between (a kill, a power cut) leaves the old bundle or a whole new one there; what is left beside
it is cleaned up by the next command that writes to the same place.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeconv.bundle.folder import MANIFEST, MODEL, unwritable
from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.core.paths import ZIP_DAMAGE, open_to_others
from edgeconv.errors import BadInput, UsageError

_FULL = 64 * 1024  # bytes; a disk with less left over is what made a write fail
_UNFINISHED, _TRAINED, _READY = "staging", "training", "ready"
"""Kinds of folders beside the place: unfinished, unfinished with a network of its own, and whole.
After the swap a whole one holds the old bundle."""


def check_free(out: Path, force: bool) -> None:
    """Make sure, before any work starts, that `out` can be written.

    Raises:
        UsageError: it exists and `force` is off, or it is a folder without a bundle, which is
            never replaced: it may hold other work.
        BadInput: a file stands there, or the place cannot be written.
    """
    if out.is_file():
        raise BadInput(f"{out} is a file", "name a folder for --out")
    if out.is_dir() and any(out.iterdir()):
        if not (out / MANIFEST).is_file():
            raise UsageError(
                f"{out} holds files, but not a bundle", "name a new or empty folder for --out"
            )
        if not force:
            raise UsageError(f"{out} exists", "pass --force to replace it, or name another --out")
    parent = _existing_parent(out)
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write in {parent}", "name a folder for --out that you may write")


@contextmanager
def staging(
    out: Path, force: bool, keep_model: bool = False, progress: Progress = NULL_PROGRESS
) -> Iterator[Path]:
    """A new folder beside `out` that takes its place in one step when the block ends well.

    Where the block fails, `out` stays as it was. With `keep_model`, a model that had been trained
    by then is not thrown away: the unfinished folder is moved to `OUT.partial`, and a note is added
    to the error. What a killed process left is cleaned up first, and `progress` is told so.

    Raises:
        BadInput: the disk is full or read-only, or another process writes to `out`.
        UsageError: as `check_free`; also if `out` appeared meanwhile and `force` is off.
    """
    check_free(out, force)
    with locked(out):
        _clean_up(out, progress)
        check_free(out, force)  # before any work: an old bundle may have been put back
        kind = _TRAINED if keep_model else _UNFINISHED
        try:
            folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.{kind}-"))
        except OSError as error:
            raise unwritable(out, error) from error
        try:
            yield folder
            open_to_others(folder)
            check_free(out, force)
            _swap(folder, out)
        except BaseException as error:
            shown = unwritable(out, error) if _is_the_disks_fault(error, folder) else error
            partial = _keep_partial(folder, out) if keep_model else None
            if partial:
                shown.add_note(f"the trained model is kept: {partial / MODEL}")
            shutil.rmtree(folder, ignore_errors=True)
            if shown is error:
                raise
            raise shown from error


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Be the only process that writes to `out`. The system ends the lock of a killed process.

    Raises:
        BadInput: another process writes there, or the place cannot be written.
    """
    path = out.with_name(f".{out.name}.lock")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with path.open("a+", encoding="utf-8") as file:
                if not _lock(file.fileno()):
                    file.seek(0)
                    raise BadInput(
                        f"another edgeconv writes to {out} (process {file.read() or 'unknown'})",
                        "wait for it, or name another --out",
                    )
                if not _is_still_there(path, file.fileno()):
                    continue  # its owner removed it between our opening and locking it
                try:
                    file.truncate(0)
                    file.write(str(os.getpid()))
                    file.flush()
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
    except OSError as error:
        raise unwritable(out, error) from error


def partial_of(out: Path) -> Path:
    """Where an interrupted run leaves a trained model."""
    return out.with_name(out.name + ".partial")


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: as good as it gets
        return True
    return True


def _is_still_there(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _clean_up(out: Path, progress: Progress) -> None:
    """Remove or save what a killed process left; the lock says that none is at work."""
    beside = (path for path in out.parent.iterdir() if path.name.startswith(f".{out.name}."))
    for folder in sorted(path for path in beside if path.is_dir()):
        kind = _kind(folder, out)
        if kind == _READY and not out.exists() and (folder / MANIFEST).is_file():
            folder.rename(out)
            progress.note(f"{out}: put back, an earlier run was ended while it took its place")
        elif kind == _TRAINED and _is_whole_model(folder / MODEL):
            partial = _keep_partial(folder, out)
            progress.note(f"an earlier run was ended; its trained model is kept: {partial}")
        elif kind in (_UNFINISHED, _TRAINED, _READY):
            shutil.rmtree(folder, ignore_errors=True)
            progress.note(f"an earlier run was ended; removed what it left: {folder}")


def _is_whole_model(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except ZIP_DAMAGE:
        return False


def _swap(folder: Path, out: Path) -> None:
    """Put `folder` where `out` is; the old one is removed only once the new one stands."""
    if not out.exists():
        folder.rename(out)
        return
    ready = folder.with_name(folder.name.replace(f".{_kind(folder, out)}-", f".{_READY}-"))
    folder.rename(ready)
    if not exchange_folders(ready, out):
        old = ready.with_name(f"{ready.name}-old")
        out.rename(old)
        try:
            ready.rename(out)
        except OSError:
            old.rename(out)
            raise
        ready = old
    shutil.rmtree(ready, ignore_errors=True)


def _kind(folder: Path, out: Path) -> str:
    """The word between the name of the place and what makes the folder's name unique."""
    return folder.name.removeprefix(f".{out.name}.").partition("-")[0]


def exchange_folders(one: Path, other: Path) -> bool:
    """Swap two folders in one step of the system; False where it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        return bool(libc.renamex_np(first, second, 2) == 0)  # RENAME_SWAP
    here = -100  # AT_FDCWD
    try:
        return bool(libc.renameat2(here, first, here, second, 2) == 0)  # RENAME_EXCHANGE
    except AttributeError:  # a C library without it
        return False


def _keep_partial(folder: Path, out: Path) -> Path | None:
    if not (folder / MODEL).is_file():
        return None
    partial = partial_of(out)
    if (partial / MODEL).is_file():
        shutil.rmtree(partial)
    try:
        return folder.rename(partial)
    except OSError:
        return folder


def _existing_parent(path: Path) -> Path:
    parent = path.absolute()
    while not parent.exists():
        parent = parent.parent
    return parent


def _is_the_disks_fault(error: BaseException, folder: Path) -> bool:
    """TensorFlow and HDF5 have error classes of their own for a full disk: ask the disk."""
    if isinstance(error, OSError):
        return True
    return isinstance(error, Exception) and shutil.disk_usage(folder).free < _FULL
