"""What the commands do with a runtime that answers and shows nothing of its inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.profiling.op_timing import operations
from edgeconv.targets import files
from tests.unit.targets.lints.programs import package

pytestmark = pytest.mark.heavy


def test_core_mls_operations_are_listed_and_not_timed(tmp_path: Path) -> None:
    described = files.describe(package(tmp_path / "net.mlpackage"))
    rows, why = operations(described, "coreml", 1, time_them=True)
    assert "conv" in {row.kind for row in rows}
    assert why == "Core ML does not expose its operations: time them in Xcode"
