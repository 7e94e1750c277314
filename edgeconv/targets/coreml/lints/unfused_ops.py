"""What a converter could have folded into a convolution or a matrix product, and did not."""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.package import Function, Node, Package
from edgeconv.targets.lints.rule import Found

_WEIGHTED = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}


def biases(package: Package) -> Iterator[Found]:
    """An addition of one constant per channel straight behind a weighted operation."""
    yield from _behind(package, ("add", "sub"), "adds", "bias")


def scales(package: Package) -> Iterator[Found]:
    """A multiplication by one constant per channel, or a batch normalization, behind one."""
    yield from _behind(package, ("mul", "real_div"), "scales", "weights")
    for function, node in package.nodes:
        source = _source(function, node, node.first("x")) if node.kind == "batch_norm" else None
        if source is not None:
            yield Found(node.name, f"normalizes what {source.kind} '{source.name}' gives")


def _behind(package: Package, kinds: tuple[str, ...], does: str, part: str) -> Iterator[Found]:
    for function, node in package.nodes:
        if node.kind not in kinds:
            continue
        for operand, constant in (("x", "y"), ("y", "x")):
            held = function.constants.get(node.first(constant))
            source = _source(function, node, node.first(operand)) if held else None
            if held and source and _per_channel(package, function, source, held):
                yield Found(
                    node.name,
                    f"{does} '{held.name}' to what {source.kind} '{source.name}' gives; it could "
                    f"be part of its {part}",
                )


def _source(function: Function, node: Node, name: str) -> Node | None:
    """The weighted operation that makes `name`, past layout operations, if nobody else reads it."""
    if node.inner:
        return None
    while name in function.maker and len(function.readers[name]) == 1:
        made = function.maker[name]
        if made.kind in _WEIGHTED:
            weight = made.first(_WEIGHTED[made.kind])
            fixed = weight in function.constants or _unpacked(function, weight)
            return made if fixed and name not in function.outputs else None
        if made.kind not in LAYOUT:
            return None
        name = made.first("x")
    return None


def _unpacked(function: Function, name: str) -> bool:
    return name in function.maker and function.maker[name].kind.startswith("constexpr_")


def _per_channel(package: Package, function: Function, source: Node, held: Node) -> bool:
    """One number for each output channel of `source`, or one for all of them."""
    sizes = [size for size in held.outputs[0].shape if size != 1]
    return sizes in ([], [_channels(package, function, source)])


def _channels(package: Package, function: Function, source: Node) -> int:
    shape = function.values[source.first(_WEIGHTED[source.kind])].shape
    if source.kind == "conv_transpose":  # (in, out / groups, …)
        groups = package.integers(function, source, "groups") or (1,)
        return shape[1] * groups[0]
    if source.kind == "matmul":
        swapped = package.integers(function, source, "transpose_y") or (0,)
        return shape[-2] if swapped[0] else shape[-1]
    return shape[0]
