"""The protobuf of an ML program as plain Python: functions, blocks, operations, types.

The messages are those of `MIL.proto`; constants are decoded here, once, by `weights`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.weights import WeightFile, decode_immediate
from edgeconv.targets.coreml.package import proto


@dataclass(frozen=True)
class ValueType:
    """Type of one value. An unknown dimension is −1; `shape` is None for what is no tensor."""

    dtype: str
    shape: tuple[int, ...] | None
    kind: str = "tensor"  # or list, dictionary, state


@dataclass(frozen=True)
class Constant:
    """A decoded constant: an array in its stored type, a string, or a list of them."""

    value: Any
    type: ValueType


CONSTANTS = frozenset({"const", "_const_symbolic"})
"""Operations that hold a constant. Of `_const_symbolic`, which the converter has for values with
unknown parts, only known values can be written into a file."""

Argument = str | Constant
"""What an operation's parameter is bound to: a value's name or a constant."""


@dataclass(frozen=True)
class Operation:
    """One operation. `position` counts from 0 through the function, nested blocks included."""

    type: str
    position: int
    inputs: dict[str, tuple[Argument, ...]]
    outputs: tuple[tuple[str, ValueType], ...]
    blocks: tuple[Block, ...] = ()

    @property
    def where(self) -> str:
        """For messages: the name of its first output and its position."""
        name = self.outputs[0][0] if self.outputs else "no output"
        return f"operation '{self.type}' (output '{name}', number {self.position})"


@dataclass(frozen=True)
class Block:
    """Operations with named inputs and outputs; `constants` are its own `const` operations."""

    inputs: dict[str, ValueType]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    constants: dict[str, Constant] = field(default_factory=dict)


def read_function(spec: Any, weights: WeightFile, name: str | None, where: str) -> Block:
    """The block of one function of the program, its inputs included.

    Args:
        spec: a `Model` message.
        name: the function, None for the default one.

    Raises:
        BadInput: no ML program, no such function, or damaged constants.
    """
    if spec.WhichOneof("Type") != "mlProgram":
        raise BadInput(f"{where} holds no ML program", "export it for iOS 15 or later")
    functions = spec.mlProgram.functions
    chosen = name or spec.description.defaultFunctionName or "main"
    if chosen not in functions:
        raise BadInput(
            f"{where} has no function '{chosen}'", f"choose one of: {', '.join(sorted(functions))}"
        )
    function = functions[chosen]
    blocks = function.block_specializations
    block = (
        blocks[function.opset] if function.opset in blocks else next(iter(blocks.values()), None)
    )
    if block is None:
        raise BadInput(f"{where}: its ML program is empty", "export it again")
    return _Reader(weights).block(block, function.inputs)


class _Reader:
    """Turns messages into dataclasses, numbering operations."""

    def __init__(self, weights: WeightFile) -> None:
        self._weights = weights
        self._position = 0
        self._dtypes = {v: k.lower() for k, v in proto("MIL_pb2").DataType.items()}

    def block(self, message: Any, inputs: Any) -> Block:
        constants: dict[str, Constant] = {}
        operations = []
        for op in message.operations:
            try:
                if op.type in CONSTANTS:
                    self._position += 1
                    constants[op.outputs[0].name] = self._constant(op.attributes["val"])
                else:
                    operations.append(self._operation(op))
            except Unsupported as error:
                name = op.outputs[0].name if op.outputs else "no output"
                raise Unsupported(
                    f"operation '{op.type}' (output '{name}'): {error.message}", error.hint
                ) from error
        named = {item.name: self._type(item.type) for item in inputs}
        return Block(named, tuple(message.outputs), tuple(operations), constants)

    def _operation(self, op: Any) -> Operation:
        position = self._position
        self._position += 1
        # Up to iOS 17, constexpr_ operations keep their parameters among the attributes.
        inputs: dict[str, tuple[Argument, ...]] = {
            key: (self._constant(value),) for key, value in op.attributes.items() if key != "name"
        }
        inputs.update(
            (key, tuple(self._binding(b) for b in argument.arguments))
            for key, argument in op.inputs.items()
        )
        return Operation(
            op.type,
            position,
            inputs,
            tuple((out.name, self._type(out.type)) for out in op.outputs),
            tuple(self.block(block, block.inputs) for block in op.blocks),
        )

    def _binding(self, binding: Any) -> Argument:
        if binding.WhichOneof("binding") == "name":
            return str(binding.name)
        return self._constant(binding.value)

    def _constant(self, value: Any) -> Constant:
        type_ = self._type(value.type)
        if value.WhichOneof("value") == "blobFileValue":
            blob = value.blobFileValue
            return Constant(self._weights.read(blob.offset, type_.dtype, type_.shape or ()), type_)
        return Constant(decode_immediate(value.immediateValue, type_.dtype, type_.shape), type_)

    def _type(self, message: Any) -> ValueType:
        kind = str(message.WhichOneof("type") or "").removesuffix("Type")
        if kind == "tensor":
            tensor = message.tensorType
            return ValueType(self._dtypes[tensor.dataType], tuple(_dimensions(tensor.dimensions)))
        if kind == "state":
            inner = self._type(message.stateType.wrappedType)
            return ValueType(inner.dtype, inner.shape, "state")
        if kind == "list":
            return ValueType(self._type(message.listType.type).dtype, None, "list")
        return ValueType("", None, kind)


def _dimensions(dimensions: Any) -> Iterator[int]:
    for dimension in dimensions:
        known = dimension.WhichOneof("dimension") == "constant"
        yield int(dimension.constant.size) if known else -1
