"""Recordings that were read once: kept at the contract's rate in files that are mapped into memory.

An entry is a folder named by the digest of the source files' content, the settings and the code
that reads them, so nothing stale can be found. It is built beside its final name and renamed when
it is whole; whoever is killed meanwhile leaves the finished parts, and the next run goes on from
there. A lock makes a second process wait for the first one instead of reading the files as well.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edgeconv.core import Dataset, LoadReport, Progress, Recording, Signal
from edgeconv.core.json_codec import decode_fields
from edgeconv.datasets.files import unreadable
from edgeconv.datasets.windowing import Cut, SampleStore, window_index
from edgeconv.errors import BadInput, EdgeconvError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "EDGECONV_CACHE"  # environment variable: the folder, or "off"
SMALLEST = 4_000_000  # bytes of source files; less is read faster than it is looked up
LIMIT = 20_000_000_000  # bytes of all entries; the ones unused for longest go first
WRITTEN_AT_ONCE = 16_000_000  # bytes: what a kill can lose
_SAMPLES, _PARTS, _DATASET = "samples.f32", "parts.jsonl", "dataset.json"
_BUILDING = ".building"
_NAME = re.compile(rf"[0-9a-f]{{32}}({re.escape(_BUILDING)})?")
_About = tuple[Mapping[str, Any], int]  # what is known of a recording, and its time steps
_ENGINES = ("duckdb", "numpy", "scipy")


@dataclass(frozen=True)
class CacheEntry:
    """One data set in the cache. `size` is in bytes; `source` names what it was read from."""

    folder: Path
    size: int
    source: str


def cache_folder() -> Path | None:
    """Where entries lie; None if the cache is switched off.

    `EDGECONV_CACHE` names it; the default is `edgeconv/recordings` in the user's cache folder
    (`XDG_CACHE_HOME`, or `~/.cache`).
    """
    given = os.environ.get(FOLDER)
    if given is not None:
        return None if given.strip().lower() in ("", "off") else Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "edgeconv" / "recordings"


def entries() -> list[CacheEntry]:
    """Every entry, the ones used last first; entries that are not whole are among them."""
    root = cache_folder()
    if root is None or not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)]
    folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [_entry(path) for path in folders]


def _entry(folder: Path) -> CacheEntry:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        document = json.loads((folder / _DATASET).read_text("utf-8"))
        return CacheEntry(folder, size, str(document["report"]["source"]))
    except (OSError, ValueError, KeyError):
        return CacheEntry(folder, size, "not finished")


def clear() -> int:
    """Remove every entry that no process is building; returns the freed bytes.

    Raises:
        UsageError: the cache is switched off.
    """
    if cache_folder() is None:
        raise UsageError("the cache is switched off", f"set {FOLDER} to a folder")
    return sum(_remove(entry) for entry in entries())


class FileStore(SampleStore):
    """A store whose samples lie in one file; what it holds survives the process.

    Attributes:
        folder: for whatever else should survive until the entry is whole.
    """

    def __init__(self, folder: Path, channels: int) -> None:
        super().__init__()
        self.folder = folder
        self._channels = channels
        self._about: list[_About] = []
        self._pending: list[str] = []
        self._unwritten = 0
        written = self._finished_parts()
        self._samples = (folder / _SAMPLES).open("ab")
        self._samples.truncate(written)
        self._parts = (folder / _PARTS).open("a", encoding="utf-8")

    def add(self, cut: Cut) -> None:
        """Append the samples of the next segment to the file."""
        import numpy as np

        about = _about(cut.recordings)
        for recording in cut.recordings:
            self._samples.write(np.ascontiguousarray(recording.samples, "<f4").data)
            self._unwritten += recording.samples.nbytes
        self._count(about, cut.kept, dict(cut.dropped))
        self._pending.append(
            json.dumps({"about": about, "kept": cut.kept, "dropped": dict(cut.dropped)}) + "\n"
        )
        if self._unwritten > WRITTEN_AT_ONCE:
            self._flush()

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings, as parts of one array that is mapped into memory."""
        self._flush()
        return _mapped(self.folder, self._about, self._channels)

    def close(self) -> None:
        """Write what is pending and let go of the files."""
        self._flush()
        self._samples.close()
        self._parts.close()

    def _flush(self) -> None:
        """Samples reach the disk before the lines that say that they are there."""
        if self._samples.closed:
            return
        self._samples.flush()
        os.fsync(self._samples.fileno())
        self._parts.write("".join(self._pending))
        self._parts.flush()
        self._pending, self._unwritten = [], 0

    def _count(self, about: Sequence[_About], kept: int, dropped: dict[str, int]) -> None:
        self.parts += 1
        self.kept += kept
        self.dropped.update(dropped)
        self._about += about

    def _finished_parts(self) -> int:
        """Count the parts that an earlier run finished; returns the bytes of their samples."""
        parts, samples = self.folder / _PARTS, self.folder / _SAMPLES
        if not parts.exists():
            return 0
        there = samples.stat().st_size if samples.exists() else 0
        written, whole = 0, 0
        with parts.open("rb") as file:
            for line in file:
                try:
                    part = json.loads(line)
                except ValueError:
                    break  # cut off by the kill
                size = sum(steps for _, steps in part["about"]) * 4 * self._channels
                if not line.endswith(b"\n") or written + size > there:
                    break
                self._count(part["about"], part["kept"], part["dropped"])
                written, whole = written + size, whole + len(line)
        os.truncate(parts, whole)
        return written


def kept(
    files: Sequence[Path], beside: str, progress: Progress, read: Callable[[Slot], Dataset]
) -> Dataset:
    """What `read` makes of some files, or made of them in an earlier run.

    Args:
        files: their content is the key, with the names below their common folder.
        beside: everything else that changes what is made of them.
        progress: listens to what is done.
        read: makes the data set, with its samples in the store of the slot.

    Raises:
        BadInput: a file cannot be read, or the disk is full.
    """
    root = cache_folder()
    if root is None or sum(file.stat().st_size for file in files) < SMALLEST:
        return read(Slot())
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        progress.note(
            f"{root} cannot be written: nothing is kept for the next run ({FOLDER} names another "
            "folder)"
        )
        return read(Slot())
    progress.stage("Looking for recordings that were read before")
    key = _key(files, beside, progress)
    with locked(root / f"{key}.lock", progress):
        slot = Slot(root / key)
        try:
            dataset = slot.finish(read(slot)) if slot.dataset is None else slot.dataset
        except EdgeconvError:
            slot.discard()
            raise
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise BadInput(
                f"{root}: {error.strerror}", f"free some space, or set {FOLDER} to another folder"
            ) from error
        except KeyboardInterrupt:
            slot.close()
            raise
    _keep_to_limit(root / key)
    return dataset


class Slot:
    """Where one data set is, or will be: in the cache, or in memory if `folder` is None.

    Attributes:
        dataset: the data set if it was found whole.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._store: FileStore | None = None
        self.dataset = None if folder is None else _found(folder)

    @property
    def building(self) -> Path | None:
        """A folder that survives a kill and goes when the data set is whole; None in memory."""
        if self._folder is None:
            return None
        folder = self._folder.with_name(self._folder.name + _BUILDING)
        folder.mkdir(exist_ok=True)
        return folder

    def store(self, channels: int) -> SampleStore:
        """The store to build a data set of so many channels in."""
        folder = self.building
        if folder is None:
            return SampleStore()
        self._store = FileStore(folder, channels)
        return self._store

    def finish(self, dataset: Dataset) -> Dataset:
        """Keep a data set whose samples are in the store.

        Returns:
            The same data set, with its samples in their final place.
        """
        if self._store is None or self._folder is None:
            return dataset
        self._store.close()
        folder = self._store.folder
        for path in folder.iterdir():
            if path.name not in (_SAMPLES, _PARTS):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        about = _about(dataset.recordings)
        document = {
            "name": dataset.name,
            "signal": dataset.signal.to_json(),
            "report": dataset.report.to_json(),
            "recordings": about,
            "test_subjects": dataset.test_subjects,
            "sha256": _digest(folder / _SAMPLES),
        }
        (folder / _DATASET).write_text(json.dumps(document), "utf-8")
        (folder / _PARTS).unlink()
        shutil.rmtree(self._folder, ignore_errors=True)  # a damaged one
        folder.replace(self._folder)
        return dataset

    def discard(self) -> None:
        """Remove what was built of files that cannot be used."""
        if (folder := self.building) is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Write what is pending, so that the next run goes on from there."""
        if self._store is not None:
            self._store.close()


def _found(folder: Path) -> Dataset | None:
    """The data set in an entry; None if there is none, or it is damaged."""
    try:
        document = json.loads((folder / _DATASET).read_text("utf-8"))
        if _digest(folder / _SAMPLES) != document["sha256"]:
            return None
        signal = Signal.from_json(document["signal"])
        recordings = _mapped(folder, document["recordings"], len(signal.channels))
        report = decode_fields(LoadReport, document["report"])
    except (OSError, ValueError, KeyError, BadInput):
        return None
    with suppress(OSError):
        os.utime(folder)  # used now
    index = window_index([len(r.samples) for r in recordings], signal)
    held_out = tuple(document["test_subjects"])
    return Dataset(document["name"], signal, recordings, index, report, held_out)


def _about(recordings: Sequence[Recording]) -> list[_About]:
    names = [field.name for field in fields(Recording) if field.name != "samples"]
    return [({n: getattr(r, n) for n in names}, len(r.samples)) for r in recordings]


def _mapped(folder: Path, about: Sequence[_About], channels: int) -> tuple[Recording, ...]:
    import numpy as np

    total = sum(steps for _, steps in about)
    if not total:
        return ()
    samples: NDArray[np.float32] = np.memmap(
        folder / _SAMPLES, np.dtype("<f4"), "r", shape=(total, channels)
    )
    recordings, first = [], 0
    for known, steps in about:
        recordings.append(Recording(samples=samples[first : first + steps], **known))
        first += steps
    return tuple(recordings)


def _key(files: Sequence[Path], beside: str, progress: Progress) -> str:
    """Digest of all that the data set depends on."""
    top = Path(os.path.commonpath([file.resolve().parent for file in files]))
    digest = sha256(beside.encode())
    code = sorted(Path(__file__).parent.rglob("*.py"))  # what makes recordings of files
    digest.update(b"\0".join(path.read_bytes() for path in code))
    digest.update(" ".join(f"{name} {metadata.version(name)}" for name in _ENGINES).encode())
    for done, file in enumerate(files, 1):
        digest.update(f"\0{file.resolve().relative_to(top)}\0{_digest(file)}".encode())
        if len(files) > 1:
            progress.update(done, len(files), file.name)
    return digest.hexdigest()[:32]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock that the operating system releases with the process."""
    while True:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.stage("Waiting for another edgeconv that works on the same files")
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield
                return


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether an open file still has its name: `_remove` takes it away with the entry."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _keep_to_limit(newest: Path) -> None:
    total = 0
    for entry in entries():
        total += entry.size
        if total > LIMIT and entry.folder != newest:
            _remove(entry)


def _remove(entry: CacheEntry) -> int:
    """Remove an entry unless a process holds its lock; returns the freed bytes."""
    lock = entry.folder.with_name(entry.folder.name.removesuffix(_BUILDING) + ".lock")
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        shutil.rmtree(entry.folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
    return entry.size
