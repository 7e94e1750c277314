"""The gate on speed: silent on A/A, loud on a slower file, and no word on what it cannot judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from edgeconv.core import (
    Change,
    MachineInfo,
    Status,
)
from edgeconv.errors import UsageError
from edgeconv.profiling.comparison import (
    compare_paired,
    compare_recorded,
    limit_of,
    mismatch,
    not_compared,
)

from .samples import MACHINE, machine_states, result

LIMIT = 1.05
MANY = 200


def test_paired_a_against_a_never_differs() -> None:
    """Many runs of a machine whose speed changes by half within a run."""
    found: Counter[Change] = Counter()
    for seed in range(MANY):
        states = machine_states(seed)
        ours, theirs = result(30.0, seed, states), result(30.0, seed + MANY, states)
        found[compare_paired(ours, theirs, LIMIT).change] += 1
    assert found[Change.SLOWER] == found[Change.FASTER] == 0
    assert found[Change.SAME] > 0.9 * MANY


def test_recorded_a_against_a_never_differs() -> None:
    """Each run has its own clock (1, 1.2 or 1.5) and its own spells of load."""
    found: Counter[Change] = Counter()
    for seed in range(MANY):
        found[compare_recorded(result(30.0, seed), result(30.0, seed + MANY), LIMIT).change] += 1
    assert found[Change.SLOWER] == found[Change.FASTER] == 0


@pytest.mark.parametrize("factor", [1.1, 1.5, 3.0])
def test_paired_slower_file_is_reported(factor: float) -> None:
    for seed in range(20):
        states = machine_states(seed)
        found = compare_paired(
            result(30.0 * factor, seed, states), result(30.0, seed + MANY, states), LIMIT
        )
        assert found.change is Change.SLOWER
        assert found.status is Status.FAILED
        assert found.low is not None
        assert found.high is not None
        assert found.low <= factor <= found.high


def test_recorded_slower_file_is_reported_in_every_state_of_the_machine() -> None:
    found: Counter[Change] = Counter()
    for seed in range(30):
        ours, theirs = result(90.0, seed), result(30.0, seed + MANY)
        found[compare_recorded(ours, theirs, LIMIT).change] += 1
    assert found[Change.SLOWER] == 30


def test_faster_is_said_and_passes() -> None:
    found = compare_paired(result(10.0, 1), result(30.0, 1), LIMIT)
    assert (found.change, found.status) == (Change.FASTER, Status.PASSED)


def test_below_the_limit_is_no_failure() -> None:
    """A difference that is there, but smaller than what the user minds."""
    states = machine_states(5)
    found = compare_paired(result(30.9, 5, states), result(30.0, 6, states), limit_of(0.1))
    assert (found.change, found.status) == (Change.SAME, Status.PASSED)


def test_few_samples_are_unclear() -> None:
    few = [1.0] * 3
    found = compare_paired(result(90.0, 1, few), result(30.0, 2, few), LIMIT)
    assert (found.change, found.status, found.high) == (Change.UNCLEAR, Status.PASSED, None)
    assert "--num-runs" in found.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"machine": replace(MACHINE, processor="other")}, "processor other, this is test"),
        ({"machine": replace(MACHINE, cores=8)}, "cores 8, this is 2"),
        ({"machine": replace(MACHINE, system="Darwin 24.0")}, "system Darwin"),
        ({"machine": MachineInfo()}, "processor unknown"),
        ({"runtime": "litert-reference"}, "runtime litert-reference"),
        ({"kernels": "built-in"}, "kernels built-in"),
        ({"threads": 2}, "threads 2, this is 1"),
        ({"device": "Pixel 8"}, "device Pixel 8"),
        ({"status": Status.NOT_RUN, "reason": "no Mac"}, "in the baseline: no Mac"),
    ],
)
def test_what_does_not_compare(change: dict[str, Any], words: str) -> None:
    ours = result(30.0, 1)
    theirs = replace(result(10.0, 2), **change)
    found = compare_recorded(ours, theirs, LIMIT)
    assert (found.change, found.status, found.ratio) == (Change.NOT_COMPARED, Status.NOT_RUN, None)
    assert words in found.reason


def test_another_kernel_release_is_the_same_machine() -> None:
    theirs = result(30.0, 1, machine=replace(MACHINE, system="Linux 6.9"))
    assert mismatch(result(30.0, 2), theirs) == ""


def test_record_without_rounds_or_calibration_still_counts() -> None:
    """As an earlier version wrote it: samples alone."""
    old = replace(result(10.0, 1), rounds=(), reference_us={}, kernels="")
    assert compare_recorded(result(90.0, 2), old, LIMIT).change is Change.SLOWER


def test_nothing_to_hold_against() -> None:
    found = not_compared(result(30.0, 1), "no timing of it", LIMIT)
    assert (found.status, found.reason) == (Status.NOT_RUN, "no timing of it")


def test_negative_limit() -> None:
    with pytest.raises(UsageError, match="max-slowdown"):
        limit_of(-0.1)
