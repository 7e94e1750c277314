"""One result in plain lines."""

from __future__ import annotations

from dataclasses import replace

from edgeconv.core import Check, Status
from edgeconv.reporting import explain

from . import bundles

RESULT = bundles.full().parity[0]


def test_a_pass_names_runtime_and_recordings() -> None:
    text = explain(RESULT, "synthetic, split test")
    assert text.startswith("har_float32.tflite behaves like the float model (litert, ")
    assert text.endswith("of synthetic, split test)")


def test_a_failure_lists_what_is_no_pass() -> None:
    checks = (
        Check("max_abs", Status.FAILED, 0.5, 0.05, "<=", "largest error in window 7"),
        Check("snr_db", Status.PASSED, 90.0, 30.0, ">="),
        Check("contract", Status.FAILED, None, None, "<=", "rate_hz is 50.0 in the file"),
    )
    text = explain(replace(RESULT, status=Status.FAILED, checks=checks), "x")
    assert text.splitlines()[1:] == [
        "  max_abs is 0.5, must be <= 0.05: largest error in window 7",
        "  contract: rate_hz is 50.0 in the file",
    ]


def test_a_failure_without_checks_has_its_reason() -> None:
    text = explain(replace(RESULT, status=Status.FAILED, checks=(), reason="NaN"), "x")
    assert text.splitlines()[1:] == ["  NaN"]


def test_not_checked_and_not_proven_are_two_things() -> None:
    waiting = replace(RESULT, status=Status.NOT_RUN, reason="no Mac", n=0)
    assert explain(waiting, "x") == "har_float32.tflite was not checked: no Mac"
    undecided = replace(waiting, reason="too few windows to know", n=12)
    assert "is not proven to behave like the float model: too few" in explain(undecided, "x")
