"""Golden vectors: a few real windows with the outputs that every artifact must give on a device."""

from edgeconv.parity.golden.device_results import (
    DeviceReport,
    check_device_report,
    check_golden,
    compare,
    read_device_report,
)
from edgeconv.parity.golden.store import FOLDER, digest_of, read, read_golden, write
from edgeconv.parity.golden.vectors import (
    Expectation,
    GoldenSet,
    Run,
    make,
    record_outputs,
    select_windows,
    tolerance_of,
)

__all__ = [
    "FOLDER",
    "DeviceReport",
    "Expectation",
    "GoldenSet",
    "Run",
    "check_device_report",
    "check_golden",
    "compare",
    "digest_of",
    "make",
    "read",
    "read_device_report",
    "read_golden",
    "record_outputs",
    "select_windows",
    "tolerance_of",
    "write",
]
