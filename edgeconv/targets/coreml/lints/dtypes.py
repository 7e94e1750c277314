"""Surprises in the types of inputs, weights and intermediate values."""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.targets.coreml.lints.layout import LAYOUT
from edgeconv.targets.coreml.lints.package import Function, Node, Package
from edgeconv.targets.coreml.proto import proto
from edgeconv.targets.lints.rule import Found


def integers_as_int32(package: Package) -> Iterator[Found]:
    """An INT32 input that is turned into real numbers at once.

    TensorFlow's front end writes an int8 or uint8 input so, without a word. Indices are read by
    gather and its like, and are what INT32 is for.
    """
    for function in package.functions:
        for value in function.inputs:
            readers = function.readers.get(value.name, ())
            if value.dtype == "int32" and readers and all(map(_to_float, readers)):
                yield Found(
                    value.name,
                    f"the input is INT32, and {readers[0].kind} '{readers[0].name}' turns it into "
                    "real numbers at once: was it int8 or uint8 before the conversion?",
                )


def float32_inside_float16(package: Package) -> Iterator[Found]:
    """Casts to float32 in a float16 program that are not at its rim."""
    for function in package.functions:
        if not any(n.kind in _HEAVY and _dtype(n) == "float16" for n in function.nodes):
            continue
        for node in function.nodes:
            if node.kind == "cast" and _dtype(node) == "float32" and _computes(function, node):
                yield Found(node.name, f"'{node.first('x')}' is computed on in float32 from here")


def float64(package: Package) -> Iterator[Found]:
    """Double precision anywhere, which ML programs do not compute in."""
    types = proto("FeatureTypes_pb2").ArrayFeatureType
    for feature in package.features:
        array = feature.type.multiArrayType
        if feature.type.WhichOneof("Type") == "multiArrayType" and array.dataType == types.DOUBLE:
            yield Found(feature.name, "the feature is declared as DOUBLE")
    for function in package.functions:
        for value in function.values.values():
            if value.dtype == "float64":
                yield Found(value.name, "the value is float64")


def against_contract(package: Package) -> Iterator[Found]:
    """An input that cannot hold the readings that the file's own contract speaks of."""
    signal = package.contract
    if signal is None:
        return
    for feature in package.spec.description.input:
        if feature.type.WhichOneof("Type") != "multiArrayType":
            yield Found(feature.name, "the contract speaks of numbers, the input takes an image")
            continue
        array = feature.type.multiArrayType
        name = proto("FeatureTypes_pb2").ArrayFeatureType.ArrayDataType.Name(array.dataType)
        if not name.startswith(("FLOAT", "DOUBLE")):
            yield Found(feature.name, f"the contract speaks of {signal.unit}, the input is {name}")
        size = 1
        for dimension in array.shape:
            size *= int(dimension)
        if array.shape and size != signal.flat_size:
            yield Found(
                feature.name,
                f"the contract's window has {signal.window} × {len(signal.channels)} values, the "
                f"input {size}",
            )


_HEAVY = frozenset({"conv", "conv_transpose", "linear", "matmul", "einsum", "lstm", "gru", "rnn"})


def _to_float(node: Node) -> bool:
    turned = node.kind in ("cast", "dequantize")
    return turned and _dtype(node) in ("float16", "float32")


def _dtype(node: Node) -> str:
    return node.outputs[0].dtype if node.outputs else ""


def _computes(function: Function, node: Node) -> bool:
    """Whether anything but moving, classifying or handing out is done with a value."""
    waiting = [node.outputs[0].name]
    while waiting:
        for reader in function.readers.get(waiting.pop(), ()):
            if reader.kind in LAYOUT:
                waiting += [out.name for out in reader.outputs]
            elif reader.kind != "classify":
                return True
    return False
