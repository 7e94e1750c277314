"""The schemes of ONNX, each with its limits and how its weights are stored."""

from __future__ import annotations

from dataclasses import dataclass

from edgeconv.core.schemes import CALIBRATION_METHODS, Scheme
from edgeconv.targets import limits
from edgeconv.targets.onnx.storage import (
    Store,
    store_float16,
    store_float32,
    store_int8,
    store_int8_weights,
)


@dataclass(frozen=True, kw_only=True)
class ONNXScheme(Scheme):
    """A scheme with the pass that stores its weights."""

    store: Store


_ALL = (
    ONNXScheme(
        name="float32",
        weights="float32",
        activations="float32",
        gates=limits.FLOAT32_GATES,
        tolerance=limits.SUMS,
        output_limits=limits.FLOAT32_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float32,
    ),
    ONNXScheme(
        name="float16",
        weights="float16",
        activations="float32",
        gates=limits.FLOAT16_WEIGHTS_GATES,
        tolerance=limits.HALF_WEIGHTS,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float16,
    ),
    ONNXScheme(
        name="dynamic",
        weights="int8",
        activations="float32",
        granularity="per-channel",
        gates=limits.INT8_WEIGHTS_GATES,
        tolerance=limits.BYTES,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_int8_weights,
    ),
    ONNXScheme(
        name="int8",
        weights="int8",
        activations="int8",
        granularity="per-channel",
        calibration_windows=500,
        methods=CALIBRATION_METHODS,
        finetune_bits=8,
        gates=limits.INT8_GATES,
        tolerance=limits.BYTES,
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_int8,
    ),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}
