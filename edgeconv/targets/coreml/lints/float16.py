"""Numbers that float16 cannot hold: on the Neural Engine, and anywhere with the samples at hand.

The Neural Engine computes in float16 and some of its operations take exponentials as they come,
which end at 65,504 (= e^11.09). The thresholds are those of the reports that `hazards.py` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log, prod

from edgeconv.targets.coreml.lints.versions import PackageView, integers
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.lints import LARGEST_FLOAT16, Violation, overflows

SOFTPLUS_END = 10.4
"""Observed on M1 to M4 (coremltools#2687); M5 goes on to ln 65,504 = 11.09 (ANEForge#113)."""


def overflow(package: PackageView) -> Iterator[Violation]:
    """Values of the samples, computed in float32, where the program has float16."""
    halves = {v.name for f in package.functions for v in f.values.values() if v.dtype == "float16"}
    yield from overflows(package.ranges, halves)


def softplus(package: PackageView) -> Iterator[Violation]:
    """log(1 + exp(x)) in one operation, where x may be large."""
    for _, node in _in_float16(package, "softplus"):
        highest = _highest(package, node)
        if highest is None:
            yield Violation(node.name, f"softplus of '{node.first('x')}', whose range is not known")
        elif not highest <= SOFTPLUS_END:
            yield Violation(
                node.name,
                f"softplus of '{node.first('x')}', which samples drive up to {highest:.4g}",
            )


def log_sum_exp(package: PackageView) -> Iterator[Violation]:
    """log Σ exp(x) in one operation, where the sum may be large."""
    for function, node in _in_float16(package, "reduce_log_sum_exp"):
        shape = function.values[node.first("x")].shape
        axes = integers(function, node, "axes") or tuple(range(len(shape)))
        count = prod(max(shape[axis], 1) for axis in axes)
        end = log(LARGEST_FLOAT16 / count)
        highest = _highest(package, node)
        if highest is None:
            yield Violation(
                node.name,
                f"{count:,} exponentials of '{node.first('x')}' are summed; all of them at "
                f"{end:.2f} are too much, and the range is not known",
            )
        elif not highest <= end:
            yield Violation(
                node.name,
                f"{count:,} exponentials of '{node.first('x')}' are summed, which samples drive up "
                f"to {highest:.4g}; all of them at {end:.2f} are too much",
            )


def log_of_softmax(package: PackageView) -> Iterator[Violation]:
    """Probabilities below 6e-8 are 0 in float16, and their logarithm is −∞."""
    for function, node in _in_float16(package, "log"):
        producer = function.producer_of(node.first("x"))
        if producer is not None and producer.type == "softmax":
            yield Violation(
                node.name, f"the logarithm of what softmax '{producer.name}' gives, in float16"
            )


def _in_float16(package: PackageView, kind: str) -> Iterator[tuple[Function, Operation]]:
    for function, node in package.operations:
        if node.type == kind and node.outputs[0].dtype == "float16":
            yield function, node


def _highest(package: PackageView, node: Operation) -> float | None:
    """The highest number that samples gave the operation; None without samples."""
    measured = package.ranges.get(node.first("x"))
    return measured[1] if measured else None
