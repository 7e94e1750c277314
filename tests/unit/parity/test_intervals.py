"""Confidence bounds: published values, what they must cover, and where they must not collapse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgeconv.parity.intervals import clopper_pearson, clustered, mcnemar, tango

counts = st.integers(0, 400)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_scipys_exact_interval(found: tuple[int, int]) -> None:
    hits, n = found
    exact = binomtest(hits, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, n) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_clopper_pearson_of_full_agreement_is_below_one() -> None:
    low, high = clopper_pearson(1649, 1649)
    assert high == 1.0
    assert low == pytest.approx(0.025 ** (1 / 1649))


@settings(deadline=None)
@given(counts, counts)
def test_mcnemar_is_the_binomial_test(lost: int, won: int) -> None:
    p = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == pytest.approx(p, abs=1e-9)


def test_tango_published() -> None:
    """Airway reactivity of 21 children (Bentur et al., 2009), the interval as Fagerland, Lydersen
    and Laake give it (Statistics in Medicine 33 (2014) 2850)."""
    assert tango(1, 7, 21, 0.975) == pytest.approx((-0.517, -0.026), abs=5e-4)
    z2 = 1.959963984540054**2
    assert tango(0, 0, 50, 0.975) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))


@settings(deadline=None)
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


@settings(deadline=None)
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
        own = random.beta(1.0, 1.0 / share - 1.0, people)  # mean `share`, far apart
        lost = random.binomial(150, own)
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
