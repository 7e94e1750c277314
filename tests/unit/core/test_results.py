"""Results of checks: how they are joined, and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeconv.core import Check, ParityResult, Status, worst

PASSED = Check("snr_db", Status.PASSED, 90.0, 30.0, ">=")
FAILED = Check("max_abs", Status.FAILED, 0.31, 0.05, "<=", "largest error in window 7")
NO_REASON = Check("kl_mean", Status.FAILED, 0.25, 0.02, "<=")
UNMEASURED = Check("contract", Status.FAILED, None, None, "<=", "rate_hz is 50.0 in the file")
NOT_RUN = Check("golden", Status.NOT_RUN, None, 0.07, "<=", "no runtime")


def result(status: Status = Status.PASSED, reason: str = "") -> ParityResult:
    return ParityResult("a.tflite", "0", "int8", "tflite", "litert", status, 9, reason=reason)


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (PASSED, ""),
        (FAILED, "max_abs is 0.31, must be <= 0.05: largest error in window 7"),
        (NO_REASON, "kl_mean is 0.25, must be <= 0.02"),
        (UNMEASURED, "contract: rate_hz is 50.0 in the file"),
        (NOT_RUN, "golden: no runtime"),
    ],
)
def test_check_sentence(check: Check, sentence: str) -> None:
    assert check.sentence == sentence


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ((), Status.PASSED),
        ((PASSED,), Status.PASSED),
        ((PASSED, NOT_RUN), Status.NOT_RUN),
        ((NOT_RUN, FAILED, PASSED), Status.FAILED),
    ],
)
def test_with_checks_keeps_the_worst_status(checks: tuple[Check, ...], status: Status) -> None:
    joined = result().with_checks(*checks)
    assert joined.status is status
    assert joined.checks == checks


def test_with_checks_never_improves_a_status() -> None:
    assert result(Status.NOT_RUN).with_checks(PASSED).status is Status.NOT_RUN
    assert result(Status.FAILED).with_checks(PASSED).status is Status.FAILED


def test_with_checks_tells_a_supplementary_check_that_did_not_run() -> None:
    check = Check("weights", Status.NOT_RUN, None, None, "<=", "layer 'lstm' was not compared")
    joined = result().with_checks(check)
    assert joined.status is Status.PASSED
    assert joined.reason == "weights: layer 'lstm' was not compared"
    assert result().with_checks(replace(check, status=Status.FAILED)).status is Status.FAILED


def test_with_checks_appends_checks_and_reasons() -> None:
    joined = result(reason="before").with_checks(PASSED).with_checks(FAILED, UNMEASURED)
    assert joined.checks == (PASSED, FAILED, UNMEASURED)
    assert joined.reason == f"before; {FAILED.sentence}; {UNMEASURED.sentence}"


def test_with_checks_says_a_shared_reason_once() -> None:
    broken = [
        Check(name, Status.FAILED, None, 1.0, "<=", "outputs are NaN")
        for name in ("max_abs", "rmse")
    ]
    assert result().with_checks(*broken).reason == "max_abs, rmse: outputs are NaN"


def test_worst_of_nothing_is_not_run() -> None:
    assert worst([]) is Status.NOT_RUN
