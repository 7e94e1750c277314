"""A folder that appears whole or not at all, and holds exactly what its manifest names."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgeconv.bundle.reference import FILE as REFERENCE
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, UsageError
from edgeconv.targets.base import suffixes

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"  # of exactly these bytes of the manifest
MODEL = "model.keras"
COMPRESSED = "compressed"  # fine-tuned networks, one file a compression
_FULL = 64 * 1024  # bytes; a disk with less left over is what made a write fail
GOLDEN_ARRAYS = "golden/golden.npz"
LABELS, PARITY, PROFILE = "labels.txt", "parity.json", "profile.json"
LAYERS = "layers.json"
VOCABULARY = "vocabulary.txt"  # the word of each token, one a line
TEST_SAMPLES = "test.npz"  # texts as tokens: the held-out part
CALIBRATION_SAMPLES = "calibration.npz"  # and some of the training part
INPUTS = "inputs.json"  # the input profile: statistics of the training subjects' readings
_AGAIN = "export it again, or put the original file back"
_REPRODUCIBLE = {
    REFERENCE: "remove it: Keras then runs again",
    PARITY: "remove it, and let `edgeconv parity` measure again",
    PROFILE: "remove it, and measure again",
    LAYERS: "remove it, and let `edgeconv parity --layers` measure again",
}
"""Files that can be made again from the others, and how; a bundle may lack them."""


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


def read_vocabulary(folder: Path) -> tuple[str, ...]:
    """The word of each token of a bundle's model; empty where it has no vocabulary.

    Raises:
        BadInput: the file cannot be read.
    """
    path = folder / VOCABULARY
    if not path.is_file():
        return ()
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}", _AGAIN) from error
    return tuple(text.removesuffix("\n").split("\n"))  # a word may hold what splitlines breaks at


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


def digests(folder: Path) -> dict[str, str]:
    """Digests of the files, beside models and artifacts, that results are based on."""
    outputs = sorted(f"{COMPRESSED}/{p.name}" for p in (folder / COMPRESSED).glob("*.npz"))
    names = (
        LABELS,
        PARITY,
        PROFILE,
        LAYERS,
        REFERENCE,
        INPUTS,
        VOCABULARY,
        TEST_SAMPLES,
        CALIBRATION_SAMPLES,
        GOLDEN_ARRAYS,
        *outputs,
    )
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def check_unchanged(folder: Path, named: Mapping[str, str]) -> None:
    """Make sure that each file has the digest that the manifest gives it.

    Raises:
        BadInput: some are missing or have changed; each is named.
    """
    wrong: list[str] = []
    cures: list[str] = []
    for name, digest in named.items():
        path, cure = folder / name, _how_to_reproduce(name)
        if not path.exists():
            if not cure:
                wrong.append(f"{path} is named in the manifest, but it is missing")
                cures.append("export it again")
        elif sha256(path) != digest:
            wrong.append(
                f"{path} has changed since the manifest was written: its sha256 is not "
                f"{str(digest)[:12]}…"
            )
            cures.append(cure or _AGAIN)
    if wrong:
        raise BadInput("; ".join(wrong), "; ".join(dict.fromkeys(cures)))


def _how_to_reproduce(name: str) -> str:
    """How to make a file again; empty if that is not possible."""
    outputs = name.startswith(f"{COMPRESSED}/") and name.endswith(".npz")
    return _REPRODUCIBLE[REFERENCE] if outputs else _REPRODUCIBLE.get(name, "")


def check_complete(folder: Path, artifacts: Iterable[str]) -> None:
    """Make sure that the folder has no artifact that the manifest does not name: an app team could
    ship it unchecked.

    Raises:
        BadInput: there is one.
    """
    known = set(artifacts)
    for path in sorted(folder.iterdir()):
        if path.name.endswith(suffixes()) and path.name not in known:
            raise BadInput(
                f"{path} is not in the manifest, so it was not checked",
                "move it out of the bundle, or export it into one",
            )
