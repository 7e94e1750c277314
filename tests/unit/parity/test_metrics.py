"""Metrics against formulas written out by hand, scipy, and properties that must hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy.spatial import distance
from scipy.stats import entropy

from edgeconv.core.parity_statistics import MAX_DB
from edgeconv.errors import BadInput
from edgeconv.parity.gates import DIRECTIONS
from edgeconv.parity.metrics import METRICS, compare, cosine

REF = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], np.float32)
CAN = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]], np.float32)
TRUE = np.array([0, 1])


def test_compare_by_hand() -> None:
    metrics = compare(REF, CAN, TRUE)
    squares = 0.01 + 0.01 + 0.01 + 0.09 + 0.04
    power = 0.49 + 0.04 + 0.01 + 0.01 + 0.36 + 0.09
    assert metrics["max_abs"] == pytest.approx(0.3)
    assert metrics["mean_abs"] == pytest.approx((0.1 + 0.1 + 0.1 + 0.3 + 0.2) / 6, rel=1e-6)
    assert metrics["rmse"] == pytest.approx(math.sqrt(squares / 6))
    assert metrics["snr_db"] == pytest.approx(10 * math.log10(power / squares))
    assert metrics["psnr_db"] == pytest.approx(10 * math.log10(6 / squares))
    assert metrics["top1_agreement"] == 0.5
    assert (metrics["accuracy"], metrics["reference_accuracy"]) == (0.5, 1.0)
    assert metrics["accuracy_drop"] == 0.5


def test_compare_agrees_with_scipy() -> None:
    metrics = compare(REF, CAN, TRUE)
    ref, can = REF.astype(float), CAN.astype(float)
    kl = [entropy(p, q) for p, q in zip(ref, can, strict=True)]
    js = [distance.jensenshannon(p, q) ** 2 for p, q in zip(ref, can, strict=True)]
    similar = [1 - distance.cosine(p, q) for p, q in zip(ref, can, strict=True)]
    assert metrics["kl_mean"] == pytest.approx(np.mean(kl), rel=1e-5)
    assert metrics["kl_max"] == pytest.approx(max(kl), rel=1e-5)
    assert metrics["js_mean"] == pytest.approx(np.mean(js), rel=1e-5)
    assert metrics["cosine"] == pytest.approx(np.mean(similar))
    assert metrics["cosine_min"] == pytest.approx(min(similar))


def test_every_name_and_every_gate_has_a_number() -> None:
    metrics = compare(REF, CAN, TRUE)
    assert tuple(metrics) == METRICS
    assert set(DIRECTIONS) <= {*metrics, "max_drop", "saturated", "embedding_snr_db"}
    assert all(type(value) is float for value in metrics.values())


def test_compare_identical_outputs_has_finite_metrics() -> None:
    metrics = compare(REF, REF, TRUE)
    assert metrics["snr_db"] == metrics["psnr_db"] == MAX_DB
    assert metrics["cosine_min"] == 1.0
    assert metrics["max_abs"] == metrics["kl_max"] == metrics["accuracy_drop"] == 0.0
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_compare_snr_of_one_rounding_is_below_the_cap() -> None:
    """The cap must not hide a real difference from an identical output."""
    other = REF.copy()
    other[0, 0] = np.nextafter(other[0, 0], np.float32(1))
    assert compare(REF, other, TRUE)["snr_db"] < MAX_DB


def test_compare_accuracy_drop_is_exact() -> None:
    """1/200 must not fail a limit of 0.005 by a rounding of 0.95 − 0.945."""
    ref = np.tile(np.array([[0.9, 0.1]], np.float32), (200, 1))
    labels = np.zeros(200, np.int64)
    labels[:10] = 1
    can = ref.copy()
    can[-1] = can[-1, ::-1]
    assert compare(ref, can, labels)["accuracy_drop"] == 0.005


def test_compare_rows_of_zeros() -> None:
    zero, one = np.zeros((1, 2)), np.array([[1.0, 0.0]])
    assert cosine(zero, zero)[0] == 1.0
    assert cosine(zero, one)[0] == 0.0
    metrics = compare(one.astype(np.float32), zero.astype(np.float32), np.array([0]))
    assert all(map(math.isfinite, metrics.values()))


@pytest.mark.parametrize(
    ("reference", "candidate", "says"),
    [
        (REF, CAN[:, :2], "cannot be compared"),
        (REF, CAN[:1], "cannot be compared"),
        (REF, np.where(CAN.max() == CAN, np.nan, CAN), "NaN or infinity"),
        (np.where(REF.max() == REF, np.inf, REF), CAN, "NaN or infinity"),
        (REF * 12 - 3, CAN, "no probabilities"),
    ],
)
def test_compare_refuses_bad_input(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        compare(reference, candidate, TRUE)


def test_compare_refuses_no_windows() -> None:
    with pytest.raises(BadInput, match="no windows"):
        compare(REF[:0], CAN[:0], TRUE[:0])


_rows = arrays.arrays(np.float32, (5, 3), elements=st.floats(0.0009765625, 1.0, width=32)).map(
    lambda a: np.asarray(a / a.sum(axis=1, keepdims=True), np.float32)
)


@given(_rows, _rows)
def test_compare_properties(ref: NDArray[np.float32], can: NDArray[np.float32]) -> None:
    metrics = compare(ref, can, np.zeros(5, np.int64))
    back = compare(can, ref, np.zeros(5, np.int64))
    assert 0 <= metrics["mean_abs"] <= metrics["rmse"] + 1e-12 <= metrics["max_abs"] + 2e-12 <= 1.1
    assert 0 <= metrics["kl_mean"] <= metrics["kl_max"]
    assert 0 <= metrics["js_mean"] <= math.log(2)
    assert -1 <= metrics["cosine_min"] <= metrics["cosine"] <= 1
    for name in ("max_abs", "mean_abs", "rmse", "psnr_db", "cosine", "js_mean", "top1_agreement"):
        assert back[name] == pytest.approx(metrics[name])
    assert back["accuracy_drop"] == -metrics["accuracy_drop"]
    assert json.dumps(metrics, allow_nan=False)
