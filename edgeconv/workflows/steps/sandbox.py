"""Files that no manifest vouches for are tried before they are opened in this process."""

from __future__ import annotations

from pathlib import Path

from edgeconv.bundle import source_bundle
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.crash_probe import probe


def try_foreign(path: Path) -> None:
    """Nothing for a file whose bundle names exactly these bytes: it ran when it was exported.

    Raises:
        BadInput: LiteRT crashes on the file or cannot run it.
    """
    if path.suffix != ".tflite" or not path.is_file():
        return
    if source_bundle(path) is None and unavailable(path) is None:
        probe(path)
