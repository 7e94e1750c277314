"""JUnit: valid XML, counts that add up, and nothing green that did not run."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import ParityResult, Status
from edgeconv.reporting import render_junit, render_junit_refusal

from . import bundles


def root(*results: ParityResult, allow_not_run: bool = False) -> ET.Element:
    return ET.fromstring(render_junit(results, allow_not_run))


def test_counts_add_up() -> None:
    tree = root(*bundles.full().parity)
    assert tree.attrib == {
        "name": "edgeconv parity",
        "tests": "10",
        "failures": "0",
        "errors": "2",
        "skipped": "0",
    }
    assert len(tree.findall(".//testcase")) == 10


def test_what_did_not_run_is_an_error_unless_allowed() -> None:
    results = bundles.full().parity
    assert len(root(*results).findall(".//error")) == 2
    allowed = root(*results, allow_not_run=True)
    assert allowed.findall(".//error") == []
    assert len(allowed.findall(".//skipped")) == 2


def test_a_failed_check_says_value_and_limit() -> None:
    first = bundles.full().parity[0]
    check = replace(first.checks[0], status=Status.FAILED, value=0.4, reason="too far off")
    tree = root(replace(first, status=Status.FAILED, checks=(check,)))
    (failure,) = tree.findall(".//failure")
    assert failure.get("message") == "max_abs is 0.4, must be <= 0.05: too far off"


@pytest.mark.parametrize(("status", "tag"), [(Status.FAILED, "failure"), (Status.NOT_RUN, "error")])
@pytest.mark.parametrize("checks", [True, False])
def test_a_verdict_that_no_check_explains_is_not_lost(
    status: Status, tag: str, checks: bool
) -> None:
    first = bundles.full().parity[0]
    result = replace(first, status=status, reason="died", checks=first.checks if checks else ())
    (case,) = root(result).findall(f".//{tag}")
    assert case.get("message") == "died"


@given(st.text())
def test_any_text_gives_valid_xml(text: str) -> None:
    result = replace(bundles.full().parity[-1], artifact=text, reason=text, checks=())
    assert len(root(result).findall(".//error")) == 1


def test_no_results_are_an_empty_suite() -> None:
    assert root().get("tests") == "0"


def test_a_refusal_is_one_error_with_its_hint() -> None:
    tree = ET.fromstring(render_junit_refusal("x.tflite has <changed>\x00", "export it again"))
    assert (tree.get("tests"), tree.get("errors"), tree.get("failures")) == ("1", "1", "0")
    (error,) = tree.findall(".//error")
    assert error.get("message") == "x.tflite has <changed>� (export it again)"
