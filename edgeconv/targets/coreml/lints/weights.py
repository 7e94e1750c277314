"""Weights that are missing, or hold values that spoil every sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.lints.versions import PackageView
from edgeconv.targets.coreml.program import Function
from edgeconv.targets.lints import LARGEST_FLOAT16, Violation

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUMS = frozenset(
    (
        *("conv", "conv_transpose", "linear", "matmul", "einsum", "batch_norm", "layer_norm"),
        *("instance_norm", "lstm", "gru", "rnn", "add", "sub", "mul", "prelu"),
    )
)


def missing(package: PackageView) -> Iterator[Violation]:
    """A weight whose bytes are not in `weight.bin`."""
    for name, constant in package.program.constants():
        if not constant.in_weight_file:
            continue
        try:
            length = constant.record().length
        except BadInput:
            yield Violation(name, "its weights are missing from weight.bin")
            continue
        if length != constant.needed_bytes:
            yield Violation(
                name,
                f"weight.bin holds {length:,} bytes for it, its shape needs "
                f"{constant.needed_bytes:,}",
            )


def none_at_all(package: PackageView) -> Iterator[Violation]:
    """A program without trained weights: not one float constant of more than one number."""
    for _, constant in package.program.constants():
        trained = constant.type.dtype.startswith(("float", "int4", "int8", "uint"))
        if trained and any(size > 1 for size in constant.type.shape or ()):
            return
    yield Violation(str(package.path.name), "no operation has weights")


def not_a_number(package: PackageView) -> Iterator[Violation]:
    """NaN among the constants."""
    import numpy as np

    for name, array in _floats(package):
        count = int(np.isnan(array).sum())
        if count:
            yield Violation(name, f"{count:,} of {array.size:,} values are NaN")


def infinite(package: PackageView) -> Iterator[Violation]:
    """Infinity among numbers that are summed or multiplied; as a mask, −∞ alone is in order."""
    import numpy as np

    summed = {name for function in package.functions for name in _summed(function)}
    for name, array in _floats(package):
        infinities = np.isinf(array) if name in summed else np.isposinf(array)
        count = int(infinities.sum())
        if count and (array.size > 1 or name in summed):  # a clip may well end at infinity
            why = ""
            if array.dtype == np.float16:
                why = f": float16 ends at {LARGEST_FLOAT16:,}, larger weights overflow"
            yield Violation(name, f"{count:,} of {array.size:,} values are infinite{why}")


def _floats(package: PackageView) -> Iterator[tuple[str, NDArray[Any]]]:
    """Constants of real numbers; other rules report those that cannot be read."""
    for name, constant in package.program.constants():
        if constant.type.kind == "tensor" and constant.type.dtype.startswith("float"):
            try:
                yield name, constant.value
            except (BadInput, Unsupported):
                continue


def _summed(function: Function) -> Iterator[str]:
    """Constants that are weights, biases or factors: any infinity in them reaches every output."""
    for node in function.nodes():
        if node.type in _SUMS - {"add", "sub"} or node.type.startswith("constexpr_"):
            yield from node.reads
            yield node.name
