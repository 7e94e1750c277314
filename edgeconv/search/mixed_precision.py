"""Mixed precision: which layers of an `int4` file deserve 8 bits, by measured sensitivity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
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
from edgeconv.search.candidates import INT4, DesignPoint, SearchCandidate
from edgeconv.search.trials import Trial
from edgeconv.targets.base import schemes_of
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MOST = 2  # layers in 8 bits; with a third one, little of these networks is left in 4 bits


def mixed_candidates(
    members: Sequence[DesignPoint], trials: Sequence[Trial]
) -> list[SearchCandidate]:
    """For each `int4` member, the same candidate with the layer in 8 bits that it gains most by,
    and with the two.

    Sensitivity was measured with the fits of the folds, on subjects who train them. Whether a mixed
    file is worth its bytes is then decided like everything else: by accuracy, on every fold.
    """
    candidates = []
    for point in members:
        if point.scheme != INT4 or point.candidate.int8_layers:
            continue
        order = _order(next(t for t in trials if t.candidate == point.candidate))
        for count in range(1, min(MOST, len(order) - 1) + 1):
            layers = tuple(order[:count])
            candidates.append(replace(point.candidate, schemes=(INT4,), int8_layers=layers))
    return candidates


def _order(trial: Trial) -> list[str]:
    """Layers by the mean over folds of what sparing them leaves, the best first."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for outcome in trial.outcomes.values():
        for layer, decibels in outcome.leave_one_out_db.items():
            ratios[layer].append(decibels)
    return sorted(ratios, key=lambda layer: (-fmean(ratios[layer]), layer))


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
        raise Unsupported(
            f"{model}: a Lambda layer hides what it computes",
            "replace the Lambda layer by layers of Keras",
        )
    inputs = signal.for_sensor(InputConvention.ANDROID).encode(windows).astype("float64")
    ranges = quantization_points.measure_ranges(graph, inputs, chosen.methods[0], INT8_AFFINE)
    every = -(-len(inputs) // WINDOWS)
    return layer_sensitivities(graph, inputs[::every], ranges, BITS[chosen.weights])
