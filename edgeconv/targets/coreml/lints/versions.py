"""The iOS version that a program declares, and the one that its operations need.

The table follows the registry of coremltools 9.0, and a test holds it to that.

A Core ML package as its lints see it: the program and the description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.program import Function, Operation, read_program
from edgeconv.targets.coreml.values import Shape
from edgeconv.targets.lints import Ranges, Violation


class PackageView:
    """One `.mlpackage`.

    Attributes:
        ranges: what samples gave inside the main function, computed in float32; empty without any.

    Raises:
        BadInput: not a package, a damaged one, or one without an ML program.
    """

    def __init__(self, path: Path, ranges: Ranges = MappingProxyType({})) -> None:
        self.path = path
        self.ranges = ranges
        self.program = read_program(path)
        self.spec = self.program.spec
        self.functions = tuple(self.program.functions.values())

    @property
    def operations(self) -> Iterator[tuple[Function, Operation]]:
        """Every operation of every function, including nested blocks."""
        for function in self.functions:
            for op in function.nodes():
                yield function, op

    @property
    def features(self) -> tuple[Any, ...]:
        """Inputs and outputs as the description has them, of every function."""
        tops = (self.spec.description, *self.spec.description.functions)
        return tuple(f for top in tops for f in (*top.input, *top.output))

    @property
    def input_features(self) -> tuple[Any, ...]:
        tops = (self.spec.description, *self.spec.description.functions)
        return tuple(f for top in tops for f in top.input)

    @cached_property
    def contract(self) -> Contract | None:
        """The sensor contract; None where there is none or a damaged one."""
        fields = self.spec.description.metadata.userDefined
        if CONTRACT_KEY not in fields:
            return None
        return parse_contract(fields[CONTRACT_KEY], str(self.path))


def integers(function: Function, op: Operation, parameter: str) -> Shape | None:
    """Whole numbers that are known from the file, such as axes.

    None where they are computed, left out or missing from the weight file.
    """
    import numpy as np

    constant = function.argument(op, parameter)
    if constant is None or constant.type.dtype == "string":
        return None
    try:
        return tuple(int(n) for n in np.ravel(constant.value))
    except (BadInput, Unsupported):
        return None


SPECIFICATIONS = {6: "iOS15", 7: "iOS16", 8: "iOS17", 9: "iOS18", 10: "iOS26"}
"""Specification version → the first system that reads it."""
OPSETS = {"CoreML5": 6, "CoreML6": 7, "CoreML7": 8, "CoreML8": 9, "CoreML9": 10}
"""Name of an operation set → specification version."""

OPERATIONS: dict[int, frozenset[str]] = {
    7: frozenset(
        (
            *("constexpr_affine_dequantize", "constexpr_cast", "constexpr_lut_to_dense"),
            *("constexpr_sparse_to_dense", "fill_like", "pixel_unshuffle", "reshape_like"),
        )
    ),
    8: frozenset(("dequantize", "quantize", "resize")),
    9: frozenset(
        (
            *("constexpr_blockwise_shift_scale", "constexpr_lut_to_sparse", "read_state"),
            *("constexpr_sparse_blockwise_shift_scale", "scaled_dot_product_attention"),
            *("slice_update", "write_state"),
        )
    ),
}
"""Operations by the specification version that brought them; all others came with iOS 15."""

PARAMETERS: dict[int, frozenset[str]] = {
    7: frozenset(
        (
            *("crop_resize.pad_value", "gather.batch_dims", "gather_nd.batch_dims"),
            *("topk.return_indices", "topk.sort", "upsample_bilinear.half_pixel_centers"),
        )
    ),
    8: frozenset(
        (
            *("crop_resize.box_indices", "crop_resize.boxes", "gather.validate_indices"),
            *("gather_along_axis.validate_indices", "gather_nd.validate_indices"),
            *("reduce_argmax.output_dtype", "reduce_argmin.output_dtype"),
            *("scatter.validate_indices", "scatter_along_axis.validate_indices"),
            *("scatter_nd.validate_indices", "topk.output_indices_dtype"),
        )
    ),
    9: frozenset(("constexpr_lut_to_dense.vector_axis", "gru.input_bias", "gru.reset_after")),
}
"""Parameters, as `operation.parameter`, by the version that brought them."""

_TYPES = {"int4": 9, "uint1": 9, "uint2": 9, "uint3": 9, "uint4": 9, "uint6": 9}
_TYPES_WIDENED = 8
_SMALL = frozenset({"int8", "uint8", "int16", "uint16"})
_COREMLTOOLS_VERSION = "com.github.apple.coremltools.version"
_LAST_SAMPLE_ONLY = (9, 0)
_FLOAT16_FEATURES = 7  # inputs and outputs of type float16 came with iOS 16


def newer_than_target(package: PackageView) -> Iterator[Violation]:
    """Features of a later iOS than the one that the file declares."""
    declared = int(package.spec.specificationVersion)
    for function in package.functions:
        if OPSETS.get(function.opset, declared) > declared:
            yield Violation(
                function.name,
                f"the function uses the operations of {function.opset}, the file's specification "
                f"{declared} is that of {_system(declared)}",
            )
    for where, what, version in _needs(package):
        if version > declared:
            yield Violation(
                where,
                f"{what} came with {_system(version)}, the file's specification {declared} is that "
                f"of {_system(declared)}",
            )


def higher_than_needed(package: PackageView) -> Iterator[Violation]:
    """A file that excludes older phones although it uses nothing new."""
    declared = int(package.spec.specificationVersion)
    sure = {version for _, _, version in _needs(package)}
    likely = {_TYPES_WIDENED for f, node in package.operations if _newer_types(f, node)}
    least = max(sure | likely, default=min(SPECIFICATIONS))
    if declared > least:
        yield Violation(
            package.path.name,
            f"it needs {_system(declared)}; its operations, parameters and types were all there "
            f"in {_system(least)}",
        )


def last_sample_only(package: PackageView) -> Iterator[Violation]:
    """Integer activations that coremltools calibrated before it accumulated their ranges."""
    fields: Mapping[str, str] = package.spec.description.metadata.userDefined
    written = fields.get(_COREMLTOOLS_VERSION, "")
    parts = written.split(".")[:2]
    if CONTRACT_KEY in fields or not all(part.isdecimal() for part in parts):
        return  # edgeconv calibrates itself
    if tuple(map(int, parts)) > _LAST_SAMPLE_ONLY:
        return
    for function, node in package.operations:
        if node.type == "quantize" and function.constant(node.first("input")) is None:
            yield Violation(
                node.name,
                f"'{node.first('input')}' is quantized by a file of coremltools {written}: if its "
                "linear_quantize_activations set the range, only the last sample counted",
            )


def _needs(package: PackageView) -> Iterator[tuple[str, str, int]]:
    """(where, what, specification version) of everything newer than iOS 15."""
    for function, node in package.operations:
        yield from _needs_of(function, node)
    for feature in package.features:
        kind = feature.type.WhichOneof("Type")
        array = feature.type.multiArrayType
        if kind == "multiArrayType" and array.dataType == array.FLOAT16:
            yield feature.name, "a float16 input or output", _FLOAT16_FEATURES
    for feature in package.spec.description.state:
        yield feature.name, "a state", 9
    if len(package.functions) > 1:
        yield package.functions[1].name, "a second function", 9


def _needs_of(function: Function, node: Operation) -> Iterator[tuple[str, str, int]]:
    for version, names in OPERATIONS.items():
        if node.type in names:
            yield node.name, f"operation {node.type}", version
    for version, names in PARAMETERS.items():
        for key in node.inputs:
            if f"{node.type}.{key}" in names:
                yield node.name, f"parameter {key} of {node.type}", version
    read = [function.values[name].dtype for name in node.reads if name in function.values]
    literals = [constant.type.dtype for _, constant in node.literals()]
    for dtype in (*read, *literals, *(out.dtype for out in node.outputs)):
        if dtype in _TYPES:
            yield node.name, f"type {dtype}", _TYPES[dtype]


def _newer_types(function: Function, node: Operation) -> bool:
    """Whether an operation has types of operands that iOS 17 introduced: small integers, float16 in
    recurrent layers, two float types in one operation. The table of each operation's types is not
    kept here, so this only silences the hint."""
    if node.type.startswith("constexpr_"):
        return False
    read = (function.values[name].dtype for name in node.reads if name in function.values)
    dtypes = {*read, *(out.dtype for out in node.outputs)}
    mixed = {"float16", "float32"} <= dtypes and node.type != "cast"
    recurrent = node.type in ("gru", "lstm", "rnn") and "float16" in dtypes
    return mixed or recurrent or bool(dtypes & _SMALL)


def _system(version: int) -> str:
    return SPECIFICATIONS.get(version, f"specification {version}")
