"""How much each layer of a trained network suffers from integers: what a search chooses by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import Unsupported
from edgeconv.ir import keras_file, quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.keras_reader import read
from edgeconv.ir.sensitivity import WINDOWS, LayerSensitivity, layer_sensitivities
from edgeconv.plugins import import_tensorflow
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.targets.base import schemes_of
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LayerSensitivity", "sensitivity"]


def sensitivity(
    model: Path, signal: Signal, windows: NDArray[np.float32], scheme: str = "int8"
) -> tuple[LayerSensitivity, ...]:
    """Each layer's effect on the outputs, in the network's order.

    Args:
        signal: the contract that the model was trained with.
        windows: canonical windows of training subjects; ranges are measured on all of them, effects
            on at most about `WINDOWS`, spread evenly.
        scheme: `int8` or `int4` of TFLite.

    Raises:
        BadInput, Unsupported: the model cannot be read, or not be quantized.
    """
    chosen = schemes_of(SEARCH_TARGET).get(scheme)
    if chosen is None or not chosen.accepts_external_ranges:
        raise Unsupported(f"scheme '{scheme}' rounds no activations", "use int8 or int4")
    import_tensorflow()
    graph = for_sensor(read(keras_file.load_model(model), signal), signal, InputConvention.ANDROID)
    if not quantization_points.can_be_quantized(graph):
        raise Unsupported(f"{model}: a Lambda layer hides what it computes")
    inputs = signal.for_sensor(InputConvention.ANDROID).encode(windows).astype("float64")
    ranges = quantization_points.measure_ranges(graph, inputs, chosen.methods[0], INT8_AFFINE)
    every = -(-len(inputs) // WINDOWS)
    return layer_sensitivities(graph, inputs[::every], ranges, BITS[chosen.weights])
