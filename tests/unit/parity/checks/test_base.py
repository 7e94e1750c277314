"""Checks without a figure."""

from __future__ import annotations

from edgeconv.core import Status
from edgeconv.parity.checks.base import problem_check


def test_problem_check_passes_without_problems() -> None:
    check = problem_check("contract", [])
    assert (check.name, check.status, check.reason) == ("contract", Status.PASSED, "")


def test_problem_check_names_each_problem_once() -> None:
    check = problem_check("contract", ["no labels", "other rate", "no labels"])
    assert check.status is Status.FAILED
    assert check.reason == "no labels; other rate"
