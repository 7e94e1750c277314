"""A Core ML package as its lints see it: functions, operations, constants, who reads what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Signal
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.errors import BadInput
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml.lints import constants as values
from edgeconv.targets.coreml.program_graph import dtypes
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, ...]  # an unknown dimension is −1


@dataclass(frozen=True)
class Value:
    """A tensor of the program; `dtype` is empty for what is no tensor, such as a dictionary."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Node:
    """One operation. `inputs` name values by parameter; a literal in place has the name "".

    Attributes:
        inner: it stands in a block of a control-flow operation.
        captured: names that its own blocks read.
    """

    kind: str
    name: str
    inputs: dict[str, tuple[str, ...]]
    outputs: tuple[Value, ...]
    message: Any = field(repr=False, compare=False)
    inner: bool = False
    captured: frozenset[str] = frozenset()

    @property
    def reads(self) -> tuple[str, ...]:
        given = tuple(name for names in self.inputs.values() for name in names if name)
        return (*given, *sorted(self.captured))

    @property
    def literal_types(self) -> tuple[str, ...]:
        """Types of the parameters whose values stand in the operation itself."""
        types = dtypes()
        return tuple(
            types[binding.value.type.tensorType.dataType]
            for argument in self.message.inputs.values()
            for binding in argument.arguments
            if binding.WhichOneof("binding") == "value"
        )

    def first(self, key: str) -> str:
        """The value given as parameter `key`; "" where there is none or a literal."""
        return next(iter(self.inputs.get(key, ())), "")


class Function:
    """One function of the program, the operations of inner blocks included."""

    def __init__(self, name: str, message: Any, types: dict[int, str]) -> None:
        self.name = name
        self.opset = str(message.opset)
        self._types = types
        blocks = message.block_specializations
        chosen = blocks[message.opset] if message.opset in blocks else next(iter(blocks.values()))
        self.inputs = tuple(self._value(item) for item in message.inputs)
        self.outputs = tuple(str(name) for name in chosen.outputs)
        everything = tuple(self._nodes(chosen, inner=False))
        self.constants = {n.name: n for n in everything if n.kind == "const"}
        self.nodes = tuple(n for n in everything if n.kind != "const")

    @cached_property
    def values(self) -> dict[str, Value]:
        """Every value by name: inputs, constants and what operations make."""
        made = {out.name: out for n in self.nodes for out in n.outputs}
        constants = {name: n.outputs[0] for name, n in self.constants.items()}
        return {v.name: v for v in self.inputs} | constants | made

    @cached_property
    def maker(self) -> dict[str, Node]:
        """Which operation makes a value; nothing for inputs and constants."""
        return {out.name: node for node in self.nodes for out in node.outputs}

    @cached_property
    def readers(self) -> dict[str, tuple[Node, ...]]:
        """Which operations read a value."""
        found: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.reads):
                found[name] = (*found.get(name, ()), node)
        return found

    def _value(self, named: Any) -> Value:
        kind = named.type
        if kind.WhichOneof("type") == "stateType":
            kind = kind.stateType.wrappedType
        tensor = kind.tensorType
        shape = tuple(
            int(d.constant.size) if d.WhichOneof("dimension") == "constant" else -1
            for d in tensor.dimensions
        )
        dtype = self._types.get(tensor.dataType, "") if kind.WhichOneof("type") else ""
        return Value(str(named.name), "" if dtype == "unused_type" else dtype, shape)

    def _nodes(self, block: Any, inner: bool) -> Iterator[Node]:
        for op in block.operations:
            inside = [node for b in op.blocks for node in self._nodes(b, inner=True)]
            ends = (str(name) for b in op.blocks for name in b.outputs)
            yield Node(
                kind=str(op.type),
                name=str(op.outputs[0].name) if op.outputs else str(op.type),
                inputs={
                    str(key): tuple(str(b.name) for b in argument.arguments)
                    for key, argument in op.inputs.items()
                },
                outputs=tuple(self._value(out) for out in op.outputs),
                message=op,
                inner=inner,
                captured=frozenset((*(name for n in inside for name in n.reads), *ends)),
            )
            yield from inside


class Package:
    """One `.mlpackage`.

    Raises:
        BadInput: no package, a damaged one, or one that holds no ML program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = package.read_spec(path)
        if self.spec.WhichOneof("Type") != "mlProgram":
            raise BadInput(f"{path} holds no ML program", "export it for iOS 15 or later")
        types = dtypes()
        self.functions = tuple(
            Function(str(name), message, types)
            for name, message in sorted(self.spec.mlProgram.functions.items())
            if message.block_specializations
        )
        weights = package.model_file(path).parent / package.WEIGHTS
        self.blob = weights.read_bytes() if weights.is_file() else b""

    @property
    def nodes(self) -> Iterator[tuple[Function, Node]]:
        """Every operation of every function."""
        for function in self.functions:
            for node in function.nodes:
                yield function, node

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
    def contract(self) -> Signal | None:
        """The sensor contract; None where there is none or a damaged one."""
        fields = self.spec.description.metadata.userDefined
        if CONTRACT_KEY not in fields:
            return None
        return parse_contract(fields[CONTRACT_KEY], str(self.path))

    def literals(self) -> Iterator[tuple[str, Any]]:
        """Name and message of every value that the file holds: constants, and those in place."""
        for function in self.functions:
            for node in (*function.constants.values(), *function.nodes):
                for key, value in node.message.attributes.items():
                    if key != "name":
                        yield node.name, value
                for argument in node.message.inputs.values():
                    for binding in argument.arguments:
                        if binding.WhichOneof("binding") == "value":
                            yield node.name, binding.value

    def constant(self, function: Function, node: Node, key: str) -> NDArray[Any] | None:
        """A parameter whose value is known from the file; None where it is computed or left out."""
        for binding in node.message.inputs[key].arguments if key in node.inputs else ():
            if binding.WhichOneof("binding") == "value":
                return values.read(binding.value, self.blob)
            holder = function.constants.get(binding.name)
            return values.read(holder.message.attributes["val"], self.blob) if holder else None
        return None

    def integers(self, function: Function, node: Node, key: str) -> Shape | None:
        """The same for whole numbers, such as axes."""
        found = self.constant(function, node, key)
        return None if found is None else tuple(int(n) for n in found.reshape(-1))

    def needed_bytes(self, value: Any) -> int:
        """Bytes that a weight of this type and shape takes."""
        tensor = value.type.tensorType
        elements = prod(int(d.constant.size) for d in tensor.dimensions)
        return (elements * BITS.get(dtypes()[tensor.dataType], 0) + 7) // 8
