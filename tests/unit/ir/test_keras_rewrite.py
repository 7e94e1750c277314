"""Half-precision, HDF5 and Keras 2 models become float32 `.keras` files with the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Signal
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.ir.keras_rewrite import needed_rewriting, rewrite

pytestmark = pytest.mark.heavy


def build(policy: str, gain: float = 1.0) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                keras.Input((12,)),
                keras.layers.Reshape((4, 3)),
                keras.Sequential([keras.Input((4, 3)), keras.layers.Conv1D(4, 2, name="conv")]),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    model.set_weights([w * gain for w in model.get_weights()])
    return model


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_a_policy_is_replaced_and_weights_stay(tmp_path: Path, signal: Signal, policy: str) -> None:
    model, path = build(policy), tmp_path / "half.keras"
    model.save(path)
    keras_file.write_contract(path, signal)
    assert needed_rewriting(path).policy == policy
    note = rewrite(path, tmp_path / "full.keras")
    assert policy in note
    assert "float32 weights" in note
    full = keras_file.load_model(tmp_path / "full.keras")
    for before, after in zip(model.get_weights(), full.get_weights(), strict=True):
        np.testing.assert_array_equal(before.astype(np.float32), after)
    assert {str(layer.compute_dtype) for layer in full._flatten_layers()} == {"float32"}
    assert keras_file.read_contract(tmp_path / "full.keras") == signal
    assert not needed_rewriting(tmp_path / "full.keras")


def test_a_model_whose_half_precision_overflows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.keras"
    build("mixed_float16", gain=1e5).save(path)
    with pytest.raises(BadInput, match="mixed_float16; in float32 it gives other answers"):
        rewrite(path, tmp_path / "full.keras")


def test_hdf5_gives_the_same_answers(tmp_path: Path) -> None:
    model, path = build("float32"), tmp_path / "m.h5"
    model.save(path)
    assert keras_file.read_contract(path) is None
    assert keras_file.parameter_count(path) == model.count_params()
    assert "HDF5" in rewrite(path, tmp_path / "m.keras")
    x = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    again = keras_file.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))
    with pytest.raises(BadInput, match="holds no sensor contract"):
        keras_file.write_contract(path, None)


def test_a_lambda_as_activation_is_found_and_opens_only_where_allowed(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.keras"
    entry = keras.Input((4,))
    dense = keras.layers.Dense(2, activation=lambda x: x * 0.5, name="halved")
    model = keras.Model(entry, dense(entry))
    with pytest.warns(UserWarning, match="includes a `lambda`"):
        model.save(path)
    assert keras_file.lambda_layers(path) == ("halved",)
    with pytest.raises(BadInput, match=r"'halved' holds Python code"):
        keras_file.load_model(path)
    x = np.ones((2, 4), np.float32)
    again = keras_file.load_model(path, unsafe=True)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_keras_2_is_opened_like_keras_2_does(tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    entry = tf_keras.Input((6,))
    x = tf_keras.layers.BatchNormalization()(tf_keras.layers.Dense(4, activation="relu")(entry))
    old = tf_keras.Model(entry, tf_keras.layers.Dense(3)(tf_keras.layers.LeakyReLU(alpha=0.07)(x)))
    random = np.random.default_rng(0)
    old.set_weights([random.uniform(0.5, 1.5, w.shape) for w in old.get_weights()])
    x = random.normal(size=(5, 6)).astype(np.float32)
    for name in ("old.keras", "old.h5"):
        old.save(tmp_path / name)
        assert needed_rewriting(tmp_path / name).reason
        rewrite(tmp_path / name, tmp_path / "new.keras")
        new = keras_file.load_model(tmp_path / "new.keras")
        np.testing.assert_allclose(
            keras_file.outputs_of(new, [x])[0], np.asarray(old(x)), atol=1e-6
        )
