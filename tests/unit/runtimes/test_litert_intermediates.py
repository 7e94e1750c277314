"""Values between the operations of a `.tflite`, against Keras' own layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.runtimes.litert import LiteRTReferenceRunner, LiteRTRunner

pytestmark = pytest.mark.heavy
RUNNERS = (LiteRTRunner, LiteRTReferenceRunner)


def layers_of_keras(path: Path, x: Any) -> dict[str, Any]:
    import keras

    model = keras.models.load_model(path)
    inner = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    return dict(zip((layer.name for layer in model.layers), inner(x), strict=True))


@pytest.mark.parametrize("runner_type", RUNNERS)
@pytest.mark.parametrize("name", ["float", "dynamic", "fixed4"])
def test_values_inside_are_those_of_keras(
    files: Path, batch: Any, name: str, runner_type: type[LiteRTRunner]
) -> None:
    expected = layers_of_keras(files / "model.keras", batch)
    with runner_type(files / f"{name}.tflite") as runner:
        found = runner.intermediates({"sensor": batch})
    # a few float32 roundings of values up to 10
    for layer in ("conv", "pool", "probabilities"):
        wanted = np.asarray(expected[layer])
        close = [
            v.size == wanted.size and np.abs(v.reshape(wanted.shape) - wanted).max() < 1e-5
            for v in found.values()
        ]
        assert any(close), layer


@pytest.mark.parametrize("runner_type", RUNNERS)
def test_quantized_values_are_real_numbers(
    files: Path, batch: Any, runner_type: type[LiteRTRunner]
) -> None:
    with runner_type(files / "int8.tflite") as runner:
        found = runner.intermediates({"sensor": batch})
        quantized = {n: t for n, t in runner.tensors.items() if t.quantized}
    assert quantized
    for name, spec in quantized.items():
        assert spec.scale
        assert spec.zero_point is not None
        steps = found[name] / spec.scale + spec.zero_point
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
        assert found[name].any()


def test_the_last_value_is_the_output(files: Path, batch: Any) -> None:
    with LiteRTRunner(files / "float.tflite") as runner:
        last = list(runner.tensors)[-1]
        found = runner.intermediates({"sensor": batch[:5]}, [last])
        np.testing.assert_array_equal(
            found[last], runner.run({"sensor": batch[:5]})["probabilities"]
        )
    assert list(found) == [last]


def test_weights_are_none_of_the_values(files: Path) -> None:
    with LiteRTRunner(files / "float.tflite") as runner:
        assert all(spec.shape[:1] == (1,) for spec in runner.tensors.values())


def test_unknown_names_and_no_samples_are_refused(files: Path, batch: Any) -> None:
    with LiteRTRunner(files / "float.tflite") as runner:
        with pytest.raises(BadInput, match="no tensor 'nobody'"):
            runner.intermediates({"sensor": batch}, ["nobody"])
        with pytest.raises(BadInput, match="no sample"):
            runner.intermediates({"sensor": batch[:0]})
