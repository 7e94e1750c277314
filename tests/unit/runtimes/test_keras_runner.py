"""The float reference in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, UsageError
from edgeconv.runtimes import open_runner

pytestmark = pytest.mark.heavy


def test_it_gives_what_the_model_gives(files: Path, batch: Any) -> None:
    import keras

    model = keras.models.load_model(files / "model.keras")
    with open_runner(files / "model.keras") as runner:
        outputs = runner.run({"sensor": batch})["probabilities"]
        assert runner.inputs["sensor"].shape == (-1, 24)
    np.testing.assert_allclose(outputs, model.predict(batch, verbose=0), atol=1e-6)


def test_two_runs_are_identical_and_batches_hardly_matter(files: Path, batch: Any) -> None:
    with open_runner(files / "model.keras", batch_size=8) as runner:
        first = runner.run({"sensor": batch})["probabilities"]
        np.testing.assert_array_equal(first, runner.run({"sensor": batch})["probabilities"])
    with open_runner(files / "model.keras") as runner:
        np.testing.assert_allclose(first, runner.run({"sensor": batch})["probabilities"], atol=1e-6)


def test_several_inputs_and_outputs_go_by_name(tmp_path: Path) -> None:
    import keras

    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    total = keras.layers.Add(name="total")([a, b])
    difference = keras.layers.Subtract(name="difference")([a, b])
    keras.Model({"b": b, "a": a}, [total, difference]).save(tmp_path / "two.keras")
    x, y = np.array([[5.0, 7.0]], np.float32), np.array([[1.0, 2.0]], np.float32)
    with open_runner(tmp_path / "two.keras") as runner:
        outputs = runner.run({"a": x, "b": y})
    assert outputs["total"].tolist() == [[6.0, 9.0]]
    assert outputs["difference"].tolist() == [[4.0, 5.0]]


def test_dropout_is_off(tmp_path: Path, batch: Any) -> None:
    import keras

    model = keras.Sequential([keras.Input((24,), name="x"), keras.layers.Dropout(0.9, name="y")])
    model.save(tmp_path / "drop.keras")
    with open_runner(tmp_path / "drop.keras") as runner:
        np.testing.assert_array_equal(runner.run({"x": batch})["y"], batch)


def test_python_code_in_a_model_needs_consent(tmp_path: Path, batch: Any) -> None:
    import keras

    layers = [keras.Input((24,), name="x"), keras.layers.Lambda(lambda t: t * 2.0, name="y")]
    keras.Sequential(layers).save(tmp_path / "code.keras")
    with pytest.raises(BadInput, match=r"layer 'y' holds Python code.*unsafe"):
        open_runner(tmp_path / "code.keras")
    with open_runner(tmp_path / "code.keras", unsafe=True) as runner:
        np.testing.assert_array_equal(runner.run({"x": batch})["y"], batch * 2)


def test_a_batch_of_none_is_refused(files: Path) -> None:
    with pytest.raises(UsageError, match="batch_size"):
        open_runner(files / "model.keras", batch_size=0)
