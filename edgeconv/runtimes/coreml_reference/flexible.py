"""Which shapes an input's description allows, where it allows more than one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeconv.errors import BadInput

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
