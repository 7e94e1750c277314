"""Every parity check is failed by at least one bundle of the sabotage table."""

from __future__ import annotations

import pytest

from edgeconv.parity.checks import CHECKS
from tests.sabotage.table import TABLE

NAMES = [name for check in CHECKS for name in check.names]


@pytest.mark.parametrize("name", NAMES)
def test_check_is_failed_by_a_sabotaged_bundle(name: str) -> None:
    assert name in {row.gate for row in TABLE}


def test_check_names_belong_to_one_check() -> None:
    assert len(set(NAMES)) == len(NAMES) > 0
