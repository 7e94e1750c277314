"""Shapes that contradict each other: the program can be read but cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.package import PackageView, integers
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.coreml.values import Shape
from edgeconv.targets.lints import Violation


def contradicting(package: PackageView) -> Iterator[Violation]:
    """Operations whose operands do not fit each other or the declared result.

    Known rules only: unpacked weights, convolutions, matrix products with `linear`, and operations
    that move numbers about. A shape with a free dimension is not checked.
    """
    for function, op in package.operations:
        shapes = _shapes(function, op)
        if not op.outputs or any(-1 in shape for shape in shapes.values()):
            continue
        out = op.outputs[0].shape
        if -1 in out:
            continue
        if op.type.startswith("constexpr_"):
            declared = integers(function, op, "shape")
            if declared is not None and declared != out:
                yield Violation(op.name, f"{op.type} makes the shape {declared}, declared is {out}")
        elif op.type in LAYOUT and "x" in shapes and prod(shapes["x"]) != prod(out):
            yield Violation(op.name, f"{op.type} makes the shape {out} out of {shapes['x']}")
        elif op.type in ("conv", "linear") and {"x", "weight"} <= shapes.keys():
            groups = (integers(function, op, "groups") or (1,))[0] if op.type == "conv" else 1
            problem = _product_problem(op.type, shapes, out, groups)
            if problem:
                yield Violation(op.name, problem)


def _shapes(function: Function, op: Operation) -> dict[str, Shape]:
    """Shape of each operand that is a tensor."""
    types = {parameter: function.type_of(op, parameter) for parameter in op.inputs}
    return {p: t.shape for p, t in types.items() if t is not None and t.shape is not None}


def _product_problem(kind: str, shapes: dict[str, Shape], out: Shape, groups: int) -> str:
    """The mismatch of a convolution or a `linear`; empty where everything fits."""
    x, weight = shapes["x"], shapes["weight"]
    axis, rank = (1, 3) if kind == "conv" else (-1, 1)  # of the channels; least rank of x
    if min(len(x), len(out)) < rank or len(weight) < max(rank, 2):
        return f"{kind} with a weight of shape {weight} on {x}"
    if 0 in weight or x[axis] != weight[1] * groups:
        return f"{kind} with a weight of shape {weight} on {x}, whose channels do not fit"
    if out[axis] != weight[0]:
        return f"{kind} with a weight of shape {weight} declares the result {out}"
    if "bias" in shapes and prod(shapes["bias"]) not in (1, weight[0]):
        return f"{kind} with a bias of shape {shapes['bias']} for {weight[0]} output channels"
    return ""
