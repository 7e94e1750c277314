"""Rules about sizes of numbers: what leaves int32 or float16, and how shapes meet on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeconv.targets.file_graph import Op, activations, computed_from_constants
from edgeconv.targets.lints import Violation, overflows
from edgeconv.targets.tflite.lints.rules import TFLiteFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_INT32 = 2**31 - 1
_SUMMED_AXES = {"FULLY_CONNECTED": (1,), "CONV_2D": (1, 2, 3), "DEPTHWISE_CONV_2D": (0, 1, 2)}
"""Operations with a weight and a bias → the axes of the weight that one output sums over."""
_ELEMENT_WISE = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB")
_GPU_RANKS = (2, 3)  # lower than the four dimensions that a GPU delegate gives every value


def bias_overflow(file: TFLiteFile) -> Iterator[Violation]:
    """|bias| + Σ |weight| · max |input − zero point| > 2³¹ − 1: a sum in int32 can wrap.

    A converter divides the bias by the scales of input and weights; where the weights of a channel
    are next to nothing, so is their scale, and the bias ends at the limit of int32.
    """
    import numpy as np

    for op in file.ops:
        parts = _integers(file, op) if op.kind in _SUMMED_AXES else None
        if parts is None:
            continue
        weight, bias, widest = parts
        axes = _SUMMED_AXES[op.kind]
        if weight.ndim <= max(axes):
            continue  # a damaged file, which no runtime opens
        products = np.abs(weight.astype(np.int64)).sum(axis=axes).reshape(-1) * widest
        if products.shape != bias.shape:
            continue  # another one
        reach = np.abs(bias.astype(np.int64)) + products
        beyond = np.flatnonzero(reach > _LARGEST_INT32)
        if beyond.size:
            worst = int(reach.argmax())
            yield Violation(
                op.name,
                f"{beyond.size} of {bias.size} channels of {op.kind} can leave int32: channel "
                f"{worst} has a bias of {int(bias[worst]):,} and products of up to "
                f"{int(products[worst]):,}",
            )


def _integers(file: TFLiteFile, op: Op) -> tuple[NDArray[Any], NDArray[Any], int] | None:
    """Weight, bias and the largest distance of an input from its zero point; None without them."""
    if len(op.inputs) < 3:
        return None
    x, weight, bias = (file.tensor(i) for i in op.inputs[:3])
    ranges = {"int8": (-128, 127), "uint8": (0, 255)}
    if x.dtype not in ranges or (weight.dtype, bias.dtype) != ("int8", "int32"):
        return None
    if not (weight.constant and bias.constant):
        return None
    low, high = ranges[x.dtype]
    zero = x.zero_points[0] if x.zero_points else 0
    stored = file.numbers(op.inputs[1], "int8").reshape(weight.shape)
    return stored, file.numbers(op.inputs[2], "<i4"), max(high - zero, zero - low)


def float16_overflow(file: TFLiteFile) -> Iterator[Violation]:
    """Values of the samples that a GPU delegate, which computes in float16, cannot hold."""
    positions = activations(file.graph)
    floats = {n for n, i in positions.items() if file.tensor(i).dtype.startswith("float")}
    yield from overflows(file.ranges, floats)


def mixed_ranks(file: TFLiteFile) -> Iterator[Violation]:
    """Two computed values of different rank, the lower of them with a first dimension of its own.

    A GPU delegate makes four dimensions of each value on its own: (2, 3, 4) becomes (2, 1, 3, 4),
    where broadcasting means (1, 2, 3, 4).
    """
    fixed = computed_from_constants(file.graph)
    for op in file.ops:
        if op.kind not in _ELEMENT_WISE:
            continue
        computed = [i for i in op.inputs if not file.tensor(i).constant and i not in fixed]
        shapes = [file.tensor(i).shape for i in computed]
        low, high = min(shapes, key=len, default=()), max(shapes, key=len, default=())
        if len(low) in _GPU_RANKS and len(low) < len(high) and low[0] != 1:
            yield Violation(op.name, f"{op.kind} of a value of shape {low} with one of {high}")
