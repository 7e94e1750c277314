"""Tests of a converted file that need no converter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import OutputAgreement
from edgeconv.core.parity_statistics import decibels
from edgeconv.core.paths import size
from edgeconv.core.schemes import DECIDED, Scheme
from edgeconv.errors import BadInput
from edgeconv.targets.base import (
    ExpectedFile,
    FileStructure,
    broken_conversion,
    target_of,
)
from edgeconv.targets.file_graph import BITS, FileGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESOURCE = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")
FOLDING_LIMIT = 1e-4  # probabilities; float32 Keras against float64 NumPy differs by about 1e-6


def check_structure(path: Path, expected: ExpectedFile) -> tuple[int, FileStructure]:
    """Check size, operations and weights of a file; return its number of operations and what the
    target found.

    Raises:
        BadInput: the conversion is broken; the message names the file and what is wrong.
    """
    target = target_of(path)
    graph = target.reader.graph(path)
    _check_size(path, expected)
    _check_ops(path, graph)
    return len(graph.ops), target.conversion.check(path, graph, expected)


def check_folding(path: Path, error: float) -> None:
    """Raises BadInput where the folded network differs from the trained one."""
    if not error <= FOLDING_LIMIT:  # NaN fails too
        raise broken_conversion(path, f"folding changed the network: off by {error:.3g} from Keras")


def check_outputs(
    path: Path,
    scheme: Scheme,
    reference: Sequence[NDArray[Any]],
    outputs: Sequence[NDArray[Any]],
    *,
    classes: int = 1,
) -> OutputAgreement:
    """Outputs of the probe samples against the float model, (n, …) for each output.

    Both are in what differences are measured in: probabilities as they are, other numbers as
    shares of the largest one.

    Args:
        classes: how many of the outputs, the first ones, hold one number a class.

    Raises:
        BadInput: wrong shape, NaN or infinity, or a larger difference than the scheme explains.
    """
    import numpy as np

    limits = scheme.output_limits
    ours, theirs = [a.shape for a in outputs], [a.shape for a in reference]
    if ours != theirs:
        raise broken_conversion(
            path, f"outputs have shape {_joined(ours)} instead of {_joined(theirs)}"
        )
    if not all(np.isfinite(array).all() for array in outputs):
        raise broken_conversion(path, "outputs hold NaN or infinity")
    pairs = zip(outputs, reference, strict=True)
    differences = [np.abs(out.astype(np.float64) - ref) for out, ref in pairs]
    largest = max(float(difference.max()) for difference in differences)
    mean = max(float(difference.mean()) for difference in differences)
    if largest > limits.max_abs or mean > limits.mean_abs:
        raise _too_imprecise(
            path,
            scheme,
            f"outputs are up to {largest:.3g} (mean {mean:.3g}) off the float model; {scheme.name} "
            f"explains at most {limits.max_abs:g} (mean {limits.mean_abs:g})",
        )
    snr = lowest_snr(reference, outputs)
    if snr < limits.min_snr_db:
        raise _too_imprecise(
            path,
            scheme,
            f"outputs are {snr:.1f} dB above their error; a sound {scheme.name} file has at least "
            f"{limits.min_snr_db:g} dB",
        )
    kept = min(map(_kept_classes, reference[:classes], outputs[:classes]), default=1.0)
    if kept < limits.min_agreement:
        raise _too_imprecise(
            path,
            scheme,
            f"{1 - kept:.0%} of the samples that the float model decides clearly get another class",
        )
    return OutputAgreement("passed", n=len(outputs[0]), max_abs=largest, mean_abs=mean)


def _too_imprecise(path: Path, scheme: Scheme, problem: str) -> BadInput:
    """The error for outputs that are far from the float model's.

    Its scheme rounds too much for the model, or the ranges of its activations are wrong. A scheme
    that rounds least has no such excuse.
    """
    smallest, others = scheme.output_limits.min_snr_db, target_of(path).schemes.values()
    finer = [s.name for s in others if s.output_limits.min_snr_db > smallest]
    if not finer:
        return broken_conversion(path, problem)
    ways = [f"a scheme that rounds less ({', '.join(finer)})"]
    if scheme.calibration_windows:
        ways.append("calibration data that are like those of the app (--calibration)")
    if scheme.mixed_precision:
        ways.append("layers that stay more precise (--mixed-precision-snr)")
    return BadInput(
        f"{path.name} lost too much precision: {problem}",
        f"the file was not kept; try {', or '.join(ways)}",
    )


def lowest_snr(reference: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> float:
    """How far the worst output is above its error, in dB."""
    return min(starmap(_snr, zip(reference, outputs, strict=True)))


def _snr(reference: NDArray[Any], outputs: NDArray[Any]) -> float:
    wanted = reference.astype("float64")
    return decibels(float((wanted**2).sum()), float(((outputs - wanted) ** 2).sum()))


def _kept_classes(reference: NDArray[Any], outputs: NDArray[Any]) -> float:
    """The share of the clearly decided samples whose largest probability is the same class's."""
    import numpy as np

    if reference.ndim < 2 or reference.shape[-1] < 2:
        return 1.0
    ordered = np.sort(reference, axis=-1)
    decided = ordered[..., -1] - ordered[..., -2] > DECIDED
    same = reference.argmax(axis=-1) == outputs.argmax(axis=-1)
    return float(same[decided].mean()) if decided.any() else 1.0


def _joined(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _check_size(path: Path, expected: ExpectedFile) -> None:
    """A file cannot be smaller than its kernels: catches files without weights."""
    scheme = expected.scheme
    elements = sum(elements for _, elements, _ in expected.kernels)
    smallest = int(elements * (1 - scheme.sparsity) * BITS[scheme.weights]) // 8
    actual = size(path)
    if actual < smallest:
        raise broken_conversion(
            path,
            f"{actual:,} bytes cannot hold {elements:,} weights ({smallest:,} bytes as "
            f"{scheme.name})",
        )


def _check_ops(path: Path, graph: FileGraph) -> None:
    for op in graph.ops:
        if op.kind in _RESOURCE:
            raise broken_conversion(path, f"it reads its weights from outside the file ({op.kind})")
        if op.kind.startswith("CUSTOM:"):
            custom = op.kind.removeprefix("CUSTOM:")
            raise broken_conversion(path, f"operation {custom} is not built in")
