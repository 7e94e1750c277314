"""The process that holds Apple's Core AI code: `python -P -m edgeconv.targets.coreai.server`.

It reads programs and runs them in Apple's interpreter. Both are native code of a beta, so that
they are kept out of the process that asks (`engine.py`). A request is a line of JSON and the
bytes that it announces; so is an answer. Nothing of edgeconv is imported here.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# On macOS too the interpreter of the package, whatever the system has.
os.environ.setdefault("USE_LOCAL_COREAI", "1")

import coreai.authoring
import coreai.runtime
import numpy as np
from coreai._compiler import ir
from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
    compile_to_binary,
    load_module_from_bytecode,
    serialize_module,
)
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

_Head = dict[str, Any]
_Answer = tuple[_Head, bytes]


class _Program:
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

    def describe(self) -> _Head:
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

    def _operation(self, op: Any) -> _Head:
        entry: _Head = {
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
        found = {}
        for name, digits in _RESOURCE.findall(text):
            # the first four bytes say the alignment
            found[json.loads(name) if name[0] == '"' else name] = bytes.fromhex(digits)[4:]
        with self._context:
            for op in (op.operation for op in self.operations):
                if op.name == "coreai.constant":
                    array = _numbers(op.attributes["value"])
                    if array is not None and array.size > _SMALL:
                        found[f"constant_{self.values[op.results[0]]}"] = array.tobytes()
        return found

    def show(self, wanted: list[int]) -> None:
        """Make these values the outputs, called by their numbers."""
        by_number = {number: value for value, number in self.values.items()}
        with self._context, ir.Location.unknown():
            self.graph.outputs_spec = [(f"value{n}", by_number[n]) for n in wanted]

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


def _constant(value: Any, number: int) -> _Head:
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


class _Model:
    """A program that is loaded into the interpreter."""

    def __init__(self, path: Path, wanted: list[int] | None, in_float32: bool, loop: Any) -> None:
        self._loop = loop
        self._stack = ExitStack()
        program = _Program(path, in_float32)
        if wanted is not None:
            program.show(wanted)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(suffix=".aimodelx"))
        program.lower(Path(folder))
        self._model = loop.run_until_complete(coreai.runtime.AIModel.load(path=folder))
        self._name = program.name
        self._function = self._model.load_function(self._name)
        self.inputs = list(self._function.desc.input_names)
        self.outputs = list(self._function.desc.output_names)
        self._fed: dict[str, Any] = {}
        self._found: dict[str, Any] = {}

    def feed(self, arrays: Mapping[str, Any]) -> None:
        self._fed = {
            name: coreai.runtime.NDArray(np.ascontiguousarray(array))
            for name, array in arrays.items()
        }
        self._found = {}

    def infer(self) -> None:
        self._found = self._loop.run_until_complete(self._function(self._fed))

    def results(self) -> dict[str, Any]:
        """Outputs of the last inference. Raises KeyError where there was none."""
        return {name: np.array(self._found[name].numpy()) for name in self.outputs}

    def run(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        self.feed(arrays)
        self.infer()
        return self.results()

    def timed(self, runs: int) -> list[list[tuple[str, int]]]:
        """Name and ns of each operation of the interpreter, for each run on what was fed."""
        calls: list[tuple[str, int]] = []
        begun: dict[int, tuple[str, int]] = {}

        def begin(event: Any) -> int:
            number = len(begun)
            begun[number] = (str(event.event_id), int(event.timestamp))
            return number

        def end(event: Any, number: int) -> None:
            name, start = begun.pop(number, ("", 0))
            if name.startswith("call.coreai."):
                calls.append((name.removeprefix("call."), int(event.timestamp) - start))

        profiler = coreai.runtime.Profiler(on_log_event_begin=begin, on_log_event_end=end)
        function = self._model.load_function(self._name, profiler=profiler)
        found = []
        for _ in range(runs):
            calls.clear()
            begun.clear()
            self._loop.run_until_complete(function(self._fed))
            found.append(list(calls))
        return found

    def close(self) -> None:
        self._function = self._model = None
        self._stack.close()


class Server:
    """Answers requests; models that were opened stay open until they are closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._models: dict[int, _Model] = {}
        self._count = 0

    def answer(self, head: _Head, payload: bytes) -> _Answer:
        requests: dict[str, Callable[[_Head, bytes], _Answer]] = {
            "describe": self._describe,
            "resources": self._resources,
            "open": self._open,
            "run": self._run,
            "feed": self._feed,
            "infer": self._infer,
            "results": self._results,
            "time": self._time,
            "close": self._close,
        }
        return requests[head["do"]](head, payload)

    def _describe(self, head: _Head, _: bytes) -> _Answer:
        return _Program(Path(head["path"])).describe(), b""

    def _resources(self, head: _Head, _: bytes) -> _Answer:
        found = _Program(Path(head["path"])).resources()
        return {"sizes": {name: len(data) for name, data in found.items()}}, b"".join(
            found.values()
        )

    def _open(self, head: _Head, _: bytes) -> _Answer:
        model = _Model(Path(head["path"]), head["show"], head["float32"], self._loop)
        self._count += 1
        self._models[self._count] = model
        return {"model": self._count, "inputs": model.inputs, "outputs": model.outputs}, b""

    def _run(self, head: _Head, payload: bytes) -> _Answer:
        model, arrays = self._models[head["model"]], _unpacked(head, payload)
        count = head["count"]
        results = [model.run({name: a[i] for name, a in arrays.items()}) for i in range(count)]
        return _packed({name: np.stack([r[name] for r in results]) for name in model.outputs})

    def _feed(self, head: _Head, payload: bytes) -> _Answer:
        arrays = _unpacked(head, payload)
        self._models[head["model"]].feed({name: array[0] for name, array in arrays.items()})
        return {}, b""

    def _infer(self, head: _Head, _: bytes) -> _Answer:
        self._models[head["model"]].infer()
        return {}, b""

    def _results(self, head: _Head, _: bytes) -> _Answer:
        found = self._models[head["model"]].results()
        return _packed({name: array[None] for name, array in found.items()})

    def _time(self, head: _Head, _: bytes) -> _Answer:
        return {"runs": self._models[head["model"]].timed(head["runs"])}, b""

    def _close(self, head: _Head, _: bytes) -> _Answer:
        self._models.pop(head["model"]).close()
        return {}, b""


def _unpacked(head: _Head, payload: bytes) -> dict[str, Any]:
    """`arrays` of a request: name, type and shape (inferences, …) of each, whose bytes follow."""
    arrays, at = {}, 0
    for name, dtype, shape in head["arrays"]:
        array = np.frombuffer(payload, dtype, int(np.prod(shape)), at).reshape(shape)
        arrays[name] = array
        at += array.nbytes
    return arrays


def _packed(arrays: Mapping[str, Any]) -> _Answer:
    specs = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    return {"arrays": specs}, b"".join(array.tobytes() for array in arrays.values())


def _requests() -> Iterator[tuple[_Head, bytes]]:
    while line := sys.stdin.buffer.readline():
        head = json.loads(line)
        yield head, sys.stdin.buffer.read(head.pop("bytes"))


def main() -> None:
    """Answer until the input ends."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    server = Server()
    for head, payload in _requests():
        try:
            answer, data = server.answer(head, payload)
        except Exception as error:  # noqa: BLE001 - bindings raise anything
            answer, data = {"error": str(error) or type(error).__name__}, b""
        channel.write(json.dumps({**answer, "bytes": len(data)}).encode() + b"\n" + data)
        channel.flush()


if __name__ == "__main__":
    main()
