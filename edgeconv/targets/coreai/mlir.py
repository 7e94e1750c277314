"""A program of Core AI as Apple's bindings hold it: described, changed and lowered.

For the process of `server.py` alone: this is native code of a beta. Nothing of edgeconv is imported
here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coreai.authoring  # noqa: F401 - the dialect can only be imported behind it
import numpy as np
from coreai._compiler import ir
from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
    compile_to_binary,
    load_module_from_bytecode,
    serialize_module,
)
from coreai._compiler.dialects import coreai as dialect
from coreai.authoring.context import Context

MAIN = "main"
_SMALL = 64  # elements of a constant that is described with its values
_DTYPES = {
    "bf16": "bfloat16",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    "i1": "bool",
}
_BUFFERS = (
    *("bool", "float16", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
"""Types whose numbers Apple's bindings give to Python."""
_SIGNS = {"s": "int", "u": "uint", "": "int"}
_RESOURCE = re.compile(r'^\s*("(?:[^"\\]|\\.)*"|[\w.$-]+): "0x([0-9A-Fa-f]*)"', re.MULTILINE)
_HALF = re.compile(r"(?<=[x<])f16(?=>)")
_HALF_RESOURCE = re.compile(r'dense_resource<"?([^>"]*)"?> : tensor<[\dx]*f16>')
_DENSE = re.compile(r"dense_resource<(.*?)> :")

Head = dict[str, Any]
"""A line of JSON between two processes."""


class Program:
    """A program out of its file, in a context of its own: lowering changes it."""

    def __init__(self, path: Path, in_float32: bool = False) -> None:
        self._context = Context()._mlir_context
        with self._context:
            self.module = load_module_from_bytecode(context=self._context, path=path)
            if in_float32:
                text = _in_float32(self.module.operation.get_asm(enable_debug_info=True))
                self.module = ir.Module.parse(text)
        graphs = [op for op in self.module.body.operations if op.operation.name == "coreai.graph"]
        names = [op.sym_name.value for op in graphs]
        if not graphs:
            raise ValueError("it holds no graph")
        self.functions = names
        self.name = MAIN if MAIN in names else names[0]
        self.graph: Any = graphs[names.index(self.name)]
        self.operations = list(self.graph.entry_block.operations)
        self.values: dict[Any, int] = {}
        for value in self.graph.entry_block.arguments:
            self.values[value] = len(self.values)
        for op in self.operations:
            for value in op.operation.results:
                self.values[value] = len(self.values)

    def describe(self) -> Head:
        with self._context:
            *steps, end = self.operations
            entries = range(len(self.graph.entry_block.arguments))
            names = [_io_names(self.graph, side) for side in ("arg_attrs", "res_attrs")]
            return {
                "function": self.name,
                "functions": self.functions,
                "inputs": list(zip(_filled(names[0], "input", len(entries)), entries, strict=True)),
                "outputs": list(
                    zip(
                        _filled(names[1], "output", len(end.operation.operands)),
                        [self.values[value] for value in end.operation.operands],
                        strict=True,
                    )
                ),
                "types": [_type(value.type) for value in self.values],
                "operations": [self._operation(op.operation) for op in steps],
            }

    def _operation(self, op: Any) -> Head:
        entry: Head = {
            "kind": op.name,
            "name": _location_name(op.location),
            "inputs": [self.values[value] for value in op.operands if value in self.values],
            "outputs": [self.values[value] for value in op.results],
        }
        if op.name == "coreai.constant":
            entry |= _constant(op.attributes["value"], entry["outputs"][0])
        return entry

    def resources(self) -> dict[str, bytes]:
        """The bytes of each constant that lies outside the operations."""
        with self._context:
            text = self.module.operation.get_asm(large_elements_limit=0)
        contents = {}
        for name, digits in _RESOURCE.findall(text):
            # the first four bytes say the alignment
            contents[json.loads(name) if name[0] == '"' else name] = bytes.fromhex(digits)[4:]
        with self._context:
            for op in (op.operation for op in self.operations):
                if op.name == "coreai.constant":
                    array = _numbers(op.attributes["value"])
                    if array is not None and array.size > _SMALL:
                        contents[f"constant_{self.values[op.results[0]]}"] = array.tobytes()
        return contents

    def show(self, wanted: list[int]) -> None:
        """Make these values the outputs, called by their numbers."""
        by_number = {number: value for value, number in self.values.items()}
        with self._context, ir.Location.unknown():
            # The wheel refuses fewer outputs than there are attributes of the former ones.
            self.graph.res_attrs = [ir.DictAttr.get({}) for _ in wanted]
            self.graph.outputs_spec = [(f"value{n}", by_number[n]) for n in wanted]

    def unpacked_weights(self) -> list[int]:
        """Numbers of the values that are the same in each inference, and take work each time."""
        fixed: set[Any] = set()
        for op in (op.operation for op in self.operations[:-1]):
            if op.name == "coreai.constant" or all(value in fixed for value in op.operands):
                fixed.update(op.results)
        return [
            number
            for value, number in self.values.items()
            if value in fixed
            and value.owner.name != "coreai.constant"
            and any(not fixed.issuperset(use.owner.results) for use in value.uses)
        ]

    def replace(self, arrays: Mapping[int, Any]) -> None:
        """Put constants in the place of values, by their numbers."""
        by_number = {number: value for value, number in self.values.items()}
        with self._context, ir.Location.unknown():
            for number, array in arrays.items():
                value = by_number[number]
                with ir.InsertionPoint(value.owner):
                    constant = dialect.constant(array)
                if constant.type != value.type:
                    raise ValueError(f"a constant of type {constant.type}, not {value.type}")
                value.replace_all_uses_with(constant)

    def lower(self, folder: Path) -> None:
        """Write what the interpreter runs."""
        with self._context:
            compile_to_binary(module=self.module, output_directory=folder, enable_debug_info=False)
            serialize_module(module=self.module, path=folder / "main-universal.odix")


def _io_names(graph: Any, side: str) -> list[str]:
    attributes = getattr(graph, side)
    return [
        ir.StringAttr(each["coreai.name"]).value if "coreai.name" in each else ""
        for each in (ir.DictAttr(one) for one in attributes)
    ]


def _filled(names: list[str], word: str, count: int) -> list[str]:
    """A name for each, also where the file has none."""
    names = names or [""] * count
    return [name or f"{word}{i}" for i, name in enumerate(names)]


def _type(type_: Any) -> list[Any]:
    """Shape (−1: free) and element type; None for what is no tensor."""
    if not ir.RankedTensorType.isinstance(type_):
        return [None, str(type_)]
    tensor = ir.RankedTensorType(type_)
    shape = [
        -1 if tensor.is_dynamic_dim(axis) else tensor.get_dim_size(axis)
        for axis in range(tensor.rank)
    ]
    word = str(tensor.element_type)
    if word not in _DTYPES and (match := re.fullmatch(r"([su]?)i(\d+)", word)):
        return [shape, f"{_SIGNS[match[1]]}{match[2]}"]
    return [shape, _DTYPES.get(word, word)]


def _location_name(location: Any) -> str:
    """The first file name that a location holds, without its line."""
    match = re.search(r'"((?:[^"\\]|\\.)*)":0:0', str(location))
    name = match[1] if match else ""
    return "" if name == "-" else name


def _in_float32(text: str) -> str:
    """A printed program with float32 in place of float16, the bytes of its constants too."""
    halves = set(_HALF_RESOURCE.findall(text))

    def widened(match: re.Match[str]) -> str:
        name, digits = match[1], match[2]
        if name.strip('"') not in halves:
            return match[0]
        array = np.frombuffer(bytes.fromhex(digits[8:]), np.float16)
        return f'{name}: "0x{digits[:8]}{array.astype(np.float32).tobytes().hex()}"'

    return _HALF.sub("f32", _RESOURCE.sub(widened, text))


def _constant(value: Any, number: int) -> Head:
    """The name of its bytes, or its few numbers."""
    if ir.DenseResourceElementsAttr.isinstance(value):
        match = _DENSE.search(str(value))
        return {"resource": match[1].strip('"') if match else ""}
    array = _numbers(value)
    if array is None:
        return {}
    if array.size > _SMALL:
        return {"resource": f"constant_{number}"}
    return {"values": array.reshape(-1).tolist()}


def _numbers(value: Any) -> Any:
    """The numbers that lie in an operation itself, one where all are equal.

    None for types that have none in Python: converting them would end the process.
    """
    if not ir.DenseElementsAttr.isinstance(value):
        return None
    dense = ir.DenseElementsAttr(value)
    word = _type(dense.type)[1]
    if word in _BUFFERS:
        array = np.array(dense)
        return array.reshape(-1)[:1] if dense.is_splat else array
    if dense.is_splat and re.fullmatch(r"u?int\d+", word):
        return np.array([ir.IntegerAttr(dense.get_splat_value()).value])
    return None
