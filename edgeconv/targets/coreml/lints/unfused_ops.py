"""Operations that a converter could have folded into a convolution or matrix product."""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.package import PackageView, integers
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.coreml.values import Constant
from edgeconv.targets.lints import Violation

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
