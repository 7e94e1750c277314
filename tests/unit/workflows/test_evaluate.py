"""Evaluation of a model whose classes are not those of the recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, LabelMap, Signal
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.errors import BadInput, Unsupported
from edgeconv.workflows.evaluate import UseOptions, evaluate, evaluate_use
from tests.json_schemas import valid

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


def test_a_model_is_judged_as_its_user_meets_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    from edgeconv.cli.app import run_app
    from edgeconv.training.callbacks import save_model

    def build(signal: Signal) -> Any:
        sensor = keras.Input((signal.flat_size,), name="sensor")
        inner = keras.layers.Dense(4, activation="relu", name="inner")(sensor)
        return keras.Model(sensor, keras.layers.Dense(6, activation="softmax", name="last")(inner))

    data = load_dataset("synthetic")
    rng = np.random.default_rng(0)
    shapes = ((240, 4), (4,), (4, 6), (6,))
    weights = [rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes]
    path = tmp_path / "model.keras"
    save_model(build, weights, data.signal, path, 0)
    use = evaluate_use(path, data, UseOptions(personalize=8.0, streams=True))
    assert use.personalized is not None
    assert use.streams is not None
    assert {each.subject for each in use.personalized.subjects} <= set(data.subject_names)
    assert use.streams.hours > 0
    words = ["--data", "synthetic", "--personalize", "8", "--streams", "--quiet", "--json", "-"]
    assert run_app(["evaluate", str(path), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    valid(document)
    assert document["personalized"]["subjects"].keys() == {
        each.subject for each in use.personalized.subjects
    }
    assert document["streams"]["default"]["alpha"] == 0.5


def test_a_model_without_an_embedding_is_not_personalized(model: Path) -> None:
    data = windows(["Sit", "Up"], [9.8, 0.0])
    with pytest.raises(Unsupported, match="has no embedding to give"):
        evaluate_use(model, data, UseOptions(personalize=1.0, split="all"))
    labels = LabelMap({"Stairs": ("Up", "Down")})
    merged = Recordings(windows(["Sit"], [9.8]), labels=labels)
    with pytest.raises(Unsupported, match="do not apply with --labels"):
        evaluate_use(model, merged, UseOptions(streams=True, split="all"))
