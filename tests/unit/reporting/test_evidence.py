"""How sure a result is, in every output: intervals, the undecided verdict, changed answers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from edgeconv.core import (
    Bundle,
    Check,
    Decision,
    Disagreements,
    ErrorHistogram,
    EvaluationData,
    InputFinding,
    InputReport,
    Interval,
    NonInferiority,
    ParityStatistics,
    Status,
)
from edgeconv.reporting import (
    formatting,
    render_html,
    render_junit,
    render_markdown,
    summary_table,
    verdict,
)
from edgeconv.reporting.charts import HEIGHT, WIDTH, error_chart, trace

from . import bundles

REASON = "too few windows to know: the drop is 0.1 points"


def evidence(decision: Decision = Decision.UNDECIDED) -> ParityStatistics:
    drop = NonInferiority(
        decision=decision,
        drop=0.001,
        low=-0.002,
        high=0.0062,
        max_drop=0.005,
        level=0.95,
        method="Tango (1998) over windows",
        lost=5,
        won=2,
        subjects=3,
        mcnemar_p=0.45,
        windows_needed=9000,
        reason=REASON,
    )
    readings = {"99": tuple(float(i % 20) for i in range(240)), "3": (9.81,) * 240}
    flips = Disagreements((3, 99), (0, 1), (2, 0), (0, 5), (0.02, 0.91), ("7", "12"), readings)
    row = {"reference": 0.9, "file": 0.88, "drop": 0.02, "lost": 2, "won": 0, "flips": 2, "n": 100}
    return ParityStatistics(
        agreement=Interval(0.9993, 0.9975, 0.9999, 0.95, "Clopper-Pearson, two-sided"),
        drop=drop,
        flips=flips,
        labels=bundles.LABELS,
        per_class={"Walking": row},
        per_subject={"12": row},
        errors=ErrorHistogram((1e-4, 1e-3, 1e-2, 1e-1), (8, 0, 4), (4, 0, 4), 4),
    )


def undecided() -> Bundle:
    """Its TFLite files alone, all on too few windows."""
    bundle = bundles.full()
    check = Check("max_drop", Status.NOT_RUN, 0.0062, 0.005, "<=", REASON)
    results = tuple(
        replace(
            r,
            status=Status.NOT_RUN,
            checks=(*r.checks, check),
            evidence=evidence(),
            reason=f"max_drop: {REASON}",
        )
        for r in bundle.parity
        if r.target == "tflite"
    )
    files = tuple(a for a in bundle.artifacts if a.target == "tflite")
    return replace(bundle, artifacts=files, parity=results)


def test_rows_carry_both_intervals() -> None:
    row = summary_table(undecided())[0]
    assert "99.93 % (99.75…99.99)" in row.cells()
    assert "−0.10 (−0.62…0.20)" in row.cells()


def test_undecided_is_a_verdict_of_its_own() -> None:
    found = verdict(undecided())
    assert found.status is Status.NOT_RUN
    assert found.title == "Too few windows to know"
    assert "4 on too few windows to know" in found.text
    mixed = undecided()
    failed = replace(mixed.parity[0], status=Status.FAILED)
    assert verdict(replace(mixed, parity=(failed, *mixed.parity[1:]))).status is Status.FAILED


@pytest.mark.parametrize("allow", [False, True])
def test_junit_never_counts_undecided_as_passed(allow: bool) -> None:
    text = render_junit(undecided().parity, allow)
    assert text.count("too few windows to know") == 4
    assert f'{"skipped" if allow else "errors"}="4"' in text


def test_pages_show_flips_and_bounds() -> None:
    page = render_html(undecided())
    assert '<span>99.93 % <small class="bounds">(99.75…99.99)</small></span>' in page
    assert "2 windows classified differently" in page
    assert page.index("0.91") < page.index("0.02</td>")
    assert "McNemar" in page
    text = render_markdown(undecided())
    assert "most confident for window 99 of subject 12: Downstairs instead of Jogging" in text
    assert "−0.10 (−0.62…0.20)" in text


def test_flips_are_drawn_with_both_verdicts() -> None:
    page = render_html(undecided())
    first = page.index('aria-label="Readings of window 99"')
    assert first < page.index('aria-label="Readings of window 3"')
    figure = page[first : page.index("</figure>", first)]
    assert figure.count("<polyline") == 3
    for word in ("Window 99, subject 12", "Jogging", "Downstairs", "truth: Walking"):
        assert word in figure
    assert "nan" not in figure


def test_errors_are_drawn_and_told() -> None:
    page = render_html(undecided())
    assert page.count(">Errors against the reference<") == 4
    told = "Half of 24 outputs differ by at most 0.001, none by more than 0.1"
    assert told in page
    assert "50.00 % are above the reference, 33.33 % below, 16.67 % equal" in page
    older = replace(undecided().parity[0], evidence=replace(evidence(), errors=None))
    assert "Error histogram: not run." in render_html(replace(undecided(), parity=(older,)))


@pytest.mark.parametrize(("limit", "red"), [(0.005, True), (0.5, False)])
def test_errors_beyond_the_gate_stand_out(limit: float, red: bool) -> None:
    check = Check("max_abs", Status.PASSED, 0.1, limit, "<=")
    result = replace(undecided().parity[0], checks=(check,))
    assert ("rgb(var(--bad))" in error_chart(result, "x")) is red


def test_a_trace_fits_its_frame() -> None:
    drawn = trace([float(i) for i in range(240)], ("x", "y", "z"), "window")
    points = [p.split(",") for p in " ".join(re.findall('points="([^"]+)"', drawn)).split()]
    assert len(points) == 240
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)


def test_words_without_evidence() -> None:
    assert formatting.between(None) == formatting.change(None) == formatting.NOT_RUN


def test_a_sensor_mistake_stands_in_every_report() -> None:
    bundle = bundles.full()
    name, found = next(iter(bundle.evaluations.items()))
    report = InputReport(
        findings=(InputFinding("g instead of m/s²", "the readings are in g"),),
        distance=8.0,
        usual=2.5,
        distances={},
        outside={},
        gravity=1.0,
        rate_hz=None,
        classes=("Walking",),
        windows=40,
    )
    told = replace(found, data=replace(found.data, inputs=report))
    marked = replace(bundle, evaluations={**bundle.evaluations, name: told})
    assert "The readings are in g." in render_html(marked)
    assert "> **The recordings**: the readings are in g." in render_markdown(marked)
    assert "The recordings" not in render_markdown(bundle)


def test_accuracies_on_other_windows_are_not_subtracted() -> None:
    bundle = bundles.full()
    name = bundle.artifacts[0].name
    moved = replace(bundle.evaluations[name], data=EvaluationData(sha256="other"))
    changed = replace(bundle, evaluations={**bundle.evaluations, name: moved})
    assert summary_table(changed)[0].change is None
    assert summary_table(bundle)[0].change is not None
