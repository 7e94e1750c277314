"""A Core ML program in memory: functions, blocks, operations, values and constants.

The one model of `MIL.proto` that cost, lints, sizes, weights and the reference runtime look at.
Reading it checks what every user relies on (known types, named outputs); the numbers of a constant
are decoded on demand, so that a package without its weights can still be described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput
from edgeconv.targets.coreml.blobs import HINT, BlobFile
from edgeconv.targets.coreml.package import WEIGHTS, dimensions, dtypes, model_file, read_spec
from edgeconv.targets.coreml.values import Constant, ProgramValue, ValueType

CONSTANTS = frozenset({"const", "_const_symbolic"})
"""Operations that hold a constant. Of `_const_symbolic`, which the converter has for values with
unknown parts, only known values can be written into a file."""


Argument = str | Constant
"""What an operation's parameter is bound to: a value's name or a constant in place."""


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        position: from 0 through the function, constants and nested blocks included.
        inputs: parameters by name, sorted. Up to iOS 17, `constexpr_…` operations keep theirs
            among the attributes; they are listed here too.
        label: what the converter called it.
        inner: it is in a block of a control-flow operation.
    """

    type: str
    position: int
    inputs: dict[str, tuple[Argument, ...]]
    outputs: tuple[ProgramValue, ...]
    blocks: tuple[Block, ...] = ()
    label: str = ""
    inner: bool = False

    @property
    def name(self) -> str:
        """Of its first output, which is how messages name an operation; else its type."""
        return self.outputs[0].name if self.outputs else self.type

    @property
    def where(self) -> str:
        """For messages: the name of its first output and its position."""
        name = self.outputs[0].name if self.outputs else "no output"
        return f"operation '{self.type}' (output '{name}', number {self.position})"

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of the values that it reads, including those that its own blocks read."""
        captured: set[str] = set()
        for block in self.blocks:
            captured.update(block.outputs, *(op.reads for op in block.operations))
        return (*self.named_arguments(), *sorted(captured))

    def named_arguments(self) -> Iterator[str]:
        """Names of the values that its parameters are bound to."""
        return (a for arguments in self.inputs.values() for a in arguments if isinstance(a, str))

    def literals(self) -> Iterator[tuple[str, Constant]]:
        """Parameter and value of the constants stored in the operation itself."""
        for parameter, arguments in self.inputs.items():
            for argument in arguments:
                if isinstance(argument, Constant):
                    yield parameter, argument

    def first(self, parameter: str) -> str:
        """The value given as `parameter`; "" where there is none or a constant in place."""
        argument = next(iter(self.inputs.get(parameter, ())), "")
        return argument if isinstance(argument, str) else ""


@dataclass(frozen=True)
class Block:
    """Operations with named inputs and outputs; `constants` are its own `const` operations."""

    inputs: dict[str, ValueType]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    constants: dict[str, Constant] = field(default_factory=dict)


class Function:
    """One function of the program, and who makes and reads its values."""

    def __init__(self, name: str, opset: str, block: Block) -> None:
        self.name = name
        self.opset = opset
        self.block = block
        self.inputs = tuple(ProgramValue(*item) for item in block.inputs.items())
        self.outputs = block.outputs
        self.constants: dict[str, Constant] = dict(block.constants)
        self._nodes = tuple(self._walk(block))

    def _walk(self, block: Block) -> Iterator[Operation]:
        for op in block.operations:
            yield op
            for inner in op.blocks:
                self.constants.update(inner.constants)
                yield from self._walk(inner)

    def nodes(self) -> tuple[Operation, ...]:
        """Every operation but constants in the order of the program; those of nested blocks stand
        behind the one that owns the block."""
        return self._nodes

    def constant(self, name: str) -> Constant | None:
        """The constant that is the value `name`; None where that is computed, or unknown."""
        return self.constants.get(name)

    def argument(self, op: Operation, parameter: str) -> Constant | None:
        """A parameter whose value is known from the file; None where it is computed or left out."""
        argument = next(iter(op.inputs.get(parameter, ())), None)
        return self.constant(argument) if isinstance(argument, str) else argument

    def type_of(self, op: Operation, parameter: str) -> ValueType | None:
        """Type of what is given as `parameter`; None where there is none."""
        argument = next(iter(op.inputs.get(parameter, ())), None)
        if isinstance(argument, Constant):
            return argument.type
        return self.values[argument].type if argument in self.values else None

    def producer_of(self, name: str) -> Operation | None:
        """The operation that makes a value; None for inputs and constants."""
        return self._producers.get(name)

    def readers_of(self, name: str) -> tuple[Operation, ...]:
        """The operations that read a value."""
        return self._readers.get(name, ())

    @cached_property
    def values(self) -> dict[str, ProgramValue]:
        """Every value by name: inputs, constants and what operations make."""
        constants = {name: ProgramValue(name, c.type) for name, c in self.constants.items()}
        computed = {out.name: out for op in self._nodes for out in op.outputs}
        return {value.name: value for value in self.inputs} | constants | computed

    @cached_property
    def _producers(self) -> dict[str, Operation]:
        return {out.name: op for op in self._nodes for out in op.outputs}

    @cached_property
    def _readers(self) -> dict[str, tuple[Operation, ...]]:
        readers: dict[str, list[Operation]] = {}
        for op in self._nodes:
            for name in dict.fromkeys(op.reads):
                readers.setdefault(name, []).append(op)
        return {name: tuple(operations) for name, operations in readers.items()}


class Program:
    """The ML program of a `Model` message.

    Attributes:
        spec: the message. where: the file, for messages.
        functions: by name, in the order of the names.

    Raises:
        BadInput: not an ML program, an empty one, or one with unknown types.
    """

    def __init__(self, spec: Any, blobs: BlobFile, where: str) -> None:
        if spec.WhichOneof("Type") != "mlProgram":
            raise BadInput(f"{where} holds no ML program", "export it for iOS 15 or later")
        self.spec = spec
        self.where = where
        self.functions: dict[str, Function] = {}
        for name, message in sorted(spec.mlProgram.functions.items()):
            specializations = message.block_specializations
            if specializations:
                available = message.opset in specializations
                opset = message.opset if available else min(specializations)
                block = _Reader(blobs, where).block(specializations[opset], message.inputs)
                self.functions[name] = Function(name, str(message.opset), block)
        if not self.functions:
            raise BadInput(f"{where}: its ML program is empty", "export it again")

    def function(self, name: str | None = None) -> Function:
        """A function of the program.

        Args:
            name: None for the one that the description calls the default, else `main`, else the
                only one.

        Raises:
            BadInput: the program does not have the function.
        """
        chosen = name or self.spec.description.defaultFunctionName or "main"
        if chosen not in self.functions and name is None and len(self.functions) == 1:
            (chosen,) = self.functions
        if chosen not in self.functions:
            choices = ", ".join(self.functions)
            raise BadInput(f"{self.where} has no function '{chosen}'", f"choose one of: {choices}")
        return self.functions[chosen]

    def constants(self) -> Iterator[tuple[str, Constant]]:
        """Every value that the file holds, with the name of its operation."""
        for function in self.functions.values():
            yield from function.constants.items()
            for op in function.nodes():
                for _, constant in op.literals():
                    yield op.name, constant


def read_program(path: Path) -> Program:
    """The program of a package.

    Raises:
        BadInput: not a package, a damaged one, or one without an ML program.
    """
    spec = read_spec(path)
    return Program(spec, BlobFile.open(model_file(path).parent / WEIGHTS), str(path))


class _Reader:
    """Turns messages into dataclasses, numbering operations."""

    def __init__(self, blobs: BlobFile, where: str) -> None:
        self._blobs = blobs
        self._where = where
        self._position = 0
        self._dtypes = dtypes()

    def block(self, message: Any, inputs: Iterable[Any], inner: bool = False) -> Block:
        """A block; that of a function takes the function's inputs."""
        constants: dict[str, Constant] = {}
        operations = []
        for op in message.operations:
            if op.type in CONSTANTS:
                constants |= self._constants_of(op)
            else:
                operations.append(self._operation(op, inner))
        named_inputs = {item.name: self._type(item.type, f"input '{item.name}'") for item in inputs}
        return Block(named_inputs, tuple(message.outputs), tuple(operations), constants)

    def _constants_of(self, op: Any) -> dict[str, Constant]:
        position = self._position
        self._position += 1
        if not op.outputs:
            text = f"operation '{op.type}' (number {position}, {_label(op) or 'without a name'})"
            raise BadInput(f"{self._where}: {text} has no output", HINT)
        name = op.outputs[0].name
        if "val" not in op.attributes:
            raise BadInput(
                f"{self._where}: constant '{name}' (number {position}) has no value", HINT
            )
        return {name: self._constant(op.attributes["val"], f"constant '{name}'", _label(op))}

    def _operation(self, op: Any, inner: bool) -> Operation:
        position = self._position
        self._position += 1
        name = op.outputs[0].name if op.outputs else "no output"
        where = f"operation '{op.type}' (output '{name}', number {position})"
        inputs: dict[str, tuple[Argument, ...]] = {
            parameter: (self._constant(value, f"{where}, parameter '{parameter}'"),)
            for parameter, value in op.attributes.items()
            if parameter != "name"
        }
        for parameter, argument in op.inputs.items():
            text = f"{where}, parameter '{parameter}'"
            if not argument.arguments:
                raise BadInput(f"{self._where}: {text} is bound to no value", HINT)
            inputs[parameter] = tuple(self._binding(b, text) for b in argument.arguments)
        outputs = [
            ProgramValue(o.name, self._type(o.type, f"{where}, '{o.name}'")) for o in op.outputs
        ]
        return Operation(
            op.type,
            position,
            dict(sorted(inputs.items())),
            tuple(outputs),
            tuple(self.block(block, block.inputs, inner=True) for block in op.blocks),
            _label(op),
            inner,
        )

    def _binding(self, binding: Any, where: str) -> Argument:
        if binding.WhichOneof("binding") == "name":
            return str(binding.name)
        return self._constant(binding.value, where)

    def _constant(self, value: Any, where: str, label: str = "") -> Constant:
        type_ = self._type(value.type, where)
        return Constant(type_, value, self._blobs, f"{self._where}: {where}", label)

    def _type(self, message: Any, where: str) -> ValueType:
        kind = str(message.WhichOneof("type") or "").removesuffix("Type")
        if kind == "tensor":
            tensor = message.tensorType
            if tensor.dataType not in self._dtypes:
                raise BadInput(
                    f"{self._where}: {where} has the type number {tensor.dataType}, which is not "
                    "known",
                    HINT,
                )
            return ValueType(self._dtypes[tensor.dataType], dimensions(tensor))
        if kind == "state":
            wrapped = self._type(message.stateType.wrappedType, where)
            return ValueType(wrapped.dtype, wrapped.shape, "state")
        if kind == "list":
            return ValueType(self._type(message.listType.type, where).dtype, None, "list")
        return ValueType("", None, kind)


def _label(op: Any) -> str:
    strings = op.attributes["name"].immediateValue.tensor.strings if "name" in op.attributes else ()
    return str(strings.values[0]) if strings and strings.values else ""
