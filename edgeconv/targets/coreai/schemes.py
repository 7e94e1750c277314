"""The schemes of Core AI, each with its limits and how its kernels are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from edgeconv.core.schemes import MINMAX, MSE, PERCENTILE, Scheme
from edgeconv.targets import limits
from edgeconv.targets.coreai.builder import Store
from edgeconv.targets.coreai.storage import palette, store_float, store_int4, store_int8


@dataclass(frozen=True, kw_only=True)
class CoreAIScheme(Scheme):
    """A scheme with the way in which its kernels are stored."""

    store: Store

    @property
    def computes_in(self) -> str:
        """The type of all values between operations that are floats."""
        return "float32" if self.weights == "float32" else "float16"


# Weights that unpack to float16, held to what the same scheme of Core ML promises.
_unpacked = partial(CoreAIScheme, activations="float16", tolerance=limits.PACKED_WEIGHTS)

_ALL = (
    CoreAIScheme(
        name="float16",
        weights="float16",
        activations="float16",
        gates=limits.FLOAT16_GATES,
        tolerance=limits.HALF,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float,
    ),
    CoreAIScheme(
        name="float32",
        weights="float32",
        activations="float32",
        gates=limits.FLOAT32_GATES,
        tolerance=limits.SUMS,
        output_limits=limits.FLOAT32_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float,
    ),
    _unpacked(
        name="int8",
        weights="int8",
        granularity="per-channel",
        gates=limits.INT8_WEIGHTS_GATES,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=True,
        store=store_int8,
    ),
    _unpacked(
        name="int4",
        weights="int4",
        granularity="per-block",
        gates=limits.INT8_GATES,
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=False,
        store=store_int4,
    ),
    CoreAIScheme(
        name="w8a8",
        weights="int8",
        activations="int8",
        granularity="per-channel",
        calibration_windows=500,
        methods=(MSE, PERCENTILE, MINMAX),
        gates=limits.INT8_GATES,
        tolerance=limits.HALF_AND_BYTES,
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=True,
        store=store_int8,
    ),
    _unpacked(
        name="palette8",
        weights="uint8",
        granularity="per-tensor",
        palette=True,
        calibration_windows=500,
        gates=limits.INT8_WEIGHTS_GATES,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=False,
        store=palette(8),
    ),
    _unpacked(
        name="palette4",
        weights="uint4",
        granularity="per-tensor",
        palette=True,
        calibration_windows=500,
        gates=limits.INT8_GATES,
        output_limits=limits.INT4_OUTPUTS,
        only_rounds_weights=False,
        store=palette(4),
    ),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}
