"""Rows and verdict: what was not measured, or on other bytes, never counts.

Every output says which runtime judged which file, and how far its word goes.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeconv.core import Bundle, Status
from edgeconv.reporting import render_html, render_markdown, summary_table, verdict
from edgeconv.reporting.summary import HEADINGS, LIMITS, WHAT, named, runtimes_used
from edgeconv.runtimes import RUNTIMES
from tests.unit.reporting.bundles import full

from . import bundles


def test_rows_compare_with_float() -> None:
    rows = {row.name: row for row in summary_table(bundles.full())}
    row = rows["har_int8.tflite"]
    assert row.size_ratio == pytest.approx(2_086_920 / 540_592)
    assert row.speed_up == pytest.approx(290 / 74)
    assert row.change is not None
    assert row.accuracy is not None
    reference = bundles.full().evaluations["model.keras"].accuracy
    assert row.change == pytest.approx(row.accuracy - reference)
    assert len(row.cells()) == len(HEADINGS)


def test_a_package_that_could_not_run_has_reasons_instead_of_numbers() -> None:
    (row,) = (r for r in summary_table(bundles.full()) if r.target == "coreml")
    assert (row.accuracy, row.change, row.p50_us, row.speed_up) == (None, None, None, None)
    assert row.size_ratio is not None  # against the only float32 file there is
    assert row.reasons == (
        "parity: no runtime on this machine opens a Core ML package",
        "accuracy: no result in the bundle",
        "latency: Core ML runs on macOS only",
    )


def test_results_of_other_bytes_do_not_count() -> None:
    bundle = bundles.full()
    changed = replace(bundle.artifacts[0], sha256="0" * 64)
    row = summary_table(replace(bundle, artifacts=(changed,)))[0]
    assert row.parity is Status.NOT_RUN
    assert row.accuracy is None
    assert row.p50_us is None
    assert all("other bytes" in reason for reason in row.reasons)


def test_no_speed_up_across_runtimes() -> None:
    bundle = bundles.full()
    profiles = (replace(bundle.profile[0], runtime="keras"), *bundle.profile[1:])
    rows = summary_table(replace(bundle, profile=profiles))
    assert [row.speed_up for row in rows[1:]] == [None] * 4


def test_the_time_of_an_interpreter_that_checks_is_no_speed() -> None:
    bundle = bundles.full()
    checked = tuple(replace(result, runtime="coreai") for result in bundle.profile)
    for row in summary_table(replace(bundle, profile=checked)):
        timed = row.p50_us is not None
        assert row.only_checks
        assert row.speed_up is None
        assert any("says nothing of a phone" in reason for reason in row.reasons) == timed
    assert not any(row.only_checks for row in summary_table(bundle))


def test_verdict_is_the_worst_and_needs_every_file_checked() -> None:
    bundle = bundles.full()
    assert verdict(bundle).status is Status.NOT_RUN
    tflite = tuple(a for a in bundle.artifacts if a.target == "tflite")
    assert verdict(replace(bundle, artifacts=tflite)).status is Status.PASSED
    failed = replace(bundle.parity[1], status=Status.FAILED)
    broken = verdict(replace(bundle, parity=(*bundle.parity, failed)))
    assert broken.status is Status.FAILED
    assert broken.title == "1 file must not ship"
    assert verdict(replace(bundle, artifacts=())).status is Status.NOT_RUN
    assert verdict(replace(bundle, parity=())).status is Status.NOT_RUN


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
