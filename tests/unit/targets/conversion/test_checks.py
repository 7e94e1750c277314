"""Each check fails on a file that was broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import BadInput
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.nodes import Activation, ActivationFunction, Conv, GlobalPool
from edgeconv.ir.trace import trace
from edgeconv.targets.conversion.checks import check_folding
from tests.unit.graphs import chain, layer
from tests.unit.targets.conversion.expected import check_outputs, check_structure

FIRST = np.random.default_rng(0).normal(0, 0.3, (5, 3, 30))
SECOND = np.random.default_rng(1).normal(0, 0.3, (5, 30, 3))
GRAPH = chain(
    (24, 3),
    layer(Conv, "c", kernel=FIRST, bias=np.full(30, 0.1)),
    layer(Conv, "d", kernel=SECOND, bias=np.full(3, 0.1)),
    layer(GlobalPool, "g", kind="average"),
    layer(Activation, "s", function=ActivationFunction("softmax")),
)
KERNELS = [("c", 450, 1.0), ("d", 450, 1.0)]


def _convert(function: Any, module: Any) -> bytes:
    import tensorflow as tf

    result = tf.lite.TFLiteConverter.from_concrete_functions([function], module).convert()
    return bytes(result)


@pytest.mark.heavy
def test_a_file_without_weights_is_found(tmp_path: Path) -> None:
    """The converter's silent failure: a Keras 3 model in place of a module with variables."""
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((72,), batch_size=1), keras.layers.Dense(300)])
    function = tf.function(model, input_signature=[tf.TensorSpec((1, 72), tf.float32)])
    path = tmp_path / "weightless.tflite"
    path.write_bytes(_convert(function.get_concrete_function(), model))
    assert path.stat().st_size < 72 * 300 * 4
    with pytest.raises(BadInput, match="cannot hold 21,600 weights"):
        check_structure(path, "float32", [("m", 21_600, 21_600.0)])
    with pytest.raises(BadInput, match="outside the file"):
        check_structure(path, "float32", [])


@pytest.mark.heavy
def test_a_flex_operation_is_found(tmp_path: Path) -> None:
    import tensorflow as tf

    function = tf.function(
        tf.math.erf,
        input_signature=[tf.TensorSpec((1, 72), tf.float32)],
    )
    module = tf.Module()
    module.f = function
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(BadInput, match="FlexErf is not built in"):
        check_structure(path, "float32", [])


@pytest.mark.heavy
def test_a_nan_weight_and_a_flipped_fold_are_found(
    tmp_path: Path, signal: Signal, windows: Any, run: Any
) -> None:
    from edgeconv.ir.numpy_interpreter import evaluate

    android = signal.for_sensor(InputConvention.ANDROID).encode(windows[:8])
    normalized = signal.for_sensor(InputConvention.NORMALIZED).encode(windows[:8])
    reference = evaluate(GRAPH, normalized.astype(float))[0].astype(np.float32)
    good = trace(for_sensor(GRAPH, signal, InputConvention.ANDROID), signal.labels, False)
    path = tmp_path / "good.tflite"
    path.write_bytes(_convert(good.function, good.module))
    check_structure(path, "float32", KERNELS)
    check_outputs(path, "float32", reference, run(path, android))

    # the fold of an iPhone's sign and unit, sold as Android's
    wrong = trace(for_sensor(GRAPH, signal, InputConvention.IOS), signal.labels, False)
    flipped = tmp_path / "flipped.tflite"
    flipped.write_bytes(_convert(wrong.function, wrong.module))
    with pytest.raises(BadInput, match="off the float model"):
        check_outputs(flipped, "float32", reference, run(flipped, android))

    data = path.read_bytes()
    weight = np.asarray(good.module.constants["d_kernel"])[0, 0, 0, 0].tobytes()
    broken = tmp_path / "nan.tflite"
    broken.write_bytes(data.replace(weight, np.float32("nan").tobytes()))
    assert broken.read_bytes() != data
    with pytest.raises(BadInput, match="NaN"):
        check_structure(broken, "float32", KERNELS)
    with pytest.raises(BadInput, match="NaN"):
        check_outputs(broken, "float32", reference, run(broken, android))


def test_a_folding_error_and_a_missing_number_fail(tmp_path: Path) -> None:
    check_folding(tmp_path / "x", 1e-6)
    for error in (1e-3, float("nan")):
        with pytest.raises(BadInput, match="folding changed"):
            check_folding(tmp_path / "x", error)


def test_outputs_of_another_shape_fail(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="shape"):
        check_outputs(
            tmp_path / "x.tflite",
            "int8",
            np.zeros((2, 3), np.float32),
            np.zeros((2, 4), np.float32),
        )


def noisy(reference: NDArray[np.float32], snr_db: float) -> NDArray[np.float32]:
    """Outputs with an error of exactly this ratio."""
    noise = np.random.default_rng(1).normal(size=reference.shape)
    power = np.square(reference).sum() / 10 ** (snr_db / 10)
    outputs: NDArray[np.float32] = reference + noise * np.sqrt(power / np.square(noise).sum())
    return outputs.astype(np.float32)


def test_ranges_of_another_layer_are_found_by_the_ratio_alone(tmp_path: Path) -> None:
    """Two twins of one function had 41 dB and 12.9 dB; no single probability was far off."""
    reference = np.random.default_rng(0).dirichlet(np.ones(20), 64).astype(np.float32)
    path = tmp_path / "twin.tflite"
    for scheme in ("int8", "int16x8", "dynamic"):
        check_outputs(path, scheme, [reference], [noisy(reference, 41)])
        with pytest.raises(BadInput, match=r"12\.9 dB above their error"):
            check_outputs(path, scheme, [reference], [noisy(reference, 12.9)])
    with pytest.raises(
        BadInput, match=r"twin\.tflite lost too much precision: .*18\.6 dB"
    ) as error:
        check_outputs(path, "int8", [reference], [noisy(reference, 18.6)])
    for way in ("float16, dynamic, int16x8", "--calibration", "--mixed-precision-snr"):
        assert way in error.value.hint
    with pytest.raises(BadInput, match="conversion is broken: outputs") as error:
        check_outputs(path, "float32", [reference], [noisy(reference, 60)])
    assert "report the model" in error.value.hint


def test_classes_that_the_model_decides_clearly_must_stay(tmp_path: Path) -> None:
    reference = np.tile(np.array([0.56, 0.44], np.float32), (50, 1))
    swapped = reference.copy()
    swapped[:5] = [0.49, 0.51]
    with pytest.raises(BadInput, match=r"10% of the samples .* get another class"):
        check_outputs(tmp_path / "x.tflite", "int8", [reference], [swapped])
    close = np.tile(np.array([0.52, 0.48], np.float32), (50, 1))  # as good as a tie
    check_outputs(tmp_path / "x.tflite", "int8", [close], [np.flip(close, axis=1)])
