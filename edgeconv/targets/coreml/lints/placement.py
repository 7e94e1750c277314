"""Properties that are said to keep a model off the Neural Engine: hints, not facts.

These rules gather what Apple advises authors of Core AI models (apple/coreai-models, Neural Engine
rules: the same hardware) and what developers have observed (github.com/hollance/neural-engine);
which unit really runs an operation is decided on the phone, and only Xcode's performance report or
`MLComputePlan` on a Mac show it.

Operations that a converter could have folded into a convolution or matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.versions import PackageView, integers
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.coreml.values import Constant
from edgeconv.targets.lints import ALIGNED, LARGE_KERNEL, POOL_STRIDES, Violation

_WEIGHTED = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}


def biases(package: PackageView) -> Iterator[Violation]:
    """An addition of one constant per channel directly after a weighted operation."""
    yield from _behind(package, ("add", "sub"), "adds", "bias")


def scales(package: PackageView) -> Iterator[Violation]:
    """A multiplication by one constant per channel, or a batch normalization, after one."""
    yield from _behind(package, ("mul", "real_div"), "scales", "weights")
    for function, node in package.operations:
        source = _source(function, node, node.first("x")) if node.type == "batch_norm" else None
        if source is not None:
            yield Violation(node.name, f"normalizes what {source.type} '{source.name}' gives")


def _behind(
    package: PackageView, kinds: tuple[str, ...], does: str, part: str
) -> Iterator[Violation]:
    for function, node in package.operations:
        if node.type not in kinds:
            continue
        for operand, constant in (("x", "y"), ("y", "x")):
            name = node.first(constant)
            term = function.constant(name)
            source = _source(function, node, node.first(operand)) if term else None
            if term and source and _per_channel(function, source, term):
                yield Violation(
                    node.name,
                    f"{does} '{name}' to what {source.type} '{source.name}' gives; it could "
                    f"be part of its {part}",
                )


def _source(function: Function, node: Operation, name: str) -> Operation | None:
    """The weighted operation that makes `name`, past layout operations, if nothing else reads
    it."""
    if node.inner:
        return None
    while (producer := function.producer_of(name)) and len(function.readers_of(name)) == 1:
        if producer.type in _WEIGHTED:
            weight = producer.first(_WEIGHTED[producer.type])
            fixed = function.constant(weight) is not None or _unpacked(function, weight)
            return producer if fixed and name not in function.outputs else None
        if producer.type not in LAYOUT:
            return None
        name = producer.first("x")
    return None


def _unpacked(function: Function, name: str) -> bool:
    producer = function.producer_of(name)
    return producer is not None and producer.type.startswith("constexpr_")


def _per_channel(function: Function, source: Operation, term: Constant) -> bool:
    """One number for each output channel of `source`, or one for all of them."""
    sizes = [size for size in term.type.shape or () if size != 1]
    return sizes in ([], [_channels(function, source)])


def _channels(function: Function, source: Operation) -> int:
    shape = function.values[source.first(_WEIGHTED[source.type])].shape
    if source.type == "conv_transpose":  # (in, out / groups, …)
        groups = integers(function, source, "groups") or (1,)
        return shape[1] * groups[0]
    if source.type == "matmul":
        swapped = integers(function, source, "transpose_y") or (0,)
        return shape[-2] if swapped[0] else shape[-1]
    return shape[0]


_PALETTE_STRIDE = 2
_HEAVY = frozenset({"conv", "conv_transpose", "linear", "matmul", "einsum"})
_SOFTMAX = frozenset({"softmax", "scaled_dot_product_attention"})
_MASKING = frozenset({"add", "select", "scaled_dot_product_attention"})
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


def single_last_axis(package: PackageView) -> Iterator[Violation]:
    """Values whose rows hold one number each, which are padded to 64 bytes."""
    for _, node in package.operations:
        if node.type in _HEAVY or node.type.endswith("_pool"):
            shape = node.outputs[0].shape
            if shape[-1:] == (1,) and prod(map(abs, shape)) > ALIGNED:
                yield Violation(node.name, f"{node.type} gives {_times(shape)}")


def odd_strides(package: PackageView) -> Iterator[Violation]:
    """Strides that do not factor into twos and threes; of pools, other than 2 and 4."""
    for function, node in package.operations:
        pool = node.type.endswith("_pool")
        if not pool and node.type not in ("conv", "conv_transpose"):
            continue
        palette = function.producer_of(node.first("weight"))
        packed = palette is not None and "lut" in palette.type
        for stride in integers(function, node, "strides") or ():
            if pool and stride not in POOL_STRIDES:
                yield Violation(node.name, f"{node.type} with a stride of {stride}")
            elif packed and stride > _PALETTE_STRIDE:
                yield Violation(node.name, f"{node.type} on a palette with a stride of {stride}")
            elif not pool and 6**8 % stride:
                yield Violation(node.name, f"{node.type} with a stride of {stride}")


def infinite_masks(package: PackageView) -> Iterator[Violation]:
    """−∞ that masks places before a softmax."""
    import numpy as np

    for function in package.functions:
        if not any(node.type in _SOFTMAX for node in function.nodes()):
            continue
        for node in function.nodes():
            for parameter in ("x", "y", "a", "b", "attn_mask"):
                constant = function.argument(node, parameter) if node.type in _MASKING else None
                floats = constant is not None and constant.type.dtype.startswith("float")
                if constant is not None and floats and np.isneginf(constant.value).any():
                    yield Violation(node.name, f"{node.type} with −∞ as {parameter}")


def _of(package: PackageView, kinds: frozenset[str]) -> Iterator[Violation]:
    for _, node in package.operations:
        if node.type in kinds:
            yield Violation(node.name, f"operation {node.type}")


def _shape(function: Function, name: str) -> tuple[int, ...]:
    return function.values[name].shape if name in function.values else ()


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join("?" if n < 0 else str(n) for n in shape)
