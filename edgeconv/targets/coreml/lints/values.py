"""Surprises in the types of inputs, weights and intermediate values.

Shapes that contradict each other: the program can be read but cannot run.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from edgeconv.core import Signal
from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.versions import PackageView, integers
from edgeconv.targets.coreml.package import array_dtype
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.coreml.values import Shape
from edgeconv.targets.lints import Violation, same_padding

_MOST_DIMENSIONS = 5


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


def high_rank(package: PackageView) -> Iterator[Violation]:
    """Values of more dimensions than Core ML has; packed weights may have more."""
    for _, op in package.operations:
        for value in op.outputs:
            if len(value.shape) > _MOST_DIMENSIONS and not op.type.startswith("constexpr_"):
                yield Violation(value.name, f"it has {len(value.shape)} dimensions")


def negative_padding(package: PackageView) -> Iterator[Violation]:
    """Padding `same` that would have to cut: the window jumps over the rest of the input."""
    for function, op in package.operations:
        kernel = _kernel(function, op)
        kind = function.argument(op, "pad_type")
        if not kernel or kind is None or str(kind.value) not in ("same", "same_lower"):
            continue
        shape = function.values[op.first("x")].shape
        ones = (1,) * len(kernel)
        strides = integers(function, op, "strides") or ones
        dilations = integers(function, op, "dilations") or ones
        for n, size, stride, step in zip(
            shape[-len(kernel) :], kernel, strides, dilations, strict=True
        ):
            total = same_padding(n, size, stride, step)
            if n > 0 and total < 0:
                yield Violation(
                    op.name,
                    f"{op.type} '{kind.value}' over {n} steps with a kernel of {size} and a stride "
                    f"of {stride}: the padding is {total}",
                )


def _kernel(function: Function, op: Operation) -> Shape:
    """Spatial size of a convolution's or pool's window; empty for other operations."""
    if op.type == "conv":
        weight = function.type_of(op, "weight")
        return (weight.shape or ())[2:] if weight else ()
    return (integers(function, op, "kernel_sizes") or ()) if op.type.endswith("_pool") else ()


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


def integers_as_int32(package: PackageView) -> Iterator[Violation]:
    """An INT32 input that is turned into real numbers at once.

    TensorFlow's front end writes an int8 or uint8 input this way, without a message. Indices, which
    gather and similar operations read, are what INT32 is for.
    """
    for function in package.functions:
        for value in function.inputs:
            readers = function.readers_of(value.name)
            if value.dtype == "int32" and readers and all(map(_to_float, readers)):
                yield Violation(
                    value.name,
                    f"the input is INT32, and {readers[0].type} '{readers[0].name}' turns it into "
                    "real numbers at once: was it int8 or uint8 before the conversion?",
                )


def float32_inside_float16(package: PackageView) -> Iterator[Violation]:
    """Casts to float32 in a float16 program that are not at its inputs or outputs."""
    for function in package.functions:
        if not any(n.type in _HEAVY and _dtype(n) == "float16" for n in function.nodes()):
            continue
        for node in function.nodes():
            if node.type == "cast" and _dtype(node) == "float32" and _computes(function, node):
                yield Violation(
                    node.name, f"'{node.first('x')}' is computed on in float32 from here"
                )


def float64(package: PackageView) -> Iterator[Violation]:
    """Double precision anywhere, which ML programs do not compute in."""
    for feature in package.features:
        array = feature.type.WhichOneof("Type") == "multiArrayType"
        if array and array_dtype(feature, str(package.path)) == "float64":
            yield Violation(feature.name, "the feature is declared as DOUBLE")
    for function in package.functions:
        for value in function.values.values():
            if value.dtype == "float64":
                yield Violation(value.name, "the value is float64")


def against_contract(package: PackageView) -> Iterator[Violation]:
    """An input that cannot hold the readings that the file's own contract describes."""
    signal = package.contract
    if not isinstance(signal, Signal):
        return
    for feature in package.spec.description.input:
        if feature.type.WhichOneof("Type") != "multiArrayType":
            yield Violation(
                feature.name, "the contract describes numbers, but the input takes an image"
            )
            continue
        array = feature.type.multiArrayType
        name = array_dtype(feature, str(package.path))
        if not name.startswith("float"):
            yield Violation(
                feature.name, f"the contract has readings in {signal.unit}, but the input is {name}"
            )
        size = 1
        for dimension in array.shape:
            size *= int(dimension)
        if array.shape and size != signal.flat_size:
            yield Violation(
                feature.name,
                f"the contract's window has {signal.window} × {len(signal.channels)} values, the "
                f"input {size}",
            )


_HEAVY = frozenset({"conv", "conv_transpose", "linear", "matmul", "einsum", "lstm", "gru", "rnn"})


def _to_float(node: Operation) -> bool:
    turned = node.type in ("cast", "dequantize")
    return turned and _dtype(node) in ("float16", "float32")


def _dtype(node: Operation) -> str:
    return node.outputs[0].dtype if node.outputs else ""


def _computes(function: Function, node: Operation) -> bool:
    """Whether a value is computed with, not only moved, classified or returned."""
    waiting = [node.outputs[0].name]
    while waiting:
        for reader in function.readers_of(waiting.pop()):
            if reader.type in LAYOUT:
                waiting += [out.name for out in reader.outputs]
            elif reader.type != "classify":
                return True
    return False
