"""What `cross-validate` says of a difference: noise or not needs two folds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeconv.cli.console import Console
from edgeconv.cli.cross_validate import _show
from edgeconv.training.fold_results import CrossValidation, FoldAccuracy, FoldRun


def result(*accuracies: float) -> CrossValidation:
    """Fold n holds out subject n."""
    runs = tuple(
        FoldRun(
            fold=fold,
            seed=0,
            test_subjects=(str(fold),),
            val_subjects=(),
            accuracy=FoldAccuracy(value, {str(fold): value}),
            confusion=((8, 2), (0, 0)),
            epochs=1,
            parameters=10,
            seconds=1.0,
        )
        for fold, value in enumerate(accuracies)
    )
    return CrossValidation("small", "cnn:4", "arrays", 2, ("a", "b"), runs)


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (
            (0.9,),
            (0.8,),
            "+10.00 percentage points over 1 fold and the common seed 0: one fold gives",
        ),
        ((0.9, 0.9), (0.8, 0.8), "interval) over 2 folds and the common seed 0: outside the noise"),
        ((0.9, 0.8), (0.8, 0.9), "interval) over 2 folds and the common seed 0: within the noise"),
    ],
)
def test_one_fold_gives_no_verdict(
    capsys: pytest.CaptureFixture[str],
    ours: tuple[float, ...],
    theirs: tuple[float, ...],
    words: str,
) -> None:
    with Console(quiet=False, verbose=False, json_file=None) as console:
        _show(console, result(*ours).compared_with(result(*theirs)))
    text = " ".join(capsys.readouterr().out.split())
    assert words in text
    assert ("(95 % interval)" in text) == (len(ours) > 1)


def test_seeds_that_are_not_paired_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    other = result(0.8, 0.8)
    other = replace(other, runs=tuple(replace(run, seed=7) for run in other.runs))
    with Console(quiet=False, verbose=False, json_file=None) as console:
        _show(console, result(0.9, 0.9).compared_with(other))
    text = " ".join(capsys.readouterr().out.split())
    assert "over 2 folds and all seeds of each, because none is common" in text
