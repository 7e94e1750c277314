"""TFLite: one traced network through the stock converter, one scheme at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.export.targets import Exporter
from edgeconv.formats import tflite_metadata
from edgeconv.formats.card import Card
from edgeconv.types import Variant
from edgeconv.types.scheme import MINMAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.export.network import Traced


def convert(
    traced: Traced, variant: Variant, calibration: NDArray[np.float32] | None, path: Path
) -> dict[str, Any]:
    """The stock converter's own file."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
    _SCHEMES[variant.scheme](tf, converter)
    if calibration is not None:
        converter.representative_dataset = _samples(calibration)
    if variant.io == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())
    if calibration is None:
        return {}
    return {"calibration_method": MINMAX}  # the converter's own and only one


def finish(path: Path, card: Card) -> None:
    """Put names, description, labels and contract into the file."""
    path.write_bytes(tflite_metadata.embed(path.read_bytes(), card))


def _samples(windows: NDArray[np.float32]) -> Callable[[], Iterator[list[Any]]]:
    return lambda: ([window[None]] for window in windows)


def _float32(tf: Any, converter: Any) -> None:
    """Nothing to set; every scheme has the same signature."""
    del tf, converter


def _float16(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _dynamic(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _int8(tf: Any, converter: Any) -> None:
    # without the restriction an operation that has no integer kernel silently stays float
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _int16x8(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]


_SCHEMES: Mapping[str, Callable[[Any, Any], None]] = {
    "float32": _float32,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _int8,
    "int16x8": _int16x8,
}

TARGET = Exporter(
    schemes=tuple(_SCHEMES),
    deployment_targets=("",),
    channels_first=False,
    packages=("tensorflow", "keras"),
    convert=convert,
    finish=finish,
)
