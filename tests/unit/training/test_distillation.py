"""A teacher's labels: of the same windows, of people the student may know, weighed as said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import (
    Distillation,
    InputConvention,
    Normalization,
    TeacherInfo,
    Training,
)
from edgeconv.errors import BadInput, UsageError
from edgeconv.training import train

from .small import SIGNAL, dataset, network, splits

HOW = Distillation("small", epochs=2, learning_rate=0.02, temperature=2.0, weight=0.5)
QUICK = Training(epochs=2, batch_size=8, learning_rate=0.02, ema=0.5, refit=False, distillation=HOW)
NORMALIZED = replace(
    SIGNAL,
    sensor=InputConvention.NORMALIZED,
    normalization=Normalization((0.0, 1.0, 2.0), (1.0, 2.0, 4.0)),
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"teacher": ""},
        {"epochs": 0},
        {"weight": 0.0},
        {"weight": 1.5},
        {"temperature": 0.0},
        {"learning_rate": float("inf")},
    ],
    ids=str,
)
def test_a_distillation_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Distillation(**wrong)


def test_teacher_and_recipe_go_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="teacher"):
        train(network, splits(), QUICK, tmp_path)
    with pytest.raises(UsageError, match="teacher"):
        train(network, splits(), replace(QUICK, distillation=None), tmp_path, teacher=network)


@pytest.mark.heavy
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_loss_is_its_formula(temperature: float) -> None:
    from edgeconv.training.distillation import DistillationLoss

    rng = np.random.default_rng(0)
    logits, theirs = rng.normal(0, 2, (2, 5, 3))
    labels = np.eye(3)[[0, 1, 2, 0, 1]]

    def softmax(x: Any) -> Any:
        e = np.exp(x)
        return e / e.sum(axis=1, keepdims=True)

    how = replace(HOW, temperature=temperature, weight=0.3)
    loss = DistillationLoss(how, 0.1).call(
        np.concatenate([labels, softmax(theirs)], 1).astype(np.float32),
        softmax(logits).astype(np.float32),
    )
    hard = -((labels * 0.9 + 0.1 / 3) * np.log(softmax(logits))).sum(1)
    aim, student = softmax(theirs / temperature), softmax(logits / temperature)
    expected = 0.7 * hard - 0.3 * temperature**2 * (aim * np.log(student)).sum(1)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.heavy
def test_a_teacher_gets_windows_in_its_own_scale() -> None:
    from edgeconv.training.distillation import Teacher

    other = replace(NORMALIZED, normalization=Normalization((3.0, 0.0, -1.0), (2.0, 5.0, 1.0)))
    model = network(other)
    teacher = Teacher.of(model, other)
    windows = dataset("1").windows
    probabilities = teacher.probabilities(NORMALIZED.encode(windows), NORMALIZED)
    np.testing.assert_allclose(probabilities, model(other.encode(windows)), atol=1e-5)
    assert (teacher.name, teacher.parameters) == ("small", model.count_params())


@pytest.mark.heavy
def test_a_student_learns_from_a_new_teacher_and_from_a_file(tmp_path: Path) -> None:
    plain = replace(QUICK, distillation=None)
    known = train(network, splits(), plain, tmp_path / "plain")
    new = train(network, splits(), QUICK, tmp_path / "new", teacher=network)
    again = train(network, splits(), QUICK, tmp_path / "again", teacher=network)
    assert new.sha256 == again.sha256 != known.sha256
    assert new.training is not None
    assert new.training.teacher == TeacherInfo("small", known.parameters)
    # The new teacher was fitted exactly as the plain network: same people, settings and seed.
    read = train(network, splits(), QUICK, tmp_path / "read", teacher=known.path)
    assert read.sha256 == new.sha256


@pytest.mark.heavy
def test_nothing_is_learned_from_validation_people_by_way_of_the_teacher(tmp_path: Path) -> None:
    usual = train(network, splits(), QUICK, tmp_path / "usual", teacher=network)
    others = splits(val=dataset("9"), test=dataset("8"))
    assert train(network, others, QUICK, tmp_path / "o", teacher=network).sha256 == usual.sha256


@pytest.mark.heavy
def test_a_teacher_of_other_windows_is_refused(tmp_path: Path) -> None:
    from edgeconv.training.callbacks import save_model

    longer = replace(NORMALIZED, window=SIGNAL.window * 2)
    save_model(network, network(longer).get_weights(), longer, tmp_path / "t.keras", 0)
    with pytest.raises(BadInput, match="window"):
        train(network, splits(), QUICK, tmp_path, teacher=tmp_path / "t.keras")
