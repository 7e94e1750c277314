"""Every output says which runtime judged which file, and how far its word goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeconv.core import Bundle, Status
from edgeconv.reporting import render_html, render_markdown
from edgeconv.reporting.runtimes_used import LIMITS, WHAT, named, runtimes_used
from edgeconv.runtimes import RUNTIMES
from tests.unit.reporting.bundles import full

WORDS = "coreml-reference (NumPy model of Core ML, not a phone)"


@pytest.fixture
def bundle() -> Bundle:
    """Each file judged once, the Core ML file by the reference runtime."""
    made = full()
    results = tuple(
        replace(r, runtime="coreml-reference", status=Status.PASSED, n=10)
        if r.target == "coreml"
        else r
        for r in made.parity
    )
    return replace(made, parity=results)


def test_every_runtime_has_its_words() -> None:
    assert set(WHAT) == set(RUNTIMES)
    assert set(LIMITS) <= set(WHAT)
    assert named("of a friend") == "of a friend"


def test_each_judge_names_its_files(bundle: Bundle) -> None:
    found = {use.runtime: use for use in runtimes_used(bundle)}
    assert set(found) == {"litert", "coreml-reference"}
    assert found["coreml-reference"].text == f"{WORDS}: har_float16.mlpackage"
    assert len(found["litert"].files) == 4


def test_a_check_that_did_not_run_has_no_judge() -> None:
    assert all(use.runtime != "coreml" for use in runtimes_used(full()))


def test_a_result_for_other_bytes_has_no_judge(bundle: Bundle) -> None:
    stale = tuple(replace(r, sha256="0" * 64) for r in bundle.parity)
    assert runtimes_used(replace(bundle, parity=stale)) == []


def test_the_outputs_say_it_and_the_limit_once(bundle: Bundle) -> None:
    page, text = render_html(bundle), render_markdown(bundle)
    assert WORDS in page
    assert f"Run by {WORDS}: har" in text
    limit = "which only a Mac or a phone can confirm"
    assert page.count(limit) == 1
    assert text.count(limit) == 1
    assert limit not in render_markdown(full())
