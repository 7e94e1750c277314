"""Figures of a classifier against formulas written out by hand and properties that must hold."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core import (
    EvaluationData,
    EvaluationResult,
    LabelMap,
)
from edgeconv.errors import BadInput
from edgeconv.parity.classification import (
    EPSILON,
    evaluate,
    merged_probabilities,
    negative_log_likelihood,
    softmax,
)
from edgeconv.training.fold_results import macro_f1

NAMES = ("a", "b", "c")


def judged(
    rows: list[list[float]], labels: list[int], subjects: list[str] | None = None
) -> EvaluationResult:
    return evaluate(
        np.array(rows, np.float32),
        np.array(labels, np.int64),
        np.array(subjects or ["1"] * len(rows)),
        NAMES,
        "litert",
        "f" * 64,
        EvaluationData(name="synthetic"),
    )


A, B, C = [0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]


def test_evaluate_by_hand() -> None:
    # truth: a a a b b c; answers: a a b b c c
    result = judged([A, A, B, B, C, C], [0, 0, 0, 1, 1, 2], ["10", "9", "9", "9", "10", "10"])
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.confusion == ((2, 1, 0), (0, 1, 1), (0, 0, 1))
    assert result.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert result.per_class["a"] == pytest.approx(
        {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "n": 3}
    )
    assert result.per_class["b"] == pytest.approx(
        {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 2}
    )
    assert result.per_class["c"] == pytest.approx(
        {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "n": 1}
    )
    assert result.macro_f1 == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)
    true = [0.7, 0.7, 0.2, 0.6, 0.1, 0.8]
    assert result.loss == pytest.approx(-sum(map(math.log, true)) / 6, rel=1e-6)
    assert list(result.per_subject) == ["9", "10"]
    assert result.per_subject["9"] == pytest.approx({"accuracy": 2 / 3, "n": 3})
    assert (result.n, result.labels, result.runtime) == (6, NAMES, "litert")


def test_evaluate_leaves_absent_classes_out_of_means() -> None:
    result = judged([A, A, B], [0, 0, 1])
    assert result.balanced_accuracy == 1.0
    assert result.macro_f1 == 1.0
    assert result.per_class["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 0}


def test_evaluate_predicted_but_absent_class_costs_macro_f1_only() -> None:
    result = judged([A, A, B, C], [0, 0, 1, 1])  # scikit-learn 1.7: f1 1, 2/3 and 0
    assert result.macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert result.balanced_accuracy == pytest.approx((1 + 1 / 2) / 2)


def test_evaluate_confident_error_has_a_finite_loss() -> None:
    result = judged([[1.0, 0.0, 0.0]], [2])
    assert result.loss == pytest.approx(-math.log(EPSILON))
    assert json.dumps(result.to_json(), allow_nan=False)


def test_evaluate_scales_rows_for_the_loss() -> None:
    """An int8 softmax sums to 255/256 or 257/256."""
    assert judged([[0.35, 0.10, 0.05]], [0]).loss == pytest.approx(-math.log(0.7), rel=1e-6)


def test_evaluation_result_survives_json() -> None:
    result = judged([A, B], [0, 1])
    assert EvaluationResult.from_json(json.loads(json.dumps(result.to_json()))) == result


@pytest.mark.parametrize(
    ("rows", "labels", "subjects", "says"),
    [
        ([], [], [], "no windows"),
        ([[0.5, 0.5]], [0], ["1"], "3 classes"),
        ([[float("nan"), 0.5, 0.5]], [0], ["1"], "NaN or infinite for 1 of 1"),
        ([[float("inf"), 0.0, 0.0]], [0], ["1"], "NaN or infinite"),
        ([[4.0, -2.0, 1.0]], [0], ["1"], "not probabilities"),
        ([A], [3], ["1"], "labels go from 3"),
        ([A], [-1], ["1"], "labels go from -1"),
        ([A], [0, 1], ["1"], "do not belong together"),
        ([A], [0], ["1", "2"], "do not belong together"),
    ],
)
def test_evaluate_refuses_bad_input(
    rows: list[list[float]], labels: list[int], subjects: list[str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        evaluate(
            np.array(rows, np.float32).reshape(len(rows), len(rows[0]) if rows else 3),
            np.array(labels, np.int64),
            np.array(subjects, np.str_),
            NAMES,
            "litert",
            "",
            EvaluationData(),
        )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_evaluate_agrees_with_counting(pairs: list[tuple[int, int]]) -> None:
    truth = np.array([t for t, _ in pairs])
    answers = np.array([a for _, a in pairs])
    rows: NDArray[np.float64] = np.eye(3)[answers]
    result = judged(rows.tolist(), truth.tolist(), [str(i % 4) for i in range(len(pairs))])
    assert result.accuracy == pytest.approx(sum(t == a for t, a in pairs) / len(pairs))
    for i, row in enumerate(result.confusion):
        for j, count in enumerate(row):
            assert count == pairs.count((i, j))
    assert result.balanced_accuracy == pytest.approx(
        np.mean([np.mean(answers[truth == k] == k) for k in set(truth.tolist())])
    )
    weighted = sum(s["accuracy"] * s["n"] for s in result.per_subject.values()) / result.n
    assert weighted == pytest.approx(result.accuracy)
    assert 0 <= result.macro_f1 <= 1


@given(st.permutations(range(3)))
def test_evaluate_does_not_depend_on_class_names(order: list[int]) -> None:
    random = np.random.default_rng(3)
    rows, truth = random.dirichlet(np.ones(3), 40), random.integers(0, 3, 40)
    plain = judged(rows.tolist(), truth.tolist())
    inverse = np.argsort(order)
    renamed = judged(rows[:, order].tolist(), inverse[truth].tolist())
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "loss"):
        assert getattr(renamed, name) == pytest.approx(getattr(plain, name))


def test_softmax_of_logits_keeps_the_class_and_sums_to_one() -> None:
    logits = np.array([[900.0, 0.0, -900.0], [0.2, 0.4, 0.3]], np.float32)
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        probabilities[1], np.exp(logits[1]) / np.exp(logits[1]).sum(), atol=1e-6
    )
    assert probabilities.argmax(axis=1).tolist() == [0, 1]
    for broken in (np.nan, np.inf, -np.inf):
        assert np.isnan(softmax(np.array([[broken, 1.0]], np.float32))).all()


def test_merged_classes_have_the_sum_of_their_probabilities() -> None:
    merged = LabelMap({"x": ("c", "a")}, ("b",))
    rows = np.array([[0.3, 0.4, 0.3], [0.1, 0.8, 0.1]], np.float32)
    probabilities = merged_probabilities(rows, NAMES, merged)
    assert merged.merged(NAMES) == ("x", "b")
    np.testing.assert_allclose(probabilities, [[0.6, 0.4], [0.2, 0.8]], atol=1e-6)
    assert probabilities.argmax(axis=1).tolist() == [0, 1]  # neither "a" nor "c" was the largest
    rounded = np.array([[129 / 256, 0, 0.5]], np.float32)  # as an int8 file rounds
    assert merged_probabilities(rounded, NAMES, merged).max() == 1
    with pytest.raises(BadInput, match="not probabilities"):
        merged_probabilities(np.array([[1.2, 0.0, 0.0]], np.float32), NAMES, merged)
    with pytest.raises(BadInput, match="names for 2 classes: a, b"):
        merged_probabilities(rows, ("a", "b"), merged)


ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 3),  # the true class; some classes are often empty, or there is only one
        st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=4, max_size=4),  # with ties
    ),
    min_size=1,
    max_size=40,
)


@given(ANSWERS)
@settings(max_examples=30, deadline=None)
def test_figures_are_scikit_learns(answers: list[tuple[int, list[float]]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth = np.array([label for label, _ in answers])
    outputs = np.array([row for _, row in answers], np.float32)
    names = ("a", "b", "c", "d")
    result = evaluate(outputs, truth, None, names, "litert", "f" * 64, EvaluationData("synthetic"))
    predicted = outputs.argmax(axis=1)  # a tie goes to the first, in both
    assert result.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    matrix = metrics.confusion_matrix(truth, predicted, labels=range(4))
    assert np.array_equal(result.confusion, matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an answered class that does not occur
        balanced = metrics.balanced_accuracy_score(truth, predicted)
    assert result.balanced_accuracy == pytest.approx(balanced)
    macro = metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    assert result.macro_f1 == pytest.approx(macro)
    assert macro_f1(result.confusion) == pytest.approx(macro)
    rows = metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(4), zero_division=0
    )
    for name, *figures in zip(names, *rows, strict=True):
        row = result.per_class[name]
        assert [row[key] for key in ("precision", "recall", "f1", "n")] == pytest.approx(figures)


@given(ANSWERS)
@settings(max_examples=30, deadline=None)
def test_loss_is_scikit_learns(answers: list[tuple[int, list[float]]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth = np.array([label for label, _ in answers])
    outputs = np.array([row for _, row in answers], np.float64) + 1e-4  # above EPSILON
    outputs /= outputs.sum(axis=1, keepdims=True)
    loss = metrics.log_loss(truth, outputs, labels=range(4))
    assert negative_log_likelihood(outputs, truth) == pytest.approx(loss, rel=1e-6)
