"""Evaluation of a model whose classes are not those of the recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, LabelMap, Signal
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.errors import BadInput
from edgeconv.workflows.evaluate import evaluate

CONTRACT = Signal(labels=("Down", "Up", "Sit"), window=4, step=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Probabilities of the window's first reading: 9.8 sits, 0 is up, −9.8 is down."""
    import keras

    from edgeconv.training.callbacks import save_model

    def build(signal: Signal) -> Any:
        sensor = keras.Input((signal.flat_size,), name="sensor")
        dense = keras.layers.Dense(3, activation="softmax", name="probabilities")(sensor)
        return keras.Model(sensor, dense)

    kernel = np.zeros((12, 3), np.float32)
    kernel[0] = [-0.5, 0.0, 0.5]
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_model(build, [kernel, np.zeros(3, np.float32)], CONTRACT, path, 0)
    return path


def windows(labels: list[str], values: list[float]) -> Any:
    array = np.full((len(labels), 4, 3), 9.8, np.float32)
    array[:, 0, 0] = values
    subjects = [str(n) for n in range(len(labels))]
    signal = replace(CONTRACT, labels=(), sensor=InputConvention.ANDROID)
    return dataset_from_arrays(array, labels, subjects, signal)


def test_classes_are_merged_and_windows_left_out(model: Path) -> None:
    data = windows(["Stairs", "Stairs", "Sit", "Lie"], [9.8, 0.4, 9.8, 9.8])
    source = Recordings(data, ("D101", "D102"))
    with pytest.raises(BadInput, match="does not know: Lie, Stairs"):
        evaluate(model, source, split="all")
    labels = LabelMap({"Stairs": ("Up", "Down")}, ("Lie",))
    result = evaluate(model, replace(source, labels=labels), split="all")
    # 0.4 m/s²: "Sit" is the largest of the three, but "Up" and "Down" together are larger
    assert result.labels == ("Stairs", "Sit")
    assert result.confusion == ((1, 1), (0, 1))
    assert (result.n, result.data.labels) == (3, labels)
    assert result.from_json(result.to_json()) == result


def test_a_model_may_answer_a_class_whose_windows_are_left_out(model: Path) -> None:
    data = windows(["Sit", "Down", "Up"], [-9.8, -9.8, 0.0])
    source = Recordings(data, ("D101", "D102"), labels=LabelMap(drop=("Down",)))
    result = evaluate(model, source, split="all")
    assert result.labels == ("Down", "Up", "Sit")
    assert result.confusion[2] == (1, 0, 0)
    assert load_dataset(source).report.dropped == {"windows labeled Down, by the label map": 1}
