"""Values inside a Keras model, and the model begun in its middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX
from edgeconv.errors import BadInput
from edgeconv.runtimes.keras_runner import KerasRunner

pytestmark = pytest.mark.heavy


@pytest.fixture
def forked(tmp_path: Path) -> Path:
    """Two branches, a nested model, a layer called twice, dropout."""
    import keras

    keras.utils.set_random_seed(4)
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(6, activation="tanh", name="deep")], name="inner"
    )
    shared = layers.Dense(6, activation="relu", name="shared")
    x = keras.Input((6,), name="x")
    left = shared(x)
    right = layers.Dropout(0.5, name="drop")(inner(x))
    joined = layers.Add(name="joined")([left, shared(right)])
    out = layers.Dense(2, activation="softmax", name="out")(joined)
    keras.Model(x, out).save(tmp_path / "forked.keras")
    return tmp_path / "forked.keras"


def test_every_layer_has_a_value(forked: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    with KerasRunner(forked) as runner:
        found = runner.intermediates({"x": x})
        output = runner.run({"x": x})["out"]
        kinds = {layer.name: layer.kind for layer in runner.layers}
    assert set(found) >= {"shared", "shared#1", "deep", "drop", "joined", "out"}
    assert kinds["deep"] == "Dense"
    np.testing.assert_allclose(found["out"], output, atol=1e-6)
    np.testing.assert_allclose(
        found["shared"], np.maximum(found["shared" + PRE_ACTIVATION_SUFFIX], 0), atol=0
    )
    np.testing.assert_array_equal(found["drop"], found["deep"])
    np.testing.assert_allclose(found["joined"], found["shared"] + found["shared#1"], atol=1e-6)


def test_a_model_can_be_begun_anywhere(forked: Path) -> None:
    x = np.random.default_rng(1).normal(size=(7, 6)).astype(np.float32)
    with KerasRunner(forked, batch_size=3) as runner:
        all_values = runner.intermediates({"x": x})
        from_joined = runner.replay({"joined": all_values["joined"]}, ["out"])
        from_before = runner.replay(
            {"out" + PRE_ACTIVATION_SUFFIX: all_values["out" + PRE_ACTIVATION_SUFFIX]}, ["out"]
        )
        zero = runner.replay({"joined": np.zeros((7, 6), np.float32)}, ["out"])
        with pytest.raises(BadInput, match="'x'"):
            runner.replay({"deep": all_values["deep"]}, ["out"])
    np.testing.assert_allclose(from_joined["out"], all_values["out"], atol=1e-6)
    np.testing.assert_allclose(from_before["out"], all_values["out"], atol=1e-6)
    assert np.ptp(zero["out"], axis=0).max() < 1e-6


def test_activations_are_put_back(files: Path, batch: Any) -> None:
    with KerasRunner(files / "model.keras") as runner:
        before = runner.run({"sensor": batch})["probabilities"]
        inside = runner.intermediates({"sensor": batch})
        np.testing.assert_array_equal(before, runner.run({"sensor": batch})["probabilities"])
        again = runner.intermediates({"sensor": batch}, ["conv"])
    np.testing.assert_array_equal(again["conv"], inside["conv"])
    assert inside["conv" + PRE_ACTIVATION_SUFFIX].min() < 0 <= inside["conv"].min()


def test_unknown_values_and_no_samples_are_refused(files: Path, batch: Any) -> None:
    with KerasRunner(files / "model.keras") as runner:
        with pytest.raises(BadInput, match="'nobody'"):
            runner.intermediates({"sensor": batch}, ["nobody"])
        with pytest.raises(BadInput, match="no sample"):
            runner.intermediates({"sensor": batch[:0]})
