"""What a caller sees of an ML program: inputs, outputs and class labels of its description.

Which shapes an input's description allows, where it allows more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan
from edgeconv.targets.coreml.blobs import HINT
from edgeconv.targets.coreml.package import array_dtype
from edgeconv.targets.coreml.program import Operation
from edgeconv.targets.coreml.values import ValueType

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Flexible:
    """The shapes in `listed`, or those within `ranges`: the smallest and largest size of each
    dimension, −1 for no bound."""

    listed: tuple[Shape, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, feature: Any) -> Flexible | None:
        """The shapes that a feature of the description allows; None where it allows only one."""
        array = feature.type.multiArrayType
        kind = array.WhichOneof("ShapeFlexibility")
        if kind == "enumeratedShapes":
            shapes = [array.shape, *(each.shape for each in array.enumeratedShapes.shapes)]
            return cls(tuple(dict.fromkeys(tuple(map(int, shape)) for shape in shapes)))
        if kind == "shapeRange":
            sizes = array.shapeRange.sizeRanges
            return cls((), tuple((int(r.lowerBound), int(r.upperBound)) for r in sizes))
        return None

    def check(self, name: str, shape: Shape) -> None:
        """Refuse other shapes as Core ML does, although the program might be able to compute them.

        Raises:
            BadInput: `shape` is not allowed.
        """
        if self.listed:
            if shape not in self.listed:
                text = f"MultiArray Shape ({' x '.join(map(str, shape))}) was not in enumerated set"
                raise self._refusal(name, f"{text} of allowed shapes")
            return
        if len(shape) != len(self.ranges):
            raise self._refusal(name, f"{len(shape)} dimensions, not {len(self.ranges)}")
        for at, (size, (least, most)) in enumerate(zip(shape, self.ranges, strict=True)):
            if size < least or size > most >= 0:
                text = f"Size ({size}) of dimension ({at}) is not in allowed range"
                raise self._refusal(name, f"{text} ({least}..{most})")

    def _refusal(self, name: str, why: str) -> BadInput:
        return BadInput(f"input '{name}': {why}", f"the file allows {self}")

    def __str__(self) -> str:
        if self.listed:
            return ", ".join(map(str, self.listed))
        words = [
            str(least) if least == most else f"{least}…{'any' if most < 0 else most}"
            for least, most in self.ranges
        ]
        return f"({', '.join(words)})"


@dataclass(frozen=True)
class Interface:
    """What a caller sees. `stored` are the program's own types of the inputs, `flexible` the shapes
    of those that allow several."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    stored: dict[str, str]
    labels: tuple[Any, ...]
    flexible: dict[str, Flexible]

    @classmethod
    def of(cls, spec: Any, function: str | None, plan: ExecutionPlan, path: Path) -> Interface:
        description = _description(spec, function)
        declared = plan.block.inputs
        inputs, flexible = {}, {}
        for feature in description.input:
            if feature.name not in declared:
                raise BadInput(f"{path}: the program has no input '{feature.name}'", HINT)
            shape = declared[feature.name].shape or ()
            inputs[feature.name] = TensorSpec(feature.name, shape, _dtype(feature, path))
            allowed = Flexible.of(feature)
            if allowed is not None:
                flexible[feature.name] = allowed
        values: dict[str, tuple[Operation | None, ValueType]] = {
            name: (op, t) for op in plan.block.operations for name, t in op.outputs
        }
        # A constant may be an output too; it is in no operation's outputs.
        values.update((name, (None, c.type)) for name, c in plan.block.constants.items())
        outputs = {}
        for feature in description.output:
            op, type_ = values.get(feature.name, (None, declared.get(feature.name)))
            if type_ is None:
                raise BadInput(
                    f"{path}: the program does not compute its output '{feature.name}'",
                    HINT,
                )
            if op is not None and op.type == "classify":
                outputs[feature.name] = _classifier(feature, _labels(plan))
            else:
                dtype = _dtype(feature, path)
                outputs[feature.name] = TensorSpec(feature.name, type_.shape or (), dtype)
        stored = {name: t.dtype for name, t in declared.items()}
        return cls(inputs, outputs, stored, _labels(plan), flexible)


def _labels(plan: ExecutionPlan) -> tuple[Any, ...]:
    classes = [step.fixed["classes"] for step in plan.steps if step.op.type == "classify"]
    return tuple(classes[0]) if classes else ()


def _description(spec: Any, function: str | None) -> Any:
    """Inputs and outputs of the chosen function; a plain package has one description for all."""
    name = function or spec.description.defaultFunctionName
    for each in spec.description.functions:
        if each.name == name:
            return each
    return spec.description


def _dtype(feature: Any, path: Path) -> str:
    kind = feature.type.WhichOneof("Type")
    if kind != "multiArrayType":
        raise Unsupported(
            f"{path}: '{feature.name}' is of kind {str(kind).removesuffix('Type')}",
            "coreml-reference takes and gives arrays only; export it with tensor inputs",
        )
    return array_dtype(feature, str(path))


def _classifier(feature: Any, labels: tuple[Any, ...]) -> TensorSpec:
    """The label, or the dictionary of probabilities flattened in the order of the labels."""
    kind = str(feature.type.WhichOneof("Type")).removesuffix("Type")
    if kind == "dictionary":
        return TensorSpec(feature.name, (1, len(labels)), "float32")
    return TensorSpec(feature.name, (1,), kind)  # string or int64
