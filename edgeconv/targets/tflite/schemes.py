"""The schemes of TFLite, each with its limits and its settings of the stock converter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeconv.core.schemes import CALIBRATION_METHODS, FLOAT_LAYERS, INT8_LAYERS, MINMAX, Scheme
from edgeconv.targets import limits

# Figures of `har` (520,486 parameters), one thread, LiteRT 2.3 on x86-64: docs/how-to/export.md.
_INT16X8_WARNING = (
    "its kernels are reference code: 300 times the time of int8, 100 times that of float32"
)
_INT4_WARNING = (
    "half the bytes of int8 and 4 times its time: LiteRT has no fast kernels for 4-bit weights"
)

REFUSED = {
    "int2": (
        "three levels a weight leave har 57 % of test windows right instead of 95 % (1.7 dB), and "
        "ai-edge-quantizer 0.10 leaves convolutions in float32 under that name (2,086,432 bytes)"
    ),
}
"""Schemes that other tools offer and that do not work, with the measurement."""


@dataclass(frozen=True, kw_only=True)
class TFLiteScheme(Scheme):
    """A scheme with its settings of the stock converter: `configure(tf, converter)`."""

    configure: Callable[[Any, Any], None]


def float32(tf: Any, converter: Any) -> None:
    """Nothing to set; also for the float file that ai-edge-quantizer quantizes afterwards."""
    del tf, converter


def dynamic(tf: Any, converter: Any) -> None:
    """8-bit weights where a kernel can compute with them, whatever the activations are."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _float16(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _int8(tf: Any, converter: Any) -> None:
    # without the restriction an operation that has no integer kernel silently stays float
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _int16x8(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]


_ALL = (
    TFLiteScheme(
        name="float32",
        weights="float32",
        activations="float32",
        gates=limits.FLOAT32_GATES,
        tolerance=limits.SUMS,
        output_limits=limits.FLOAT32_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        configure=float32,
    ),
    TFLiteScheme(
        name="float16",
        weights="float16",
        activations="float16",
        gates=limits.FLOAT16_WEIGHTS_GATES,
        tolerance=limits.HALF_WEIGHTS,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        configure=_float16,
    ),
    TFLiteScheme(
        name="dynamic",
        weights="int8",
        activations="float32",
        granularity="per-channel",
        gates=limits.INT8_WEIGHTS_GATES,
        tolerance=limits.BYTES,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        configure=dynamic,
    ),
    TFLiteScheme(
        name="int8",
        weights="int8",
        activations="int8",
        granularity="per-channel",
        calibration_windows=500,
        methods=CALIBRATION_METHODS,
        io_types=("float", "int8"),
        mixed_precision=(FLOAT_LAYERS,),
        finetune_bits=8,
        gates=limits.INT8_GATES,
        tolerance=limits.BYTES,
        output_limits=limits.INT8_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        configure=_int8,
    ),
    TFLiteScheme(
        name="int4",
        weights="int4",
        activations="int8",
        granularity="per-channel",
        calibration_windows=500,
        methods=CALIBRATION_METHODS,
        mixed_precision=(FLOAT_LAYERS, INT8_LAYERS),
        finetune_bits=4,
        gates=limits.INT8_GATES,  # half the size buys no worse answers
        tolerance=limits.BYTES,  # the same 4-bit numbers everywhere
        output_limits=limits.INT4_OUTPUTS,
        only_rounds_weights=False,
        warning=_INT4_WARNING,
        configure=float32,
    ),
    # Not exported by default: its kernels are far slower than float.
    TFLiteScheme(
        name="int16x8",
        weights="int8",
        activations="int16",
        granularity="per-channel",
        calibration_windows=500,
        methods=(MINMAX,),
        gates=limits.INT8_WEIGHTS_GATES,
        tolerance=limits.INT16_ACTIVATIONS,
        output_limits=limits.INT8_WEIGHTS_OUTPUTS,
        only_rounds_weights=True,
        warning=_INT16X8_WARNING,
        configure=_int16x8,
    ),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}
