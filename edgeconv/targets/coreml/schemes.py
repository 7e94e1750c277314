"""The schemes of Core ML, each with its limits. A `-` in a name joins what is done in sequence."""

from __future__ import annotations

from functools import partial

from edgeconv.core.schemes import MINMAX, MSE, PERCENTILE, OutputLimits, Scheme
from edgeconv.targets import limits

OTHER_SCHEMES = r"mixed|dynamic|int16x8|u?int\d+|palette\d+|pruned\d+(-(u?int\d+|palette\d+))?"
"""Names that `describe` gives to the storage of files that other tools compressed."""

# Weights that unpack to float16, whatever they are stored as. Held to int8's promise, whatever is
# left of the weights: palette2 and palette1 do not keep it without fine-tuning after compression.
_unpacked = partial(
    Scheme, activations="float16", gates=limits.INT8_GATES, tolerance=limits.PACKED_WEIGHTS
)


def _palette(bits: int, first: str, outputs: OutputLimits) -> Scheme:
    return _unpacked(
        name=f"palette{bits}",
        weights=f"uint{bits}",
        granularity="per-tensor",
        palette=True,
        min_deployment_target=first,
        calibration_windows=500,
        gates=limits.INT8_WEIGHTS_GATES if bits >= 6 else limits.INT8_GATES,
        output_limits=outputs,
        only_rounds_weights=False,
    )


def _pruned(percent: int, suffix: str, weights: str, granularity: str, first: str) -> Scheme:
    return _unpacked(
        name=f"pruned{percent}{suffix}",
        weights=weights,
        granularity=granularity,
        palette=weights.startswith("uint"),
        sparsity=percent / 100,
        min_deployment_target=first,
        calibration_windows=500,
        output_limits=limits.ANY_OUTPUTS,
        only_rounds_weights=False,
    )


_ALL = (
    Scheme(
        name="float16",
        weights="float16",
        activations="float16",
        min_deployment_target="iOS15",
        gates=limits.FLOAT16_GATES,
        tolerance=limits.HALF,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        default=True,
    ),
    Scheme(
        name="float32",
        weights="float32",
        activations="float32",
        min_deployment_target="iOS15",
        gates=limits.FLOAT32_GATES,
        tolerance=limits.SUMS,
        output_limits=limits.FLOAT32_OUTPUTS,
        only_rounds_weights=True,
        default=True,
    ),
    _unpacked(
        name="int8",
        weights="int8",
        granularity="per-channel",
        min_deployment_target="iOS16",
        gates=limits.INT8_WEIGHTS_GATES,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=True,
    ),
    _unpacked(
        name="int4",
        weights="int4",
        granularity="per-block",
        min_deployment_target="iOS18",
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=False,
    ),
    Scheme(
        name="w8a8",
        weights="int8",
        activations="int8",
        granularity="per-channel",
        min_deployment_target="iOS17",
        calibration_windows=500,
        methods=(MSE, PERCENTILE, MINMAX),
        gates=limits.INT8_GATES,
        tolerance=limits.HALF_AND_BYTES,
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=True,
    ),
    _palette(8, "iOS16", limits.INT8_WEIGHTS_OUTPUTS),
    _palette(6, "iOS16", limits.INT8_OUTPUTS),
    _palette(4, "iOS16", limits.INT4_OUTPUTS),
    _palette(3, "iOS18", limits.THREE_BIT_OUTPUTS),
    _palette(2, "iOS16", limits.ANY_OUTPUTS),
    _palette(1, "iOS16", limits.ANY_OUTPUTS),
    _pruned(50, "", "float16", "", "iOS16"),
    _pruned(75, "", "float16", "", "iOS16"),
    _pruned(50, "-int8", "int8", "per-channel", "iOS18"),
    _pruned(75, "-int8", "int8", "per-channel", "iOS18"),
    _pruned(50, "-palette4", "uint4", "per-tensor", "iOS18"),
    _pruned(75, "-palette4", "uint4", "per-tensor", "iOS18"),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}
