"""Files that no manifest lists are run in another process before they are opened in this one."""

from __future__ import annotations

from pathlib import Path

from edgeconv.bundle import source_bundle
from edgeconv.runtimes import opens, unavailable
from edgeconv.runtimes.crash_probe import probe


def probe_untrusted(path: Path) -> None:
    """Check that LiteRT can run a file without a crash.

    A file whose bundle lists exactly these bytes is not tried: it ran when it was exported.

    Raises:
        BadInput: LiteRT crashes on the file or cannot run it.
    """
    if not opens("litert", path) or not path.is_file():
        return
    if source_bundle(path) is None and unavailable(path) is None:
        probe(path)
