"""Files that no manifest lists are run in another process before they are opened in this one."""

from __future__ import annotations

from pathlib import Path

from edgeconv.bundle import source_bundle
from edgeconv.runtimes import RUNTIMES, runtime_for, runtimes_of, unavailable
from edgeconv.runtimes.crash_probe import probe


def probe_untrusted(path: Path) -> None:
    """Check that the runtime's native code can run a file without a crash.

    A file whose bundle lists exactly these bytes is not tried: it ran when it was exported.

    Raises:
        BadInput: the runtime crashes on the file or cannot run it.
    """
    if not path.is_file() or not runtimes_of(path):
        return
    native = RUNTIMES[runtime_for(path)].native_engine
    if native and source_bundle(path) is None and unavailable(path) is None:
        probe(path)
