"""Where the bytes of a `.mlpackage` go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgeconv.core.digest import files, size
from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.errors import BadInput
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.values import Constant, ValueType

STRUCTURE = "structure"

# What a field of an unpacking operation holds; every other one is part of the weights.
_UNPACKING = {"lut": "palettes", "scale": "scales", "zero_point": "zero points"}
_UNPACKING |= {"offset": "zero points", "shape": "constants", "axis": "constants"}


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`."""
    program = read_program(path)
    description = program.spec.description
    counts: Counter[str] = Counter(manifest=size(path / "Manifest.json"))
    for function in program.functions.values():
        for name, constant in function.constants.items():
            counts["names"] += _letters(name, constant.label)
            counts[_part("const", "val", constant.type)] += _length(constant)
        for op in function.nodes():
            outputs = (out.name for out in op.outputs)
            counts["names"] += _letters(op.label, *outputs, *op.named_arguments())
            for parameter, constant in op.literals():
                counts[_part(op.type, parameter, constant.type)] += _length(constant)
    contract = _letters(description.metadata.userDefined.get(CONTRACT_KEY, ""))
    texts = (f.shortDescription for f in (*description.input, *description.output))
    counts["contract"] = contract
    counts["metadata"] = description.metadata.ByteSize() - contract + _letters(*texts)
    counts[STRUCTURE] = sum(size(file) for file in files(path)) - counts.total()
    return {part: length for part, length in counts.items() if length}


def _letters(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)


def _part(kind: str, parameter: str, type_: ValueType) -> str:
    """The part that the value of an operation's parameter belongs to."""
    if kind == "classify" and parameter == "classes":
        return "labels"
    if kind.startswith("constexpr_"):
        return _UNPACKING.get(parameter, "weights")
    if not type_.dtype.startswith("float") or not type_.shape:
        return "constants"
    return "weights" if len(type_.shape) > 1 else "biases"


def _length(constant: Constant) -> int:
    try:
        return constant.content_bytes
    except BadInput:  # no bytes here; a lint names what is missing
        return 0
