"""Confidence bounds: published values, what they must cover, and where they must not collapse.

Passed, failed, or too few windows to know: three verdicts, each where it belongs.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from edgeconv.core import Decision, MachineInfo, ParityResult, Status
from edgeconv.errors import UsageError
from edgeconv.parity.gates import default_gates, resolve_gates
from edgeconv.parity.output_comparison import ReferenceOutputs, judge_file
from edgeconv.parity.significance import (
    clopper_pearson,
    clustered,
    decide,
    level_of,
    margin_of,
    mcnemar,
    tango,
)
from edgeconv.parity.task_impact import SHOWN
from tests.unit.parity.outputs import LABELS, artifact, labels, reference, windows

counts = st.integers(0, 400)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_scipys_exact_interval(found: tuple[int, int]) -> None:
    hits, n = found
    exact = binomtest(hits, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, n) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_clopper_pearson_of_full_agreement_is_below_one() -> None:
    low, high = clopper_pearson(1649, 1649)
    assert high == 1.0
    assert low == pytest.approx(0.025 ** (1 / 1649))


@given(counts, counts)
def test_mcnemar_is_the_binomial_test(lost: int, won: int) -> None:
    p = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == pytest.approx(p, abs=1e-9)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_bounds_are_those_of_statsmodels(found: tuple[int, int]) -> None:
    hits, n = found
    statsmodels = pytest.importorskip("statsmodels.stats.proportion")
    bounds = statsmodels.proportion_confint(hits, n, alpha=0.1, method="beta")
    low, high = (float(np.nan_to_num(bounds[0], nan=0.0)), float(bounds[1]))
    assert clopper_pearson(hits, n, 0.9) == pytest.approx((low, high), abs=1e-9)


@given(counts, counts)
def test_mcnemar_is_that_of_statsmodels(lost: int, won: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    expected = tables.mcnemar([[50, lost], [won, 50]], exact=True).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(
        st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(-n, n), st.just(n))),
        min_size=2,
        max_size=8,
    )
)
@settings(max_examples=30, deadline=None)
def test_bounds_between_subjects_are_those_of_a_cluster_robust_mean(
    subjects: list[tuple[int, int]],
) -> None:
    """statsmodels' mean of all windows with errors that are robust to clusters of one subject."""
    models = pytest.importorskip("statsmodels.regression.linear_model")
    changes = [d for d, _ in subjects]
    windows = [n for _, n in subjects]
    each = [np.sign(d) * (np.arange(n) < abs(d)) for d, n in subjects]
    values, groups = np.concatenate(each), np.repeat(np.arange(len(subjects)), windows)
    mean = models.OLS(values.astype(float), np.ones(len(values)))
    robust = mean.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = robust.conf_int(alpha=0.1)[0]  # two-sided 90 %: each side 95 %
    assert clustered(changes, windows, 0.95) == pytest.approx((low, high), abs=1e-9)


def test_tango_published() -> None:
    """Airway reactivity of 21 children (Bentur et al., 2009), the interval as Fagerland, Lydersen
    and Laake give it (Statistics in Medicine 33 (2014) 2850)."""
    assert tango(1, 7, 21, 0.975) == pytest.approx((-0.517, -0.026), abs=5e-4)
    z2 = 1.959963984540054**2
    assert tango(0, 0, 50, 0.975) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(130, 3000))
def test_tango_bounds_are_roots_of_the_quartic(lost: int, won: int, n: int) -> None:
    """The same bounds without iteration: Yang, Sun and Hardin, Statistics in Medicine 32 (2013)
    1336, whose polynomial of degree four vanishes at both."""
    g, d, both = 1.6448536269514722**2, lost - won, lost + won
    coefficients = (
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * (both / g + 1),
        n * d * (2 * both / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - both) / g,
    )
    for bound in tango(lost, won, n):
        size = sum(abs(c * bound ** (4 - i)) for i, c in enumerate(coefficients))
        assert abs(np.polyval(coefficients, bound)) <= 1e-9 * size + 1e-9


@given(st.integers(0, 50), st.integers(0, 50), st.integers(100, 5000))
def test_tango_contains_the_difference_and_is_symmetric(lost: int, won: int, n: int) -> None:
    low, high = tango(lost, won, n)
    assert low - 1e-9 <= (lost - won) / n <= high + 1e-9
    assert tango(won, lost, n) == pytest.approx((-high, -low), abs=1e-9)
    wider = tango(lost, won, n, 0.99)
    assert wider[0] <= low
    assert high <= wider[1]


def test_tango_without_changed_windows_is_above_zero() -> None:
    z2 = 1.6448536269514722**2
    assert tango(0, 0, 1649)[1] == pytest.approx(z2 / (1649 + z2), abs=1e-9)


def test_clustered_is_wider_than_tango() -> None:
    alike = clustered([5, 5, 5, 5], [100, 100, 100, 100])
    one_person = clustered([20, 0, 0, 0], [100, 100, 100, 100])
    assert alike == pytest.approx((0.05, 0.05))
    assert one_person is not None
    assert one_person[1] > tango(20, 0, 400)[1]
    assert clustered([3], [100]) is None


@pytest.mark.parametrize("people", [6, 24])
def test_bounds_cover_as_they_say(people: int) -> None:
    """Simulated people with habits of their own: the 95 % bound is above the truth often enough."""
    random = np.random.default_rng(3)
    share, trials, covered = 0.02, 400, 0
    for _ in range(trials):
        shares = random.beta(1.0, 1.0 / share - 1.0, people)  # mean `share`, far apart
        lost = random.binomial(150, shares)
        between = clustered(lost.tolist(), [150] * people)
        assert between is not None
        bound = max(between[1], tango(int(lost.sum()), 0, 150 * people)[1])
        covered += bound >= share
    # Few people with skewed habits cost some cover (docs/explanation/parity-gates.md);
    # windows alone would be worse.
    assert covered / trials >= 0.85


def test_tango_covers_independent_windows() -> None:
    random = np.random.default_rng(4)
    n, lost, won = 600, 0.02, 0.01
    draws = random.multinomial(n, [lost, won, 1 - lost - won], 500)
    bounds = [tango(int(b), int(c), n)[1] for b, c, _ in draws]
    cover = float(np.mean([bound >= lost - won for bound in bounds]))
    assert 0.93 <= cover <= 0.975


HERE = MachineInfo()


def people(n: int = 1500, count: int = 5) -> NDArray[np.str_]:
    return np.array([str(i * count // n + 1) for i in range(n)])


def losing(every: int, n: int = 1500) -> NDArray[np.float32]:
    """Outputs that are wrong in every so many windows that the reference answers rightly."""
    outputs = reference(n)
    right = np.flatnonzero(outputs.argmax(axis=1) == labels(n))[::every]
    outputs[right] = np.roll(outputs[right], 1, axis=1)
    return outputs


def judge(
    candidate: NDArray[np.float32], limits: dict[str, float], level: float = 0.95
) -> ParityResult:
    n = len(candidate)
    float_model = ReferenceOutputs(reference(n), labels(n), LABELS, people(n), windows(n))
    return judge_file(artifact("int8"), "litert", candidate, float_model, limits, HERE, level)


def test_decide_non_inferior_on_enough_unchanged_windows() -> None:
    decision = decide([0] * 5, [0] * 5, [110] * 5, 0.005)
    assert decision.decision is Decision.NON_INFERIOR
    assert decision.drop == 0
    assert decision.high == pytest.approx(tango(0, 0, 550)[1])
    assert decision.windows_needed is None


def test_decide_undecided_on_too_few_windows() -> None:
    decision = decide([0] * 5, [0] * 5, [100] * 5, 0.005)
    assert decision.decision is Decision.UNDECIDED
    assert decision.reason.startswith("too few windows to know: the drop is 0 points")
    assert decision.windows_needed is not None
    assert 500 < decision.windows_needed < 600
    assert tango(0, 0, decision.windows_needed)[1] <= 0.005


def test_decide_inferior_on_a_clear_loss() -> None:
    decision = decide([9, 10, 11, 10], [0, 0, 0, 0], [300] * 4, 0.005)
    assert decision.decision is Decision.INFERIOR
    assert decision.mcnemar_p < 1e-6
    assert "allowed are 0.5" in decision.reason


def test_decide_accounts_for_subjects() -> None:
    together = decide([12, 0, 0, 0, 0], [0] * 5, [400] * 5, 0.01)
    spread = decide([2, 3, 2, 3, 2], [0] * 5, [400] * 5, 0.01)
    assert together.drop == spread.drop
    assert spread.decision is Decision.NON_INFERIOR
    assert together.decision is Decision.UNDECIDED


def test_decide_needs_no_more_windows_above_the_limit() -> None:
    decision = decide([4, 0], [0, 0], [300, 300], 0.005)
    assert (decision.decision, decision.windows_needed) == (Decision.UNDECIDED, None)


def test_decide_one_subject() -> None:
    decision = decide([1], [0], [2000], 0.005)
    assert decision.decision is Decision.NON_INFERIOR
    assert "1 subject" in decision.reason
    assert decision.method == "Tango (1998) over windows"


@pytest.mark.parametrize(("drop", "level"), [(0.0, 0.95), (1.0, 0.95), (0.01, 0.5), (0.01, 1.0)])
def test_check_limits_needs_fractions(drop: float, level: float) -> None:
    with pytest.raises(UsageError):
        decide([0], [0], [10], drop, level)
    with pytest.raises(UsageError):
        resolve_gates("tflite", "int8", {"max_drop": drop, "confidence": level})


def test_max_drop_has_three_outcomes() -> None:
    limits = resolve_gates("tflite", "int8", {"max_drop": 0.005})
    for outputs, status in (
        (reference(), Status.PASSED),
        (losing(20), Status.FAILED),
        (reference(300), Status.NOT_RUN),
    ):
        result = judge(outputs, limits)
        check = next(c for c in result.checks if c.name == "max_drop")
        assert check.status is status
        assert result.status is status
    assert "too few windows to know" in result.reason
    assert result.reason.startswith("max_drop is ")


def test_without_max_drop_the_verdict_is_reported_only() -> None:
    result = judge(reference(300), default_gates("tflite", "int8"))
    assert result.status is Status.PASSED
    assert result.evidence is not None
    assert result.evidence.drop.decision is Decision.UNDECIDED
    assert result.evidence.drop.max_drop == 0.005


def test_confidence_moves_the_verdict() -> None:
    limits = {"max_drop": 0.0025}
    assert judge(reference(), limits).status is Status.PASSED
    assert judge(reference(), limits, 0.999).status is Status.NOT_RUN
    assert level_of({"confidence": 0.9}) == 0.9
    assert "confidence" not in resolve_gates("tflite", "int8", {"confidence": 0.9})


def test_max_drop_is_the_limit_of_accuracy_drop_too() -> None:
    assert resolve_gates("tflite", "int8", {"max_drop": 0.02})["accuracy_drop"] == 0.02
    both = resolve_gates("tflite", "int8", {"max_drop": 0.02, "accuracy_drop": 0.01})
    assert both["accuracy_drop"] == 0.01
    assert margin_of({"accuracy_drop": 0.03}) == 0.03
    assert margin_of({"accuracy_drop": 0.0}) == 0.005


def test_parity_statistics_names_every_disagreement() -> None:
    candidate = reference()
    candidate[[7, 1200]] = np.roll(candidate[[7, 1200]], 1, axis=1)
    evidence = judge(candidate, {"top1_agreement": 0.9}).evidence
    assert evidence is not None
    assert evidence.flips.window == (7, 1200)
    assert evidence.flips.subject == ("1", "5")
    assert evidence.flips.reference == tuple(reference()[[7, 1200]].argmax(axis=1))
    assert evidence.flips.answer == tuple(candidate[[7, 1200]].argmax(axis=1))
    assert evidence.flips.truth == tuple(labels()[[7, 1200]])
    top = np.sort(reference()[[7, 1200]], axis=1)
    assert evidence.flips.margin == pytest.approx(tuple(top[:, 2] - top[:, 1]), abs=1e-6)
    assert evidence.agreement.value == 1498 / 1500
    assert evidence.agreement.low < 1498 / 1500 < evidence.agreement.high
    assert set(evidence.per_class) == set(LABELS)
    assert list(evidence.per_subject) == ["1", "2", "3", "4", "5"]
    assert sum(row["flips"] for row in evidence.per_subject.values()) == 2
    assert sum(row["n"] for row in evidence.per_class.values()) == 1500
    assert evidence.drop.lost - evidence.drop.won == round(evidence.drop.drop * 1500)


def test_class_drop_and_subject_drop_name_the_largest_loss() -> None:
    candidate = losing(20)
    result = judge(candidate, {"class_drop": 0.001, "subject_drop": 0.001})
    by_name = {c.name: c.reason for c in result.checks}
    assert by_name["class_drop"].startswith("recall of '")
    assert by_name["subject_drop"].startswith("accuracy of subject ")
    assert result.evidence is not None
    rows = result.evidence.per_subject.values()
    assert result.metrics["subject_drop"] == pytest.approx(max(row["drop"] for row in rows))


def test_parity_statistics_survive_json() -> None:
    result = judge(losing(50), {"max_drop": 0.005})
    again = ParityResult.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert again == result
    old = result.to_json()
    del old["evidence"], old["reference"]
    assert ParityResult.from_json(json.loads(json.dumps(old))).evidence is None


def test_most_confident_disagreements_keep_their_readings() -> None:
    result = judge(losing(50), {"top1_agreement": 0.1})
    assert result.evidence is not None
    flips = result.evidence.flips
    assert len(flips) > len(flips.readings) == SHOWN
    best = flips.window[flips.most_confident(1)[0]]
    assert flips.margin[flips.most_confident(1)[0]] == max(flips.margin)
    np.testing.assert_allclose(flips.readings[str(best)], windows()[best], atol=0.006)
    again = ParityResult.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert again == result
    untouched = judge(reference(), {"top1_agreement": 0.1})
    assert untouched.evidence is not None
    assert untouched.evidence.flips.readings == {}
