"""Properties that are said to keep a model off the Neural Engine: hints, not facts.

Apple documents no list. These rules gather what developers have observed (github.com/hollance/
neural-engine, ane-guide.readthedocs.io, Apple's article on transformers for the Neural Engine);
which unit really runs an operation is decided on the phone, and only Xcode's performance report or
`MLComputePlan` on a Mac show it.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.targets.coreml.lints.package import PackageView, integers
from edgeconv.targets.coreml.program import Function
from edgeconv.targets.lints import Violation

LARGE_KERNEL = 13  # a threshold of ours: limits differ by chip and are not documented
_HEAVY = frozenset({"conv", "conv_transpose", "linear", "matmul", "einsum"})
_RECURRENT = frozenset({"lstm", "gru", "rnn"})
_CONTROL = frozenset({"cond", "while_loop"})
_RARE = frozenset(
    (
        *("argsort", "band_part", "crop_resize", "cumsum", "gather", "gather_along_axis"),
        *("gather_nd", "list_gather", "list_length", "list_read", "list_scatter", "list_write"),
        *("make_list", "non_maximum_suppression", "non_zero", "one_hot", "random_bernoulli"),
        *("random_categorical", "random_normal", "random_uniform", "range_1d", "reduce_prod"),
        *("resample", "reverse_sequence", "scatter", "scatter_along_axis", "scatter_nd", "topk"),
    )
)


def float32(package: PackageView) -> Iterator[Violation]:
    """Convolutions and products in float32: the Neural Engine computes in float16."""
    for _, node in package.operations:
        if node.type in _HEAVY | _RECURRENT and node.outputs[0].dtype == "float32":
            yield Violation(node.name, f"{node.type} computes in float32")


def high_rank(package: PackageView) -> Iterator[Violation]:
    """Tensors of more than four dimensions."""
    for _, node in package.operations:
        for out in node.outputs:
            if len(out.shape) > 4:
                yield Violation(out.name, f"{node.type} gives a tensor of rank {len(out.shape)}")


def channels_last(package: PackageView) -> Iterator[Violation]:
    """Products over the last axis of a sequence: Apple's own port of transformers keeps
    (batch, channels, 1, sequence) and 1 × 1 convolutions instead."""
    for function, node in package.operations:
        shape = _shape(function, node.first("x"))
        if node.type == "linear" and len(shape) > 2 and any(n > 1 for n in shape[1:-1]):
            yield Violation(node.name, f"linear over the last axis of {_times(shape)}")


def dynamic_shapes(package: PackageView) -> Iterator[Violation]:
    """Inputs whose size is known only when the model runs."""
    for function in package.functions:
        for value in function.inputs:
            if -1 in value.shape:
                yield Violation(value.name, f"the input's shape is free: {_times(value.shape)}")


def control_flow(package: PackageView) -> Iterator[Violation]:
    """Branches and loops."""
    yield from _of(package, _CONTROL)


def recurrent(package: PackageView) -> Iterator[Violation]:
    """Recurrent layers, which run one step after the other."""
    yield from _of(package, _RECURRENT)


def rare_operations(package: PackageView) -> Iterator[Violation]:
    """Operations that developers have seen running elsewhere."""
    yield from _of(package, _RARE)


def large_kernels(package: PackageView) -> Iterator[Violation]:
    """Convolutions and pools over wide windows."""
    for function, node in package.operations:
        size: tuple[int, ...] = ()
        if node.type in ("conv", "conv_transpose"):
            size = _shape(function, node.first("weight"))[2:]
        elif node.type.endswith("_pool"):
            size = integers(function, node, "kernel_sizes") or ()
        if any(n > LARGE_KERNEL for n in size):
            yield Violation(node.name, f"{node.type} with a kernel of {_times(size)}")


def _of(package: PackageView, kinds: frozenset[str]) -> Iterator[Violation]:
    for _, node in package.operations:
        if node.type in kinds:
            yield Violation(node.name, f"operation {node.type}")


def _shape(function: Function, name: str) -> tuple[int, ...]:
    return function.values[name].shape if name in function.values else ()


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join("?" if n < 0 else str(n) for n in shape)
