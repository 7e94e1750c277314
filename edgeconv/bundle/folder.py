"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeconv.errors import BadInput, UsageError

MANIFEST = "manifest.json"
MODEL = "model.keras"
COMPRESSED = "compressed"  # fine-tuned networks, one file a compression
_FULL = 64 * 1024  # bytes; a disk with less left over is what made a write fail


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
def staging(out: Path, force: bool, keep_model: bool = False) -> Iterator[Path]:
    """A new folder beside `out` that takes its place in one step when the block ends well.

    Where the block fails, `out` stays as it was. With `keep_model`, a model that had been trained
    by then is not thrown away: the unfinished folder is moved to `OUT.partial`, and a note is added
    to the error.

    Raises:
        BadInput: the disk is full or read-only.
    """
    check_free(out, force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.staging-"))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        yield folder
        folder.chmod(0o777 & ~_umask())
        _swap(folder, out)
    except BaseException as error:
        shown = _unwritable(out, error) if _is_the_disks_fault(error, folder) else error
        kept = _keep_partial(folder, out) if keep_model else None
        if kept:
            shown.add_note(f"the trained model is kept: {kept / MODEL}")
        shutil.rmtree(folder, ignore_errors=True)
        if shown is error:
            raise
        raise shown from error


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        BadInput: the place cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, "utf-8")  # a pipe or device: nothing to replace
            return
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def append_text(path: Path, text: str) -> None:
    """Add to the end of a text file, which need not exist: others write into it too.

    Raises:
        BadInput: the place cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _swap(folder: Path, out: Path) -> None:
    """Put `folder` where `out` is; the old one is removed only once the new one stands."""
    if not out.exists():
        folder.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.old-"))
    out.rename(old / out.name)
    try:
        folder.rename(out)
    except OSError:
        (old / out.name).rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


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


def partial_of(out: Path) -> Path:
    """Where an interrupted run leaves a trained model."""
    return out.with_name(out.name + ".partial")


def _existing_parent(path: Path) -> Path:
    parent = path.absolute()
    while not parent.exists():
        parent = parent.parent
    return parent


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _is_the_disks_fault(error: BaseException, folder: Path) -> bool:
    """TensorFlow and HDF5 have error classes of their own for a full disk: ask the disk."""
    if isinstance(error, OSError):
        return True
    return isinstance(error, Exception) and shutil.disk_usage(folder).free < _FULL


def _unwritable(out: Path, error: BaseException) -> BadInput:
    """`out` is named, not the file that a copy began with or a temporary name nobody knows."""
    reason = "No space left on device"
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
    return BadInput(
        f"cannot write {out}: {reason}",
        "free some space or name another place; nothing that was there before is lost",
    )
