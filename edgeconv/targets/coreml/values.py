"""Values of a Core ML program: their types, and the constants that the file holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.blobs import HINT, BlobFile, BlobRecord, decode, numpy_type
from edgeconv.targets.file_graph import BITS

Shape = tuple[int, ...]  # an unknown dimension is −1


@dataclass(frozen=True)
class ValueType:
    """Type of one value. An unknown dimension is −1; `shape` is None for what is not a tensor."""

    dtype: str
    shape: Shape | None
    kind: str = "tensor"  # or list, dictionary, state


class ProgramValue(NamedTuple):
    """A named value of the program."""

    name: str
    type: ValueType

    @property
    def dtype(self) -> str:
        """Of a tensor or of a tensor state; empty for anything else, such as a dictionary."""
        has_dtype = self.type.kind in ("tensor", "state") and self.type.dtype != "unused_type"
        return self.type.dtype if has_dtype else ""

    @property
    def shape(self) -> Shape:
        """Empty for what is not a tensor."""
        return self.type.shape or ()


class Constant:
    """A value that the file holds, in the weight file or in the program.

    Attributes:
        type: its stored type.
        where: for messages: the file, the operation and which of its parameters this is.
        label: what the converter called the operation that holds it; empty for a literal.
    """

    def __init__(
        self, type_: ValueType, message: Any, blobs: BlobFile, where: str, label: str = ""
    ) -> None:
        self.type = type_
        self.where = where
        self.label = label
        self._message = message
        self._blobs = blobs

    @classmethod
    def of(cls, value: Any, type_: ValueType) -> Constant:
        """A constant of a program that is not in a file."""
        constant = cls(type_, None, BlobFile(b""), "constant")
        constant.__dict__["value"] = value
        return constant

    @cached_property
    def value(self) -> Any:
        """An array in its stored type, a string, or a list of them.

        Raises:
            BadInput: its bytes are missing, or do not fit its type and shape.
            Unsupported: a type without an equivalent here (bfloat16, float8).
        """
        if self.in_weight_file:
            record = self.record()
            if record.dtype != self.type.dtype:
                raise BadInput(
                    f"{self.where}: the weight file holds {record.dtype}, but the program declares "
                    f"{self.type.dtype}",
                    HINT,
                )
            content = self._blobs.content(record)
            return decode(content, self.type.dtype, self.type.shape or (), self.where)
        return _immediate(self._message.immediateValue, self.type, self.where)

    @property
    def in_weight_file(self) -> bool:
        """Whether it lies in the weight file, not in the program itself."""
        return bool(
            self._message is not None and self._message.WhichOneof("value") == "blobFileValue"
        )

    @property
    def needed_bytes(self) -> int:
        """Bytes that its type and shape take."""
        return (prod(self.type.shape or ()) * BITS.get(self.type.dtype, 0) + 7) // 8

    @property
    def content_bytes(self) -> int:
        """Bytes of its numbers or letters themselves. BadInput where the weight file lacks them."""
        return self.record().length if self.in_weight_file else _length(self._message)

    def record(self) -> BlobRecord:
        """Its record in the weight file. Raises BadInput where it is missing."""
        try:
            return self._blobs.record(self._message.blobFileValue.offset)
        except BadInput as error:
            raise BadInput(f"{self.where}: {error.message}", error.hint) from error


def _immediate(value: Any, type_: ValueType, where: str) -> Any:
    """A value stored in the program: an array, a string, or a list of them."""
    import numpy as np

    kind = value.WhichOneof("value")
    if kind in ("list", "tuple"):
        items = getattr(value, kind).values
        item_type = ValueType(type_.dtype, ())
        return [_immediate(item.immediateValue, item_type, where) for item in items]
    shape = type_.shape or ()
    tensor = value.tensor
    match tensor.WhichOneof("value"):
        case "bytes":
            return decode(tensor.bytes.values, type_.dtype, shape, where)
        case "strings":
            texts = [str(text) for text in tensor.strings.values]
            return texts[0] if type_.shape == () and len(texts) == 1 else texts
        case None:
            numbers = []
        case stored:
            numbers = list(getattr(tensor, stored).values)
    if len(numbers) != prod(shape):
        text = f"{where} holds {len(numbers)} values, its shape {shape} needs {prod(shape)}"
        raise BadInput(text, HINT)
    if type_.dtype in ("", "unused_type"):
        raise BadInput(f"{where} has no type", HINT)
    code = numpy_type(type_.dtype)
    if not code:
        raise Unsupported(
            f"{where}: values of type {type_.dtype} cannot be decoded",
            "export it again with float16 or float32 values",
        )
    try:
        return np.array(numbers, code).reshape(shape)
    except (OverflowError, TypeError, ValueError) as error:
        raise BadInput(f"{where} holds values that are not {type_.dtype}", HINT) from error


def _length(message: Any) -> int:
    """Bytes of the numbers or letters of a value stored in the program."""
    value = message.immediateValue
    if value.WhichOneof("value") == "list":
        return sum(_length(item) for item in value.list.values)
    tensor = value.tensor
    match tensor.WhichOneof("value"):
        case "bytes":
            return len(tensor.bytes.values)
        case "strings":
            return sum(len(text.encode()) for text in tensor.strings.values)
        case "floats":
            return 4 * len(tensor.floats.values)
    return int(tensor.ByteSize())
