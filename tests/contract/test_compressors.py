"""What every compression of the table must give: the same network and contract, its promise kept,
the same weights again, and nothing half written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.compression import compress
from edgeconv.core import (
    RECOMMENDED_COMPRESSIONS,
    Compressed,
    FinetuneConfig,
    NullProgress,
    Signal,
    TrainedModel,
    Training,
    parse_compression,
)
from edgeconv.core.paths import sha256
from edgeconv.errors import Unsupported, UsageError
from edgeconv.ir.keras_file import load_model, read_contract
from edgeconv.training import train
from edgeconv.training.fit import make_finetune
from tests.unit.training.small import dataset, splits

TRAINING = Training(epochs=1, batch_size=16, ema=0.5, refit=False)
HOW = FinetuneConfig(epochs=2, learning_rate=1e-3)


def network(signal: Signal) -> Any:
    """Two convolutions: the first one's three channels have no four neighbours."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape((signal.window, len(signal.channels)), name="steps"),
            layers.Conv1D(8, 5, activation="relu", name="conv1"),
            layers.Conv1D(16, 5, activation="relu", name="conv2"),
            layers.GlobalAveragePooling1D(name="average"),
            layers.Dropout(0.1, name="dropout"),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name="small",
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return train(network, splits(), TRAINING, tmp_path_factory.mktemp("model"))


def compressed(name: str, model: TrainedModel, out: Path, seed: int = 0) -> Compressed:
    """By a real training."""
    people = dataset("1", "2", "3")
    tune = make_finetune(people, model.signal, TRAINING, HOW, seed, NullProgress())
    return compress(name, model, people, tune, out, seed, NullProgress())


def walk(network: Any, after_step: Callable[[float], None] | None = None) -> None:
    """The worst of trainings, and a fast one: every weight goes anywhere at each step."""
    rng = np.random.default_rng(0)
    for done in (0.01, 0.3, 0.5, 0.7, 1.0, 1.0):
        for weight in network.trainable_weights:
            weight.assign(weight.numpy() + rng.normal(0, 0.1, weight.shape))
        if after_step is not None:
            after_step(done)


@pytest.mark.heavy
@pytest.mark.parametrize("name", RECOMMENDED_COMPRESSIONS)
def test_a_compression_keeps_network_contract_and_promise(
    name: str, model: TrainedModel, tmp_path: Path
) -> None:
    people = dataset("1", "2", "3")
    made = compress(name, model, people, walk, tmp_path / "small.keras", 0, NullProgress())
    method = parse_compression(name)
    assert made.sha256 == sha256(made.path)
    assert read_contract(made.path) == model.signal
    with zipfile.ZipFile(model.path) as old, zipfile.ZipFile(made.path) as new:
        assert old.namelist() == new.namelist()
        assert old.read("config.json") == new.read("config.json")
    network = load_model(made.path)
    if method.sparsity or method.clusters:
        assert set(made.kernels) | set(made.skipped_layers) >= {"conv1", "conv2"}
    for layer in made.kernels:
        kernel = network.get_layer(layer).kernel.numpy()
        if method.sparsity:
            assert (kernel == 0).sum() >= round(method.sparsity * kernel.size)
        if method.clusters:
            assert np.unique(kernel).size <= method.clusters
        if method.pattern:
            fours = np.moveaxis(kernel, -2, -1).reshape(-1, 4)
            assert ((fours != 0).sum(axis=1) <= 2).all()
    weights = np.concatenate([w.ravel() for w in network.get_weights()])
    assert np.isfinite(weights).all()
    assert [p.name for p in tmp_path.iterdir()] == ["small.keras"]


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["prune2of4-cluster16"])
def test_one_seed_gives_one_file(name: str, model: TrainedModel, tmp_path: Path) -> None:
    one, again, other = (
        compressed(name, model, tmp_path / f"{i}.keras", seed) for i, seed in enumerate([0, 0, 1])
    )
    weights = [load_model(each.path).get_weights() for each in (one, again, other)]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.heavy
def test_what_is_interrupted_leaves_nothing(model: TrainedModel, tmp_path: Path) -> None:
    people = dataset("1", "2", "3")

    def tune(network: Any, after_step: Callable[[float], None] | None = None) -> None:
        assert after_step is not None
        after_step(0.5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress("prune80", model, people, tune, tmp_path / "a" / "x.keras", 0, NullProgress())
    assert not list(tmp_path.rglob("*.keras"))


@pytest.mark.heavy
def test_a_network_without_a_kernel_to_compress_is_refused(tmp_path: Path) -> None:
    def only_first(signal: Signal) -> Any:
        import keras

        return keras.Sequential(
            [
                keras.Input((signal.flat_size,), name="sensor"),
                keras.layers.Reshape((signal.window, 3), name="steps"),
                keras.layers.Conv1D(3, 20, activation="softmax", name="conv"),
                keras.layers.Flatten(name="probabilities"),
            ]
        )

    small = train(only_first, splits(), TRAINING, tmp_path)
    with pytest.raises(Unsupported, match="3 input channels are not a multiple of 4"):
        compressed("prune2of4", small, tmp_path / "x.keras")


def test_an_unknown_compression_lists_the_choices(tmp_path: Path) -> None:
    nothing: Any = None
    with pytest.raises(UsageError, match="unknown compression 'zip'") as caught:
        compress("zip", nothing, nothing, nothing, tmp_path, 0, NullProgress())
    assert "prune80" in caught.value.hint
