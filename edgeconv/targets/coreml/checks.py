"""Tests of a converted `.mlpackage` that need no converter and no runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv.core import UncompressedLayer
from edgeconv.targets.base import ExpectedFile, FileStructure, broken_conversion
from edgeconv.targets.coreml import weights
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.weight_compression import SMALLEST, TINY, worth
from edgeconv.targets.file_graph import FileGraph

_LAYOUT = ("transpose", "reshape", "expand_dims", "squeeze")

# How far the sum of a kernel's magnitudes may move, as a share, by its stored type. Rounding to
# float16 changes one value by 2^-11 at most, and a sum by less; a palette's numbers are float16
# already. Where integers are rounded to, errors cancel except for weights near 0: `har` moved by
# 0.02 % at 8 bits, 1.2 % at 4.
_INTEGER_SUM_LIMITS = {"int8": 5e-3, "int4": 0.05}
_SUM_LIMIT = 1e-3


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """Every float is finite, and every kernel is there; layout operations are counted."""
    layout_ops = sum(kind in _LAYOUT for kind in graph.kinds)
    _check_blobs(path)
    return replace(_check_kernels(path, expected), layout_ops=layout_ops)


def _check_blobs(path: Path) -> None:
    """Every float that the file holds must be a number."""
    import numpy as np

    for name, constant in read_program(path).constants():
        if constant.type.dtype.startswith("float") and not np.isfinite(constant.value).all():
            raise broken_conversion(path, f"constant '{name}' holds NaN or infinity")


def _check_kernels(path: Path, expected: ExpectedFile) -> FileStructure:
    """Every kernel must be in the file, unpacked, and with its magnitudes; of a chain, in order.

    coremltools puts branches in an order of its own: there, of kernels of one size, each layer's
    is the one whose magnitudes fit best.
    """
    import numpy as np

    left = list(weights.read_weights(path))
    compressed: list[str] = []
    uncompressed: list[UncompressedLayer] = []
    total = sum(elements for _, elements, _ in expected.kernels)
    large = any(worth(elements, total) for _, elements, _ in expected.kernels)
    for name, elements, magnitude in expected.kernels:
        alike = [place for place, w in enumerate(left) if w.elements == elements]
        if not alike:
            raise broken_conversion(path, f"the kernel of layer '{name}' is not in it")
        if expected.is_chain:
            weight = left[alike[0]]
            del left[: alike[0] + 1]
        else:
            distances = {n: abs(_magnitude(left[n]) - magnitude) for n in alike}
            weight = left.pop(min(distances, key=lambda n: distances[n]))
        values = weight.values().astype(np.float64)
        if not np.isfinite(values).all():
            raise broken_conversion(path, f"the kernel of layer '{name}' holds NaN or infinity")
        moved = abs(float(np.abs(values).sum()) - magnitude)
        if moved > _INTEGER_SUM_LIMITS.get(weight.dtype, _SUM_LIMIT) * magnitude:
            raise broken_conversion(
                path, f"the kernel of layer '{name}' is not in it with its magnitudes"
            )
        if weight.compressed:
            compressed.append(name)
        else:
            uncompressed.append(UncompressedLayer(name, _why_not(elements, total)))
    if not expected.scheme.compressed:
        return FileStructure()
    if large and not compressed:
        raise broken_conversion(
            path, f"no kernel in it is compressed, as {expected.scheme.name} says"
        )
    return FileStructure(None, tuple(compressed), tuple(uncompressed))


def _why_not(elements: int, total: int) -> str:
    if not worth(elements, total):
        limit = TINY if elements <= TINY else SMALLEST
        return f"{elements:,} weights; up to {limit:,} stay float16"
    return "the converter left it as it is"


def _magnitude(weight: weights.Weight) -> float:
    import numpy as np

    return float(np.abs(weight.values().astype(np.float64)).sum())
