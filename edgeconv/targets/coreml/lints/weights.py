"""Weights that are not there, or hold what no sum survives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeconv.targets.coreml.lints import constants
from edgeconv.targets.coreml.lints.package import Function, Package
from edgeconv.targets.coreml.program_graph import dtypes
from edgeconv.targets.lints.rule import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_FLOAT16 = 65504
_SUMS = frozenset(
    (
        *("conv", "conv_transpose", "linear", "matmul", "einsum", "batch_norm", "layer_norm"),
        *("instance_norm", "lstm", "gru", "rnn", "add", "sub", "mul", "prelu"),
    )
)


def missing(package: Package) -> Iterator[Found]:
    """A weight whose bytes are not in `weight.bin`."""
    for name, value in package.literals():
        if value.WhichOneof("value") != "blobFileValue":
            continue
        place = constants.record(package.blob, value.blobFileValue.offset)
        if place is None:
            yield Found(name, "its weights are missing from weight.bin")
        elif place[1] != package.needed_bytes(value):
            needs = package.needed_bytes(value)
            yield Found(
                name, f"weight.bin holds {place[1]:,} bytes for it, its shape needs {needs:,}"
            )


def none_at_all(package: Package) -> Iterator[Found]:
    """A program that has learnt nothing: not one float constant of more than one number."""
    for _, value in package.literals():
        tensor = value.type.tensorType
        sizes = [int(d.constant.size) for d in tensor.dimensions]
        learnt = dtypes().get(tensor.dataType, "").startswith(("float", "int4", "int8", "uint"))
        if learnt and any(size > 1 for size in sizes):
            return
    yield Found(str(package.path.name), "no operation has weights")


def not_a_number(package: Package) -> Iterator[Found]:
    """NaN among the constants."""
    import numpy as np

    for name, array in _floats(package):
        count = int(np.isnan(array).sum())
        if count:
            yield Found(name, f"{count:,} of {array.size:,} values are NaN")


def infinite(package: Package) -> Iterator[Found]:
    """Infinity among numbers that are summed or multiplied; as a mask, −∞ alone is in order."""
    import numpy as np

    summed = {name for function in package.functions for name in _summed(function)}
    for name, array in _floats(package):
        found = np.isinf(array) if name in summed else np.isposinf(array)
        count = int(found.sum())
        if count and (array.size > 1 or name in summed):  # a clip may well end at infinity
            why = ""
            if array.dtype == np.float16:
                why = f": float16 ends at {LARGEST_FLOAT16:,}, larger weights overflow"
            yield Found(name, f"{count:,} of {array.size:,} values are infinite{why}")


def _floats(package: Package) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in package.literals():
        array = constants.read(value, package.blob)
        if array is not None and array.dtype.kind == "f":
            yield name, array


def _summed(function: Function) -> Iterator[str]:
    """Constants that are weights, biases or factors: any infinity in them reaches every output."""
    for node in function.nodes:
        if node.kind in _SUMS - {"add", "sub"} or node.kind.startswith("constexpr_"):
            yield from node.reads
            yield node.name
