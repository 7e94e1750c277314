"""Golden vectors: a few real windows with every file's expected answer, to be run on a device."""

from edgeconv.parity.golden.comparison import check, compare
from edgeconv.parity.golden.device_results import Recording, check_recording, read_recording
from edgeconv.parity.golden.selection import choose
from edgeconv.parity.golden.store import FOLDER, digest_of, read, write
from edgeconv.parity.golden.tolerance import tolerance_of
from edgeconv.parity.golden.vectors import Expectation, GoldenSet, Run, expect, make

__all__ = [
    "FOLDER",
    "Expectation",
    "GoldenSet",
    "Recording",
    "Run",
    "check",
    "check_recording",
    "choose",
    "compare",
    "digest_of",
    "expect",
    "make",
    "read",
    "read_recording",
    "tolerance_of",
    "write",
]
