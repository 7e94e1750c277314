"""HDF5 files, read once in another process before this one opens them.

The HDF5 library is native code that may crash on a damaged or forged file, or ask for more memory
than there is. `check_hdf5` has a child read every object (`python -P -m edgeconv.ir.hdf5_check`);
what the child could read whole, this process and Keras can read too.
"""

from __future__ import annotations

import io
import signal
import zipfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core.paths import ZIP_DAMAGE
from edgeconv.errors import BadInput
from edgeconv.subprocesses import Answer, ChannelError, Pool, limit_memory, serve

if TYPE_CHECKING:
    import h5py

_HINT = "copy it again whole, or save the model again"
_SECONDS = 60.0  # of the clock: a busy machine may give a child little time
_PROCESSOR_SECONDS = 5.0
_PART = 20 << 20  # bytes of a file that have one more second of both
_BASE, _TIMES = 1024, 8  # megabytes of memory: so many, and so many times the file
_processes = Pool("edgeconv.ir.hdf5_check")


def check_hdf5(path: Path, entry: str = "") -> None:
    """Make sure that an HDF5 file can be read to its end, and reads nothing but itself.

    Args:
        path: of the HDF5 file, or of a zip that holds it.
        entry: its name in the zip.

    Raises:
        BadInput: it is damaged, crashes HDF5, claims far more than it holds, or refers to other
            files.
    """
    if find_spec("h5py") is None:
        return  # whoever wants to open it says which package is missing
    status = path.stat()
    reason = _reason(path.absolute(), entry, (status.st_mtime_ns, status.st_size, status.st_ino))
    if reason:
        name = f"{path}: entry '{entry}'" if entry else f"{path}"
        raise BadInput(f"{name} is a damaged or truncated HDF5 file: {reason}", _HINT)


@lru_cache(maxsize=256)  # a command opens its model several times
def _reason(path: Path, entry: str, stamp: tuple[int, int, int]) -> str:
    """Why the file of this stamp cannot be read; empty where it can."""
    more = stamp[1] / _PART
    head = {
        "path": str(path),
        "entry": entry,
        "megabytes": _BASE + _TIMES * (stamp[1] >> 20),
        "seconds": _PROCESSOR_SECONDS + more,
    }
    channel = _processes.take()
    try:
        answer, _ = channel.ask(head, b"", _SECONDS + more)
    except ChannelError as error:
        channel.close()
        if error.late or error.signal == signal.SIGPROF:
            return "HDF5 finds no end in it"
        return f"HDF5 crashes on it (signal {error.signal})" if error.signal else str(error)
    except BaseException:  # an interruption leaves half an answer in the pipe
        channel.close()
        raise
    _processes.give_back(channel)
    return str(answer["reason"])


class _Refused(Exception):
    """The file is whole, but no model's."""


def _answer(head: dict[str, Any], _: bytes) -> Answer:
    # The system ends this process: no signal handler of Python's runs inside native code.
    signal.setitimer(signal.ITIMER_PROF, head["seconds"])
    limit_memory(head["megabytes"])
    try:
        _read_all(Path(head["path"]), head["entry"], head["megabytes"] << 20)
    except _Refused as error:
        return {"reason": str(error)}, b""
    except (*ZIP_DAMAGE, KeyError, TypeError, MemoryError) as error:
        return {"reason": " ".join(str(error).split()) or type(error).__name__}, b""
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"reason": ""}, b""


def _read_all(path: Path, entry: str, most: int) -> None:
    import h5py

    source: Path | io.BytesIO = path
    if entry:
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(entry))
    with h5py.File(source, "r") as file:
        _read_attributes(file)
        seen: set[int] = set()
        groups: list[h5py.Group] = [file]
        while groups:
            groups += _read_group(groups.pop(), seen, most)
        file.visit(lambda _: None)  # HDF5's own way through it, by addresses instead of names


def _read_group(group: h5py.Group, seen: set[int], most: int) -> list[h5py.Group]:
    """Read what a group holds; the groups in it that were not seen before."""
    import h5py

    below = []
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _Refused(f"'{name}' is a link to another place, which no model has")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            continue
        seen.add(address)
        _read_attributes(item)
        if isinstance(item, h5py.Dataset):
            _read_dataset(item, most)
        elif isinstance(item, h5py.Group):
            below.append(item)
    return below


def _read_dataset(dataset: h5py.Dataset, most: int) -> None:
    if dataset.external or dataset.is_virtual:
        raise _Refused(f"the numbers of '{dataset.name}' are in another file")
    if dataset.nbytes > most:
        raise _Refused(f"'{dataset.name}' claims {dataset.nbytes >> 20:,} MB")
    dataset[()]


def _read_attributes(item: h5py.Group | h5py.Dataset) -> None:
    for name in item.attrs:
        item.attrs[name]


if __name__ == "__main__":
    serve(_answer)
