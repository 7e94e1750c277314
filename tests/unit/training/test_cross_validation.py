"""Folds by subject, the fit of one, its weights those of `train`, and what all folds show."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from edgeconv.core import Distillation, NullProgress, Training
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.ir.keras_file import load_model
from edgeconv.training import train
from edgeconv.training.cross_validation import (
    FOLD_SEED,
    draw_subjects,
    evaluate_fold,
    make_folds,
    uses_last_epoch,
)
from edgeconv.training.fold_results import (
    CrossValidation,
    Estimate,
    FoldAccuracy,
    FoldRun,
    estimate,
    paired_difference,
)

from .small import dataset, network, splits

SUBJECTS = st.lists(st.integers(0, 99).map(str), min_size=2, max_size=24, unique=True)
QUICK = Training(epochs=2, batch_size=8, learning_rate=0.02, ema=0.5)


@pytest.mark.parametrize("other", [{"keep": "best"}, {"patience": 3}, {"refit": False}], ids=str)
def test_an_epoch_that_the_judges_picked_is_refused(other: dict[str, object]) -> None:
    choosing = replace(QUICK, **other)  # type: ignore[arg-type]
    assert not uses_last_epoch(choosing)
    with pytest.raises(UsageError, match="must not choose"):
        evaluate_fold(network, dataset("1"), dataset("2"), choosing)


def test_a_teacher_is_handed_in() -> None:
    with pytest.raises(UsageError, match="teacher"):
        evaluate_fold(
            network, dataset("1"), dataset("2"), replace(QUICK, distillation=Distillation())
        )


@pytest.mark.heavy
def test_it_is_the_second_fit_of_train(tmp_path: Path) -> None:
    from edgeconv.training.subjects import concat_datasets

    parts = splits()
    model = train(network, parts, QUICK, tmp_path)
    fold = evaluate_fold(network, concat_datasets(parts.train, parts.val), parts.test, QUICK)
    answers = load_model(model.path).predict(model.signal.encode(parts.test.windows), verbose=0)
    np.testing.assert_array_equal(fold.predicted, answers.argmax(axis=1))
    assert fold.accuracy == (fold.predicted == parts.test.labels).mean()
    assert fold.accuracy == pytest.approx(fold.history[-1]["val_accuracy"])
    assert fold.parameters == model.parameters


@pytest.mark.heavy
def test_a_person_in_both_parts_is_a_leak() -> None:
    with pytest.raises(LeakError):
        evaluate_fold(network, dataset("1", "2"), dataset("2"), QUICK)


@pytest.mark.heavy
def test_a_hopeless_candidate_is_given_up_after_an_epoch() -> None:
    class Hopeless(Exception):
        """Enough seen."""

    class Listener(NullProgress):
        """Gives up at once."""

        def update(self, done: int, total: int, note: str = "") -> None:
            raise Hopeless(f"{done} of {total}: {note}")

    with pytest.raises(Hopeless, match=r"1 of 2: loss [\d.]+ val_accuracy"):
        evaluate_fold(network, dataset("1", "2"), dataset("3"), QUICK, progress=Listener())


@given(SUBJECTS, st.data())
def test_make_folds_is_the_formula_of_every_published_figure(
    subjects: list[str], data: st.DataObject
) -> None:
    """Measurements of the documentation, and journals of searches, depend on who is in which."""
    count = data.draw(st.integers(2, len(subjects)))
    order = np.random.default_rng(7).permutation(len(subjects))
    wanted = [[subjects[i] for i in sorted(part)] for part in np.array_split(order, count)]

    folds = make_folds(subjects, count)

    assert [list(fold) for fold in folds] == wanted
    assert FOLD_SEED == 7
    assert sorted(s for fold in folds for s in fold) == sorted(subjects)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_make_folds_refuses_too_few() -> None:
    with pytest.raises(UsageError, match="--folds 1"):
        make_folds(["1", "2"], 1)
    with pytest.raises(BadInput, match="there are 2"):
        make_folds(["1", "2"], 3)


def test_draw_subjects_is_the_formula_of_every_published_figure() -> None:
    subjects = [str(n) for n in range(1, 13)]
    chosen = np.random.default_rng(103).choice(12, 2, replace=False)
    assert draw_subjects(subjects, 2, 103) == tuple(subjects[i] for i in sorted(chosen))


def test_estimate_is_students_interval() -> None:
    values = [0.91, 0.95, 0.93, 0.97, 0.90]
    value = estimate(values)
    low, high = t.interval(0.95, 4, np.mean(values), np.std(values, ddof=1) / math.sqrt(5))
    assert (value.low, value.high) == pytest.approx((low, high))


def test_estimate_of_one_fold_has_no_interval_and_shows_nothing() -> None:
    assert estimate([0.9]).half is None
    assert estimate([0.9]).noise is None


def test_paired_difference_is_taken_within_folds() -> None:
    """Folds differ by ten points, the candidates by one on each: that is not noise."""
    other = [0.80, 0.85, 0.90]
    one = [v + 0.01 + e for v, e in zip(other, (0.001, 0.0, -0.001), strict=True)]
    assert paired_difference(one, other).mean == pytest.approx(0.01)
    assert not paired_difference(one, other).noise
    assert estimate(one).low < estimate(other).mean


def result(accuracies: Sequence[Sequence[float]], seeds: Sequence[int] = (0,)) -> CrossValidation:
    """A cross-validation with these accuracies by fold and seed; fold n holds out subject n."""
    runs = tuple(
        FoldRun(
            fold=fold,
            seed=seed,
            test_subjects=(str(fold),),
            val_subjects=(),
            accuracy=FoldAccuracy(value, {str(fold): value}),
            confusion=((8, 2), (0, 0)),
            epochs=1,
            parameters=10,
            seconds=1.0,
            compressed={"prune50": FoldAccuracy(value - 0.1, {str(fold): value - 0.1})},
        )
        for fold, values in enumerate(accuracies)
        for seed, value in zip(seeds, values, strict=True)
    )
    return CrossValidation("small", "cnn:4", "made", len(accuracies), ("A", "B"), runs)


def test_seeds_of_a_fold_count_as_one_value() -> None:
    validation = result([(0.8, 0.9), (0.6, 0.7), (0.9, 1.0)], seeds=(0, 1))
    means = [(0.8 + 0.9) / 2, (0.6 + 0.7) / 2, (0.9 + 1.0) / 2]
    assert validation.accuracy.mean == pytest.approx(estimate(means).mean)
    assert validation.accuracy.half == pytest.approx(estimate(means).half)
    assert validation.deviation == pytest.approx(np.std([0.8, 0.9, 0.6, 0.7, 0.9, 1.0], ddof=1))
    assert (validation.worst_fold[0], validation.worst_subject[0]) == (1, "1")
    assert [validation.worst_fold[1], validation.worst_subject[1]] == pytest.approx([0.65, 0.65])


def test_recall_is_over_all_runs_and_none_without_windows() -> None:
    assert result([(0.8,), (0.9,)]).recall() == {"A": 0.8, "B": None}


def test_compressions_are_compared_within_folds() -> None:
    accuracy, gap = result([(0.8,), (0.9,)]).compressions()["prune50"]
    assert accuracy.mean == pytest.approx(0.75)
    assert [gap.mean, gap.half] == pytest.approx([-0.1, 0])


def test_compared_with_takes_the_common_seeds() -> None:
    one = result([(0.8, 0.9), (0.6, 0.7)], seeds=(0, 1))
    other = result([(0.5, 0.1), (0.4, 0.2)], seeds=(1, 2))
    compared = one.compared_with(other).comparison
    assert compared is not None
    assert compared.difference == paired_difference([0.9, 0.7], [0.5, 0.4])
    assert (compared.folds, compared.seeds) == (2, (1,))


def test_compared_with_pairs_each_fold_by_its_own_seeds() -> None:
    """A seed that one of them ran on another fold only is left out."""
    one = result([(0.8, 0.2), (0.6, 0.7)], seeds=(0, 1))
    other = result([(0.5, 0.4), (0.1, 0.4)], seeds=(0, 1))
    one = replace(one, runs=one.runs[:1] + one.runs[2:])  # fold 0 with seed 0, fold 1 with both
    compared = one.compared_with(other).comparison
    assert compared is not None
    expected = paired_difference([0.8, 0.65], [0.5, 0.25])
    assert compared.difference.mean == pytest.approx(expected.mean)
    assert compared.difference.half == pytest.approx(expected.half)
    assert compared.by_subject == pytest.approx({"0": 0.3, "1": 0.4})


def test_compared_with_takes_all_seeds_where_none_is_common() -> None:
    compared = result([(0.8,), (0.6,)]).compared_with(result([(0.7,), (0.4,)], seeds=(9,)))
    assert compared.comparison is not None
    assert compared.comparison.difference == paired_difference([0.8, 0.6], [0.7, 0.4])
    assert compared.comparison.seeds == ()


def test_compared_with_refuses_other_folds() -> None:
    one = result([(0.8,), (0.6,)])
    moved = tuple(replace(run, test_subjects=("x",)) for run in one.runs)
    for other in (replace(one, runs=moved), replace(one, runs=())):
        with pytest.raises(BadInput, match="same folds"):
            one.compared_with(other)


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=5), st.booleans())
def test_json_gives_the_same_result_again(accuracies: list[float], compared: bool) -> None:
    validation = result([(value,) for value in accuracies])
    validation = validation.compared_with(validation) if compared else validation
    text = json.dumps(validation.to_json())
    assert CrossValidation.from_json(json.loads(text)) == validation
    assert "Infinity" not in text


def test_json_that_is_not_a_cross_validation_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        CrossValidation.from_json(result([(0.5,)]).to_json() | {"surprise": 1})


def test_an_estimate_knows_noise() -> None:
    assert Estimate(0.01, 0.02).noise
    assert not Estimate(0.03, 0.02).noise
