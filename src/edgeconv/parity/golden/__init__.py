"""Golden vectors: a few real windows with every file's expected answer, to be run on a device."""

from edgeconv.parity.golden.check import check, compare
from edgeconv.parity.golden.choose import choose
from edgeconv.parity.golden.store import FOLDER, read, write
from edgeconv.parity.golden.tolerance import tolerance_of
from edgeconv.parity.golden.vectors import Expectation, GoldenSet, Run, expect, make

__all__ = [
    "FOLDER",
    "Expectation",
    "GoldenSet",
    "Run",
    "check",
    "choose",
    "compare",
    "expect",
    "make",
    "read",
    "tolerance_of",
    "write",
]
