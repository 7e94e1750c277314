"""An ML program as a graph: its operations, values, labels and cost."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.proto import proto
from edgeconv.targets.file_graph import Graph, Op, Tensor, peak_bytes


def dtypes() -> dict[int, str]:
    """Number → name of MIL's data types, as everywhere else in this project."""
    return {v: k.lower() for k, v in proto("MIL_pb2").DataType.items()}


def operations(spec: Any, where: str) -> Any:
    """The operations of the main function's only block.

    Raises:
        BadInput: the model is no ML program, or an empty one; `where` is named.
    """
    if spec.WhichOneof("Type") != "mlProgram":
        raise BadInput(f"{where} holds no ML program", "export it for iOS 15 or later")
    functions = spec.mlProgram.functions
    main = functions["main"] if "main" in functions else next(iter(functions.values()), None)
    blocks = list(main.block_specializations.values()) if main is not None else []
    if not blocks:
        raise BadInput(f"{where}: its ML program is empty", "export it again")
    return blocks[0].operations


class Program:
    """Walks one program once, numbering its values."""

    def __init__(self, spec: Any, where: str) -> None:
        self.spec = spec
        self.types = dtypes()
        self.tensors: list[Tensor] = []
        self.number: dict[str, int] = {}
        self.operations = operations(spec, where)
        for name, feature in ((f.name, f.type) for f in spec.description.input):
            self._add(replace(self._feature(name, feature), name=name))
        for op in self.operations:
            for out in op.outputs:
                self._add(self._value(out, op.type == "const"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the `classify` operation, which stand in it or in a constant."""
        constants = {op.outputs[0].name: op for op in self.operations if op.type == "const"}
        for op in self.operations:
            if op.type == "classify":
                binding = op.inputs["classes"].arguments[0]
                value = binding.value
                if binding.WhichOneof("binding") == "name":
                    value = constants[binding.name].attributes["val"]
                return _strings(value.immediateValue)
        return ()

    def graph(self) -> Graph:
        ops = tuple(self._op(op) for op in self.operations if op.type != "const")
        inputs = tuple(self._feature(f.name, f.type) for f in self.spec.description.input)
        outputs = tuple(self._feature(f.name, f.type) for f in self.spec.description.output)
        ends = [self.number[t.name] for t in outputs if t.name in self.number]
        starts = [self.number[t.name] for t in inputs]
        return Graph(
            ops=ops,
            tensors=tuple(self.tensors),
            inputs=tuple(t.spec() for t in inputs),
            outputs=self._named(outputs),
            parameters=self._parameters(),
            peak_tensor_bytes=peak_bytes(ops, self.tensors, starts, ends),
            extra={"specification": str(self.spec.specificationVersion)},
        )

    def _named(self, outputs: tuple[Tensor, ...]) -> tuple[TensorSpec, ...]:
        """A classifier's dictionary has as many entries as there are labels."""
        n = len(self.labels)
        return tuple(
            replace(t, shape=(n,)).spec() if t.dtype == "dictionary" else t.spec() for t in outputs
        )

    def _add(self, tensor: Tensor) -> None:
        self.number[tensor.name] = len(self.tensors)
        self.tensors.append(tensor)

    def _value(self, out: Any, constant: bool) -> Tensor:
        kind = out.type.tensorType
        shape = tuple(
            int(d.constant.size) if d.WhichOneof("dimension") == "constant" else -1
            for d in kind.dimensions
        )
        return Tensor(out.name, shape, self.types[kind.dataType], constant=constant)

    def _feature(self, name: str, feature: Any) -> Tensor:
        kind = feature.WhichOneof("Type")
        if kind != "multiArrayType":
            return Tensor(name, (), kind.removesuffix("Type"))
        array = feature.multiArrayType
        dtype = proto("FeatureTypes_pb2").ArrayFeatureType.ArrayDataType.Name(array.dataType)
        return Tensor(name, tuple(int(d) for d in array.shape), dtype.lower())

    def _op(self, op: Any) -> Op:
        inputs = {
            key: tuple(self.number[a.name] for a in argument.arguments if a.name in self.number)
            for key, argument in op.inputs.items()
        }
        outputs = tuple(self.number[out.name] for out in op.outputs)
        named = {key: self.tensors[found[0]] for key, found in inputs.items() if found}
        macs = _macs(op.type, named, self.tensors[outputs[0]])
        flat = tuple(i for key in sorted(inputs) for i in inputs[key])
        return Op(op.type, op.outputs[0].name, flat, outputs, macs)

    def _parameters(self) -> int:
        """Elements of float constants of rank ≥ 1; a compressed weight by its unpacked shape."""
        packed: set[str] = set()
        read: set[str] = set()
        for op in self.operations:
            names = {a.name for v in op.inputs.values() for a in v.arguments}
            (packed if op.type.startswith("constexpr_") else read).update(names)
        total = 0
        for op in self.operations:
            for tensor in (self.tensors[self.number[out.name]] for out in op.outputs):
                weight = op.type == "const" and tensor.dtype.startswith("float") and tensor.shape
                # one of two outputs of an operation that unpacks may be read by the next such
                unpacks = op.type.startswith("constexpr_") and tensor.name in read
                if (weight or unpacks) and tensor.name not in packed:
                    total += tensor.elements
        return total


def _strings(value: Any) -> tuple[str, ...]:
    """Strings of an immediate value, which is a list of scalars or one tensor."""
    if value.WhichOneof("value") == "list":
        return tuple(v.immediateValue.tensor.strings.values[0] for v in value.list.values)
    return tuple(value.tensor.strings.values)


def _macs(kind: str, inputs: dict[str, Tensor], output: Tensor) -> int:
    """Multiply-accumulates; kernels are (out, in / groups, height, width)."""
    if kind == "conv":
        return output.elements * prod(inputs["weight"].shape[1:])
    if kind in ("linear", "matmul"):
        return output.elements * inputs["x"].shape[-1]
    return 0
