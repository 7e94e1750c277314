"""A candidate is judged by people who chose nothing, with the weights that `train` would keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Distillation, NullProgress, Training
from edgeconv.errors import LeakError, UsageError
from edgeconv.ir.keras_file import load_model
from edgeconv.training import train
from edgeconv.training.cross_validation import judge, takes_last

from .small import dataset, network, splits

QUICK = Training(epochs=2, batch_size=8, learning_rate=0.02, ema=0.5)


@pytest.mark.parametrize("other", [{"keep": "best"}, {"patience": 3}, {"refit": False}], ids=str)
def test_an_epoch_that_the_judges_picked_is_refused(other: dict[str, object]) -> None:
    choosing = replace(QUICK, **other)  # type: ignore[arg-type]
    assert not takes_last(choosing)
    with pytest.raises(UsageError, match="choose nothing"):
        judge(network, dataset("1"), dataset("2"), choosing)


def test_a_teacher_is_handed_in() -> None:
    with pytest.raises(UsageError, match="teacher"):
        judge(network, dataset("1"), dataset("2"), replace(QUICK, distillation=Distillation()))


@pytest.mark.heavy
def test_it_is_the_second_fit_of_train(tmp_path: Path) -> None:
    from edgeconv.training.subjects import together

    parts = splits()
    kept = train(network, parts, QUICK, tmp_path)
    found = judge(network, together(parts.train, parts.val), parts.test, QUICK)
    answers = load_model(kept.path).predict(kept.signal.encode(parts.test.windows), verbose=0)
    np.testing.assert_array_equal(found.predicted, answers.argmax(axis=1))
    assert found.accuracy == (found.predicted == parts.test.labels).mean()
    assert found.accuracy == pytest.approx(found.history[-1]["val_accuracy"])
    assert found.parameters == kept.parameters


@pytest.mark.heavy
def test_a_person_in_both_parts_is_a_leak() -> None:
    with pytest.raises(LeakError):
        judge(network, dataset("1", "2"), dataset("2"), QUICK)


@pytest.mark.heavy
def test_a_hopeless_candidate_is_given_up_after_an_epoch() -> None:
    class Hopeless(Exception):
        """Enough seen."""

    class Listener(NullProgress):
        """Gives up at once."""

        def update(self, done: int, total: int, note: str = "") -> None:
            raise Hopeless(f"{done} of {total}: {note}")

    with pytest.raises(Hopeless, match=r"1 of 2: loss [\d.]+ val_accuracy"):
        judge(network, dataset("1", "2"), dataset("3"), QUICK, progress=Listener())
